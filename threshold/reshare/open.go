package reshare

import (
	"encoding/binary"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/agree"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// readOpen: the commitments that the sender saw, and its contributions.
func (r *Receiver) readOpen(m *message) error {
	saw, opening := m.body[:r.next().N*statementSize], m.body[r.next().N*statementSize:]
	if err := r.compare(Commit, m.from, saw, r.commits); err != nil {
		return err
	}
	if m.session != r.session {
		return guilty(m.from, nil, "derives another session from the same commitments")
	}
	if err := r.agreement.AddOpening(m.from.Party, opening); err != nil {
		return guilty(m.from, r.evidence(m), "%v", err)
	}
	return nil
}

// evidence is the sender's commitments and its opening, both signed.
func (r *Receiver) evidence(m *message) [][]byte {
	return [][]byte{r.commitments[m.from.Party], m.raw}
}

// Purposes of the keys that the new members agree on. Those of the masks are
// forgotten when the attempt ends, so that who learns an epoch's keys later
// learns nothing of how it got its shares.
const (
	epochPurpose = "epoch"
	maskPurpose  = "reshare"
)

const maskTag = "fhevm reshare mask"

// closeOpen: all members of each set have the same key, and each old member is
// told this member's shares of its mask.
func (r *Receiver) closeOpen() error {
	keys, err := r.agreement.Keys(maskPurpose, r.session)
	if err != nil {
		return err
	}
	defer clear(keys)
	for id := range r.old().All().All() {
		if r.masks[id], err = prss.Uniform(r.next(), r.self.Party, keys, maskContext(r.session, id), r.count); err != nil {
			return err
		}
		r.tell(Mask, Seat{Old, id}, appendElements(nil, r.masks[id]))
	}
	epoch, err := r.agreement.Keys(epochPurpose, r.session)
	if err != nil {
		return err
	}
	r.result = &Result{Keys: epoch}
	r.agreement.Wipe()
	return r.enter(Masked)
}

// maskContext names the masks of one old member's shares.
func maskContext(session fhe.Digest, old threshold.PartyID) fhe.Digest {
	return fhe.Keccak([]byte(maskTag), session[:], []byte{byte(old)})
}

func appendElements(b []byte, elements []shamir.Element) []byte {
	for _, e := range elements {
		b = e.Append(b)
	}
	return b
}

// contradict reports whether signed commitments and a signed opening contradict each
// other.
func contradict(t *table, commit, open *message) bool {
	next := t.plan.New.Quorum()
	at := next.N * statementSize
	return len(open.body) >= at &&
		agree.Check(next, t.digest, open.from.Party, open.to.Party, commit.body, open.body[at:]) != nil
}

func parseCount(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
