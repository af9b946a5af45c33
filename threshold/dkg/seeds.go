package dkg

import (
	"errors"
	"io"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
)

// errContribution says that what a party revealed is not what it committed to.
var errContribution = errors.New("contributions are not those that were committed to")

// commit draws contributions and sends their hashes: nobody can choose its own by
// those of others.
func (m *Machine) commit(rand io.Reader) error {
	var body []byte
	for _, set := range m.run.setsOf(m.id) {
		var c contribution
		if _, err := io.ReadFull(rand, c[:]); err != nil {
			return err
		}
		m.own[set] = c
		digest := m.run.commitment(m.id, set, c)
		body = append(body, digest[:]...)
	}
	m.send(0, Commitments, 0, body)
	return nil
}

// committed is the digest of all commitments as this party has them.
func (m *Machine) committed() fhe.Digest {
	return fhe.Keccak(m.bodies(Commitments)...)
}

// reveal sends each party the contributions to the sets that it is in.
func (m *Machine) reveal() error {
	for id := range m.run.quorum.All().All() {
		if len(m.message(Commitments, id).Body) != 32*len(m.run.setsOf(id)) {
			return errBody
		}
	}
	m.phase = Reveal
	all := m.committed()
	for id := range m.others().All() {
		body := append([]byte(nil), all[:]...)
		for _, set := range m.run.common(m.id, id) {
			c := m.own[set]
			body = append(body, c[:]...)
		}
		m.send(id, Reveal, 0, body)
	}
	return nil
}

// errCommitments says that two parties have seen different commitments.
var errCommitments = errors.New("parties have different commitments")

// square checks what was revealed, and sends squares of random elements.
func (m *Machine) square() error {
	all := m.committed()
	known := make(contributions)
	known.add(m.id, m.own)
	for id := range m.others().All() {
		if body := m.message(Reveal, id).Body; len(body) >= 32 && fhe.Digest(body[:32]) != all {
			return errCommitments
		}
		given, ok := m.run.revealed(m.message(Reveal, id), m.message(Commitments, id))
		if !ok {
			return errContribution
		}
		known.add(id, given)
	}
	seed := known.seeds(m.run)
	m.randomness = newRandomness(m.run.quorum, m.id, seed)
	m.assembly = newAssembly(m.run.Params, seed(m.run.quorum.All()))
	roots, squares := m.randomness.squares(sizesOf(m.run.Params).bits())
	m.roots, m.phase = roots, Squares
	m.send(0, Squares, 0, appendWide(nil, squares))
	return nil
}

// revealed decodes the contributions in a Reveal message, and compares them with
// the sender's commitments.
func (r *Run) revealed(reveal, commitments *Message) (map[threshold.PartySet]contribution, bool) {
	common := r.common(reveal.From, reveal.To)
	if len(reveal.Body) != 32*(1+len(common)) {
		return nil, false
	}
	hashes := r.commitments(commitments)
	out := make(map[threshold.PartySet]contribution)
	for i, set := range common {
		c := contribution(reveal.Body[32*(1+i):])
		if r.commitment(reveal.From, set, c) != hashes[set] {
			return nil, false
		}
		out[set] = c
	}
	return out, true
}

// commitments decodes the hashes in a Commitments message: none if it is malformed.
func (r *Run) commitments(msg *Message) map[threshold.PartySet]fhe.Digest {
	sets, out := r.setsOf(msg.From), make(map[threshold.PartySet]fhe.Digest)
	if len(msg.Body) != 32*len(sets) {
		return out
	}
	for i, set := range sets {
		out[set] = fhe.Digest(msg.Body[32*i:])
	}
	return out
}

// contributions are all that are known of a run, by set and party.
type contributions map[threshold.PartySet]map[threshold.PartyID]contribution

// add notes the contributions of a party.
func (k contributions) add(from threshold.PartyID, given map[threshold.PartySet]contribution) {
	for set, c := range given {
		if k[set] == nil {
			k[set] = make(map[threshold.PartyID]contribution)
		}
		k[set][from] = c
	}
}

// seeds are functions of the contributions of all members.
func (k contributions) seeds(r *Run) seeds {
	return func(set threshold.PartySet) tfhe.Seed {
		return r.seed(set, func(id threshold.PartyID) contribution { return k[set][id] })
	}
}
