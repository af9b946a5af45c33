package agree

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"io"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/prss"
)

// contributionSize is the size of a contribution; a commitment to it has 32 bytes.
const contributionSize = 32

type contribution [contributionSize]byte

// Agreement is one party's part in one agreement. It prints as "[secret]".
type Agreement struct {
	quorum        threshold.Quorum
	id            threshold.PartyID
	context       fhe.Digest
	commitments   [threshold.MaxParties + 1][]byte
	contributions map[threshold.PartySet]map[threshold.PartyID]contribution
}

// New draws the contributions of party id from rand. The context names the one
// agreement that the commitments belong to.
func New(q threshold.Quorum, id threshold.PartyID, context fhe.Digest, rand io.Reader) (*Agreement, error) {
	a := &Agreement{quorum: q, id: id, context: context, contributions: map[threshold.PartySet]map[threshold.PartyID]contribution{}}
	for _, set := range prss.SetsOf(q, id) {
		var c contribution
		if _, err := io.ReadFull(rand, c[:]); err != nil {
			return nil, fmt.Errorf("draw contribution: %w", err)
		}
		a.contributions[set] = map[threshold.PartyID]contribution{id: c}
		a.commitments[id] = append(a.commitments[id], commit(context, set, id, c[:])...)
	}
	return a, nil
}

// Commitments is what the party tells everyone: 32 bytes for each of its sets,
// in the order of prss.SetsOf.
func (a *Agreement) Commitments() []byte { return a.commitments[a.id] }

// Opening is what the party tells another one alone: its contributions, 32
// bytes each, to the sets that both are members of, in order.
func (a *Agreement) Opening(to threshold.PartyID) (b []byte) {
	for _, set := range common(a.quorum, a.id, to) {
		c := a.contributions[set][a.id]
		b = append(b, c[:]...)
	}
	return b
}

// AddCommitments takes in a party's commitments, of which the first count.
func (a *Agreement) AddCommitments(from threshold.PartyID, b []byte) error {
	if want := CommitmentsSize(a.quorum, from); len(b) != want {
		return fmt.Errorf("commitments have %d bytes, want %d", len(b), want)
	}
	if a.commitments[from] == nil {
		a.commitments[from] = b
	}
	return nil
}

// AddOpening takes in what another party opened to this one, after its
// commitments.
func (a *Agreement) AddOpening(from threshold.PartyID, b []byte) error {
	if err := Check(a.quorum, a.context, from, a.id, a.commitments[from], b); err != nil {
		return err
	}
	for i, set := range common(a.quorum, from, a.id) {
		a.contributions[set][from] = contribution(b[i*contributionSize:])
	}
	return nil
}

// Check reports that an opening does not fit its sender's commitments.
func Check(q threshold.Quorum, context fhe.Digest, from, to threshold.PartyID, commitments, opening []byte) error {
	sets := common(q, from, to)
	if len(opening) != len(sets)*contributionSize || len(commitments) != CommitmentsSize(q, from) {
		return fmt.Errorf("opening has %d bytes of commitments of %d, want %d", len(opening), len(commitments), len(sets)*contributionSize)
	}
	next := 0
	for i, set := range prss.SetsOf(q, from) {
		if !set.Has(to) {
			continue
		}
		got := commit(context, set, from, opening[next:next+contributionSize])
		if string(got) != string(commitments[i*len(got):][:len(got)]) {
			return fmt.Errorf("the contribution for set %v is not the one that was committed to", set)
		}
		next += contributionSize
	}
	return nil
}

// Keys returns the party's keys, in the order of prss.SetsOf, once all members
// of each set have opened. Different purposes give independent keys; session
// is to commit to all parties' commitments.
func (a *Agreement) Keys(purpose string, session fhe.Digest) ([]prss.Key, error) {
	var keys []prss.Key
	for _, set := range prss.SetsOf(a.quorum, a.id) {
		key, err := a.key(purpose, session, set)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// key is SHAKE256(tag | length of purpose(1) | purpose | session(32) | set(2) |
// contributions of its members in order).
func (a *Agreement) key(purpose string, session fhe.Digest, set threshold.PartySet) (key prss.Key, err error) {
	h := sha3.NewSHAKE256()
	h.Write(append([]byte(keyTag), byte(len(purpose))))
	h.Write([]byte(purpose))
	h.Write(session[:])
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(set)))
	for id := range set.All() {
		c, ok := a.contributions[set][id]
		if !ok {
			return key, fmt.Errorf("party %d has not opened its contribution to set %v", id, set)
		}
		h.Write(c[:])
	}
	h.Read(key[:])
	return key, nil
}

// Wipe forgets all contributions.
func (a *Agreement) Wipe() {
	for _, set := range a.contributions {
		clear(set)
	}
}

// Format implements fmt.Formatter.
func (*Agreement) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// CommitmentsSize is the size of a party's commitments.
func CommitmentsSize(q threshold.Quorum, id threshold.PartyID) int {
	return 32 * len(prss.SetsOf(q, id))
}

// OpeningSize is the size of one party's opening to another.
func OpeningSize(q threshold.Quorum, from, to threshold.PartyID) int {
	return contributionSize * len(common(q, from, to))
}

// common lists the sets that both parties are members of, in order.
func common(q threshold.Quorum, a, b threshold.PartyID) (out []threshold.PartySet) {
	for _, set := range prss.SetsOf(q, a) {
		if set.Has(b) {
			out = append(out, set)
		}
	}
	return out
}

const (
	commitTag = "fhevm set key commitment"
	keyTag    = "fhevm set key"
)

func commit(context fhe.Digest, set threshold.PartySet, id threshold.PartyID, c []byte) []byte {
	d := fhe.Keccak([]byte(commitTag), context[:], binary.BigEndian.AppendUint16(nil, uint16(set)), []byte{byte(id)}, c)
	return d[:]
}
