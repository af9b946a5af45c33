package committee

import (
	"encoding/binary"
	"fmt"

	"fhevm/threshold"
	"fhevm/threshold/decrypt"
)

// lease is how many blocks an epoch may open beyond what it had opened when its
// count was handed on to the next one.
const lease = 1 << 20

// HandOver returns the number of openings to hand on to the next epoch: those
// counted so far and those that this epoch may still make until it is retired.
// From here on the party refuses to exceed it, so that what it says stays true.
func (p *Party) HandOver() (uint64, error) { return p.store.handOver(p.epoch) }

func (s *store) handOver(e threshold.Epoch) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.number(countKey(e))
	if err != nil {
		return 0, err
	}
	return n + lease, s.setNumber(ceilingKey(e), n+lease)
}

// inherit makes the count of a key's openings at least n.
func (s *store) inherit(e threshold.Epoch, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.number(countKey(e))
	if err != nil || known >= n {
		return err
	}
	return s.setNumber(countKey(e), n)
}

func ceilingKey(e threshold.Epoch) []byte {
	return binary.BigEndian.AppendUint64([]byte{'c'}, e.Number)
}

func (s *store) setNumber(key []byte, n uint64) error {
	if s.unable != nil {
		return s.unable
	}
	batch := s.db.NewBatch()
	if err := batch.Set(key, binary.BigEndian.AppendUint64(nil, n), nil); err != nil {
		return fmt.Errorf("write party store: %w", err)
	}
	return s.commit(batch)
}

// Lend is the party's share, to be read for handing it on.
func (p *Party) Lend() *decrypt.Share { return p.cfg.Secret.Share }
