package dkg

import (
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Resume takes up the part of a party that had confirmed keys with these digests, and
// lost all else: it confirms them again and asks for the others' confirmations, of which
// some may be known already. Known ones that are not of this run are ignored. It has no
// Keys and no Secret. All that it sends says the same whenever it is sent, so that the
// party does not contradict itself, however often it resumes.
func Resume(run *Run, id threshold.PartyID, signer *secp256k1.PrivateKey, key, squash fhe.Digest, known []*Message) (*Machine, error) {
	m, err := newMachine(run, id, signer)
	if err != nil {
		return nil, err
	}
	m.phase, m.next, m.resumed, m.digests = Confirm, uint32(chunks(run.Params)), true, digests(key, squash)
	m.waited = 1 // it asks at once
	m.send(0, Ready, 0, m.digests)
	m.send(0, Confirm, 0, m.digests)
	for _, msg := range known {
		m.Receive(msg)
	}
	if m.Done() {
		m.tell()
	} else if m.failure == nil {
		m.send(0, Complaint, lastComplaint, m.here(m.others()).encode())
	}
	return m, nil
}

// tell passes on all confirmations.
func (m *Machine) tell() {
	for _, msg := range m.Certificate() {
		if msg.From != m.id {
			m.out = append(m.out, Envelope{m.others(), msg})
		}
	}
}

// digests are those of finished keys, as Ready and Confirm carry them.
func (k *Keys) digests() []byte { return digests(k.ID(), k.Squash.Digest()) }

func digests(key, squash fhe.Digest) []byte { return slices.Concat(key[:], squash[:]) }

// Certificate returns all parties' confirmations: proof that a run made these keys.
func (m *Machine) Certificate() (out []*Message) {
	for id := range m.run.quorum.All().All() {
		out = append(out, m.inbox[slot{from: id, kind: Confirm}])
	}
	return out
}

// Certified reports whether the messages are every party's confirmation of a run
// that made the keys with these ids.
func (r *Run) Certified(certificate []*Message, key, squash fhe.Digest) bool {
	var heard threshold.PartySet
	want := digests(key, squash)
	for _, msg := range certificate {
		if msg != nil && msg.Kind == Confirm && slices.Equal(msg.Body, want) && r.authentic(msg) {
			heard = heard.With(msg.From)
		}
	}
	return heard == r.quorum.All()
}
