package dkg

import (
	"errors"
	"slices"

	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
)

// errConfirm says that a party confirms other keys than it was ready for.
var errConfirm = errors.New("a party confirms other keys")

// finish ends the run when all have confirmed. A party that confirms something else
// spoils the run, and is the only one to do so.
func (m *Machine) finish() error {
	for id := range m.others().All() {
		if msg := m.message(Confirm, id); !slices.Equal(msg.Body, m.digests) {
			m.accuse(errConfirm, msg)
			return nil
		}
	}
	m.phase = done
	return nil
}

// Secret is what the party keeps of a run that it has confirmed: its share of the
// squash key's bits and the keys of its sets, for the committee whose epoch has the new
// keys.
func (m *Machine) Secret() (*dealer.Secret, error) {
	if !m.Confirmed() || m.resumed {
		return nil, errors.New("the keys are not confirmed, or were before the run was resumed")
	}
	c := *m.run.Committee
	c.Epoch.Key, c.Epoch.SquashKey = m.keys.ID(), m.keys.Squash.Digest()
	s := &dealer.Secret{Party: m.id, Committee: &c, Share: new(decrypt.Share)}
	for k := range m.secret.squash {
		for i, w := range m.secret.squash[k] {
			s.Share.Set(k, i, w)
		}
	}
	for _, t := range m.randomness.large {
		s.Keys = append(s.Keys, prss.Key(t.seed.Derive("decryption masks", 0).Bytes()))
	}
	return s, nil
}

func (s *secret) wipe() {
	for k := range s.bigBits {
		for _, words := range [][]uint64{s.bigBits[k], s.small[k], s.random[k], s.rows[k]} {
			clear(words)
		}
		clear(s.big[k][:])
		for _, p := range s.ring[k] {
			clear(p[:])
		}
	}
	for k := range s.squash {
		clear(s.squash[k])
		s.linear[k].Wipe()
	}
}

func (r *randomness) wipe() {
	for _, terms := range [][]term{r.large, r.small} {
		for i := range terms {
			terms[i].seed.Wipe()
		}
	}
}
