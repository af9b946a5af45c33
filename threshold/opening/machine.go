package opening

import (
	"errors"
	"fmt"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// Machine is one party's opening of a list of handles. Its methods are the
// events: Start, then Answered, Unusable or Refused for each peer in any order,
// Expire when no more will come. It ends once; what comes later still serves to
// name liars. It is not safe for concurrent use.
type Machine struct {
	quorum   threshold.Quorum
	id       threshold.PartyID
	own      *Answer
	combiner *decrypt.Combiner

	heard    threshold.PartySet // peers whose word is in: the first one counts
	unusable threshold.PartySet // those of them that sent no shares
	others   []group            // those whose shares are of other bytes
	silent   threshold.PartySet // peers from which nothing came until Expire
	refusals threshold.Refusals

	values []*uint256.Int
	err    error // decrypt.ErrNotDone until the end
}

// group is the parties that hold the same squashed bytes.
type group struct {
	digests []fhe.Digest
	parties threshold.PartySet
}

// New makes the machine of party id, which holds the given partials of values
// of the given types and has recorded their openings.
func New(m prss.Margin, id threshold.PartyID, types []fhe.Type, own []decrypt.Partial) (*Machine, error) {
	if got, want := len(own), decrypt.Blocks(types); got != want {
		return nil, fmt.Errorf("opening of %d blocks with %d partials", want, got)
	}
	shares := make([]shamir.Element, len(own))
	for i, p := range own {
		shares[i] = p.Share
	}
	c := decrypt.NewCombiner(m, types)
	if err := c.Add(id, shares); err != nil {
		return nil, err
	}
	return &Machine{
		quorum: m.Quorum, id: id, own: NewAnswer(own), combiner: c,
		refusals: threshold.Refusals{}, err: decrypt.ErrNotDone,
	}, nil
}

// Start returns the parties to ask for their shares. A party that begins again
// after a crash asks all of them again.
func (m *Machine) Start() threshold.PartySet {
	return m.quorum.All() &^ threshold.Parties(m.id)
}

// Asked returns what to send to a party that asks: always the same.
func (m *Machine) Asked(from threshold.PartyID) (*Answer, error) {
	if !m.Start().Has(from) {
		return nil, threshold.Faultf(threshold.NotMember, "shares are for the other parties of the committee")
	}
	return m.own, nil
}

// Answered takes in a peer's shares. Those of other squashed bytes are kept
// apart: their sender was perhaps given others, so they count neither for the
// values nor as a lie.
func (m *Machine) Answered(from threshold.PartyID, a *Answer) {
	if !m.first(from) {
		return
	}
	shares, err := shamir.ParseElements(a.Shares, len(m.own.Digests))
	switch {
	case err != nil || len(a.Digests) != len(m.own.Digests):
		m.discard(from)
	case !slices.Equal(a.Digests, m.own.Digests):
		m.putAside(from, a.Digests)
		m.settle(nil)
	default:
		m.settle(m.combiner.Add(from, shares))
	}
}

// Unusable says that what a peer sent is no Answer at all.
func (m *Machine) Unusable(from threshold.PartyID) {
	if m.first(from) {
		m.discard(from)
	}
}

// Refused says that a peer gave a reason instead of shares, or could not be
// reached.
func (m *Machine) Refused(from threshold.PartyID, why error) {
	if m.first(from) {
		m.refusals[from] = why
		m.settle(nil)
	}
}

// Expire says that whoever has said nothing yet will come too late.
func (m *Machine) Expire() {
	if m.Done() {
		return
	}
	m.silent = m.Start() &^ m.heard
	for id := range m.silent.All() {
		m.refusals[id] = threshold.ErrSilent
	}
	m.end(nil, m.refusal())
}

// Done reports whether the machine has ended.
func (m *Machine) Done() bool { return m.err != decrypt.ErrNotDone }

// Values returns the opened values in the order of the handles once the machine
// has ended, and decrypt.ErrNotDone before. Other errors are the end too:
// decrypt.ErrUndecodable, a *threshold.CorruptError if more than t parties lied,
// or a *threshold.Fault if too few shares agree.
func (m *Machine) Values() ([]*uint256.Int, error) { return m.values, m.err }

// Blames lists, by party, what was wrong so far; a party whose own shares are
// wrong finds itself there. Other squashed bytes than a quorum's are a fault only
// once there is a quorum.
func (m *Machine) Blames() (out []threshold.Blame) {
	var others threshold.PartySet
	if m.combiner.Done() {
		for _, g := range m.others {
			others |= g.parties
		}
	}
	for id := range m.quorum.All().All() {
		switch {
		case m.unusable.Has(id):
			out = append(out, threshold.Blame{Party: id, Reason: threshold.UnusableBytes})
		case m.combiner.Liars().Has(id):
			out = append(out, threshold.Blame{Party: id, Reason: threshold.WrongShares})
		case others.Has(id):
			out = append(out, threshold.Blame{Party: id, Reason: threshold.OtherCiphertexts})
		case m.silent.Has(id):
			out = append(out, threshold.Blame{Party: id, Reason: threshold.Silence})
		}
	}
	return out
}

// first notes that a peer's word is in and reports whether it is the first one.
func (m *Machine) first(from threshold.PartyID) bool {
	if m.heard.Has(from) || !m.Start().Has(from) {
		return false
	}
	m.heard = m.heard.With(from)
	return true
}

// discard counts a peer that sent no shares among the liars.
func (m *Machine) discard(from threshold.PartyID) {
	m.unusable = m.unusable.With(from)
	m.settle(m.combiner.Add(from, nil))
}

var errOtherBytes = errors.New("its shares are of other squashed ciphertexts")

func (m *Machine) putAside(from threshold.PartyID, digests []fhe.Digest) {
	m.refusals[from] = errOtherBytes
	for i, g := range m.others {
		if slices.Equal(g.digests, digests) {
			m.others[i].parties = g.parties.With(from)
			return
		}
	}
	m.others = append(m.others, group{digests, threshold.Parties(from)})
}

// settle ends the machine if what has come in decides it.
func (m *Machine) settle(corrupt error) {
	switch {
	case m.Done():
	case corrupt != nil:
		m.end(nil, corrupt)
	case m.combiner.Done():
		m.end(m.combiner.Values())
	case m.heard == m.Start():
		m.end(nil, m.refusal())
	}
}

func (m *Machine) end(values []*uint256.Int, err error) { m.values, m.err = values, err }

// refusal says why too few shares agree. Where t+1 parties, one of them honest,
// hold the same other bytes, the party itself may have the wrong ones.
func (m *Machine) refusal() error {
	for _, g := range m.others {
		if g.parties.Len() > m.quorum.T {
			return threshold.Faultf(threshold.DigestRejected,
				"parties %v hold other squashed ciphertexts than party %d: compare what their coprocessors computed", g.parties, m.id)
		}
	}
	return m.refusals.Fault(m.quorum, m.combiner.Heard().Len())
}
