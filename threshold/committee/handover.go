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
	n, err := s.handed(e)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		if n, err = s.number(countKey(e)); err != nil {
			return 0, err
		}
		n += lease
	}
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
// handed on in the attempts that are open; 0 if there are none. The caller holds mu.
func (s *store) handed(e threshold.Epoch) (least uint64, err error) {
	if s.unable != nil {
		return 0, s.unable
	}
	after := e
	after.Number++
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: ceilings(e), UpperBound: ceilings(after)})
	if err != nil {
		return 0, fmt.Errorf("read party store: %w", err)
	}
	for ok := rows.First(); ok; ok = rows.Next() {
		n, err := s.number(rows.Key())
		if err != nil {
			return 0, errors.Join(err, rows.Close())
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least, rows.Close()
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

// precede is the number from which an epoch counts that has none of its own. The epochs
// before do not exceed it from here on. One that was overtaken by a later epoch, as
// where a party was restored in both, opens nothing, since that does not count it.
func (s *store) precede(e threshold.Epoch) (n uint64, err error) {
	counts, err := s.counts()
	if err != nil {
		return 0, err
	}
	overtaken := false
	for number, count := range counts {
		if number >= e.Number {
			overtaken = overtaken || number > e.Number
			continue
		}
		if number != restored {
			if count, err = s.handOver(threshold.Epoch{Number: number}, following); err != nil {
				return 0, err
			}
		}
		n = max(n, count)
	}
	if overtaken {
		return n, s.stop(e, max(n, 1))
	}
	return n, nil
}

// stop has an epoch not exceed a number, unless it was handed on with one.
func (s *store) stop(e threshold.Epoch, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.handed(e)
	if err != nil || known != 0 {
		return err
	}
	return s.setNumber(ceilingKey(e, following), n)
}

// Lend is the party's share, to be read for handing it on.
func (p *Party) Lend() *decrypt.Share { return p.cfg.Secret.Share }
