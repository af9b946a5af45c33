package committee

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
	"fhevm/threshold"
)

// disclosure is one value that is about to be opened.
type disclosure struct {
	handle   fhe.Handle
	digest   fhe.Digest // of its squashed blocks
	sessions []threshold.Session
}

// disclose makes the openings of a decision durable: counted, bound to their bytes,
// and what was taken of quotas for them. It returns how many squashed blocks were fresh
// and how many of the key have been opened in all as the epoch counts them, both 0 with an error. It refuses, and
// writes nothing, if a handle was opened before with other bytes or if the number would exceed limit, or
// what the epoch was handed over with.
func (s *store) disclose(e threshold.Epoch, openings []disclosure, limit uint64) (fresh, total uint64, err error) {
	fresh, total, number, err := s.enter(e, openings, limit)
	if err == nil {
		err = s.sync(number)
	}
	if err != nil {
		return 0, 0, err
	}
	return fresh, total, nil
}

// enter is disclose but for the disk. It returns the number of the disclosure too.
func (s *store) enter(e threshold.Epoch, openings []disclosure, limit uint64) (fresh, total, number uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, sessions := s.db.NewBatch(), map[threshold.Session]bool{}
	for _, o := range openings {
		if err := s.bind(batch, e, o); err != nil {
			return 0, 0, 0, err
		}
		if err := s.addFresh(sessions, o.sessions); err != nil {
			return 0, 0, 0, err
		}
	}
	if limit, err = s.ceiling(e, limit); err != nil {
		return 0, 0, 0, err
	}
	if total, err = s.count(batch, e, sessions, limit); err == nil {
		err = s.apply(batch, pebble.NoSync)
	}
	s.wrote++
	return uint64(len(sessions)), total, s.wrote, err
}

// addFresh adds the sessions that were never opened.
func (s *store) addFresh(fresh map[threshold.Session]bool, sessions []threshold.Session) error {
	for _, session := range sessions {
		known, err := s.get(sessionKey(session))
		if err != nil {
			return err
		}
		if known == nil {
			fresh[session] = true
		}
	}
	return nil
}

// bind adds the handle's digest to the batch, or compares it with the one
// that is stored.
func (s *store) bind(batch *pebble.Batch, e threshold.Epoch, o disclosure) error {
	key := handleKey('d', e, o.handle)
	old, err := s.get(key)
	if err != nil {
		return err
	}
	switch {
	case old == nil:
		return batch.Set(key, o.digest[:], nil)
	case !bytes.Equal(old, o.digest[:]):
		return threshold.Faultf(threshold.DigestRejected, "squashed bytes of %s differ from those that were opened before", o.handle)
	}
	return nil
}

// count adds the fresh sessions and their number to the batch.
func (s *store) count(batch *pebble.Batch, e threshold.Epoch, fresh map[threshold.Session]bool, limit uint64) (uint64, error) {
	n, err := s.number(countKey(e))
	if err != nil || len(fresh) == 0 {
		return n, err
	}
	if n += uint64(len(fresh)); n > limit {
		return 0, threshold.Faultf(threshold.LimitReached, "the %d openings of the key, or of an epoch that was handed over, are used up: the network needs a new key, or has to activate the next epoch", limit)
	}
	for session := range fresh {
		if err := batch.Set(sessionKey(session), nil, nil); err != nil {
			return 0, err
		}
	}
	return n, batch.Set(countKey(e), binary.BigEndian.AppendUint64(nil, n), nil)
}
