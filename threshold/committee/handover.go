package committee

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
)

// lease is how many blocks an epoch may open beyond what it had opened when its
// count was handed on to the next one.
const lease = 1 << 20

// HandOver returns the number of openings to hand on to the next epoch in an
// attempt at resharing: those counted so far and those that this epoch may still
// make until it is retired. From here on the party refuses to exceed it, so that
// what it says stays true, until TakeBack. While another attempt is open it is that
// one's number, which may be in force one day.
func (p *Party) HandOver(attempt fhe.Digest) (uint64, error) {
	return p.records.store.handOver(p.epoch, attempt)
}

func (s *store) handOver(e threshold.Epoch, attempt fhe.Digest) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, err := s.number(countKey(e))
	if err != nil {
		return 0, err
	}
	n, open, err := s.handed(e)
	if err != nil {
		return 0, err
	}
	if !open {
		n = count + lease
	}
	n = max(n, count) // what was recounted may be beyond what was promised
	return n, s.setNumber(ceilingKey(e, attempt), n)
}

// TakeBack ends what HandOver promised in an attempt, of which no epoch can come
// any more that counts from the party's number. It does nothing if there is no such
// promise.
func (p *Party) TakeBack(attempt fhe.Digest) error { return p.records.store.takeBack(p.epoch, attempt) }

func (s *store) takeBack(e threshold.Epoch, attempt fhe.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unable != nil {
		return s.unable
	}
	batch := s.db.NewBatch()
	if err := batch.Delete(ceilingKey(e, attempt), nil); err != nil {
		return fmt.Errorf("write party store: %w", err)
	}
	return s.commit(batch)
}

// handed is the number that the epoch's openings must not exceed by what was
// handed on in the attempts that are open, if there are any. The caller holds mu.
func (s *store) handed(e threshold.Epoch) (least uint64, open bool, err error) {
	err = s.eachCeiling(e, func(_ []byte, n uint64) error {
		if !open || n < least {
			least, open = n, true
		}
		return nil
	})
	return least, open, err
}

// eachCeiling visits an epoch's ceilings. The caller holds mu.
func (s *store) eachCeiling(e threshold.Epoch, visit func(key []byte, n uint64) error) error {
	if s.unable != nil {
		return s.unable
	}
	after := e
	after.Number++
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: ceilings(e), UpperBound: ceilings(after)})
	if err != nil {
		return fmt.Errorf("read party store: %w", err)
	}
	for ok := rows.First(); ok && err == nil; ok = rows.Next() {
		var n uint64
		if n, err = s.number(rows.Key()); err == nil {
			err = visit(rows.Key(), n)
		}
	}
	return errors.Join(err, rows.Close())
}

// recount sets an epoch's count where store and log do not fit. What the epoch was
// handed on with below what it has certainly opened was taken back meanwhile.
func (s *store) recount(e threshold.Epoch, n, certain uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unable != nil {
		return s.unable
	}
	batch := s.db.NewBatch()
	err := batch.Set(countKey(e), binary.BigEndian.AppendUint64(nil, n), nil)
	if err == nil {
		err = s.eachCeiling(e, func(key []byte, ceiling uint64) error {
			if ceiling >= certain {
				return nil
			}
			return batch.Delete(key, nil)
		})
	}
	if err != nil {
		return fmt.Errorf("recount party store: %w", err)
	}
	return s.commit(batch)
}

// inherit makes an epoch's count of openings at least n.
func (s *store) inherit(e threshold.Epoch, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.number(countKey(e))
	if err != nil || known > 0 && known >= n {
		return err
	}
	return s.setNumber(countKey(e), n) // also 0: what follows has to know of the epoch
}

// ceilings begins the keys of an epoch's ceilings, one for each attempt that is open.
func ceilings(e threshold.Epoch) []byte {
	return binary.BigEndian.AppendUint64([]byte{'c'}, e.Number)
}

func ceilingKey(e threshold.Epoch, attempt fhe.Digest) []byte {
	return append(ceilings(e), attempt[:]...)
}

// following is in the place of an attempt where another epoch follows by whichever.
var following fhe.Digest

// begin is the count with which an epoch is served: its own, or one that begins above
// all epochs before, but not less than was handed on to it. An epoch that a later one
// follows, and of which it is not known what that one counts of it, as where a party
// was restored in both or lost its store, opens nothing more.
func (s *store) begin(e threshold.Epoch, handedOn uint64) (uint64, error) {
	counts, err := s.counts()
	if err != nil {
		return 0, err
	}
	n := counts[e.Number]
	if n == 0 {
		if n, err = s.precede(e, counts); err != nil {
			return 0, err
		}
	}
	n = max(n, handedOn)
	for number := range counts {
		if number > e.Number {
			return n, s.stop(e, n)
		}
	}
	return n, nil
}

// precede is the number from which an epoch counts that has none of its own. The epochs
// before do not exceed it from here on.
func (s *store) precede(e threshold.Epoch, counts map[uint64]uint64) (n uint64, err error) {
	for number, count := range counts {
		if number >= e.Number {
			continue
		}
		if number != restored {
			if count, err = s.handOver(threshold.Epoch{Number: number}, following); err != nil {
				return 0, err
			}
		}
		n = max(n, count)
	}
	return n, nil
}

// stop has an epoch not exceed a number, unless it was handed on with one.
func (s *store) stop(e threshold.Epoch, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, open, err := s.handed(e)
	if err != nil || open {
		return err
	}
	return s.setNumber(ceilingKey(e, following), n)
}

// Lend is the party's share, to be read for handing it on.
func (p *Party) Lend() *decrypt.Share { return p.cfg.Secret.Share }
