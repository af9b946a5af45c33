package committee

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold"
)

// number reads a row of 8 bytes; 0 if there is none. The caller holds mu.
func (s *store) number(key []byte) (uint64, error) {
	v, err := s.get(key)
	if err != nil || v == nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("party store: a count has %d bytes, want 8", len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// openings is how many squashed blocks of the epoch's key were ever opened.
func (s *store) openings(e threshold.Epoch) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number(countKey(e))
}

// repeat counts a request that a permit ends.
func (s *store) repeat(batch *pebble.Batch, x *entry) (before uint64, err error) {
	if err := s.drop(batch, x.now); err != nil || x.until == 0 {
		return 0, err
	}
	key := requestKey(x.until, x.request)
	if before, err = s.number(key); err != nil {
		return 0, err
	}
	return before, batch.Set(key, binary.BigEndian.AppendUint64(nil, before+1), nil)
}

// requestKey begins with the end of the permit, so that requests are dropped in
// order.
func requestKey(until uint64, request fhe.Digest) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{'r'}, until), request[:]...)
}

// quotaRow reads the row of one who pays, nil if there is none.
func (s *store) quotaRow(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get([]byte(key))
}

const tidyInterval = 24 * time.Hour

// tidy drops what time has made useless.
func (s *store) tidy(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.db.NewBatch()
	if err := s.drop(batch, now); err != nil {
		return err
	}
	return s.commit(batch)
}

// drop adds to a batch, once a day, that requests go whose permits have ended, and
// what was used of quotas a day ago. The caller holds mu.
func (s *store) drop(batch *pebble.Batch, now time.Time) error {
	if s.unable != nil || now.Sub(s.tidied) < tidyInterval {
		return s.unable
	}
	s.tidied = now
	ended := binary.BigEndian.AppendUint64([]byte{'r'}, uint64(max(0, now.Unix())))
	if err := batch.DeleteRange([]byte{'r'}, ended, nil); err != nil {
		return err
	}
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'q'}, UpperBound: []byte{'q' + 1}})
	if err != nil {
		return err
	}
	for rows.First(); rows.Valid(); rows.Next() {
		v := rows.Value()
		if len(v) < 8 || now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(v)))) > tidyInterval {
			err = errors.Join(err, batch.Delete(rows.Key(), nil))
		}
	}
	return errors.Join(err, rows.Close())
}

// Found makes the store of a party that is restored from a backup, in a folder that
// has none: it goes on counting its key's openings from a number.
func Found(fs vfs.FS, dir string, e threshold.Epoch, openings uint64) error {
	if names, err := fs.List(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("party store %s: %w", dir, err)
	} else if len(names) > 0 {
		return fmt.Errorf("folder %s is not empty: a party's records are never overwritten", dir)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s, err := openStore(fs, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	err = batch.Set(countKey(e), binary.BigEndian.AppendUint64(nil, openings), nil)
	if err == nil {
		err = s.commit(batch)
	}
	return errors.Join(err, s.close())
}
