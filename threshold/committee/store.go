package committee

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
)

// ErrClosed is returned by a party after Close.
var ErrClosed = errors.New("party is closed")

// store is a party's durable memory. Every write is on disk before its method
// returns. Tables, by the first byte of the key:
//
//	'n' squash-key id              -> number of openings (8)
//	'o' session                    -> ""
//	'd' epoch number(8) | handle   -> digest of its squashed blocks (32)
//	'v' epoch number(8) | handle   -> publicly opened value (32)
//	'r' permit's end(8) | request  -> how often it was recorded (8)
//	'q' 'u' user or 'c' caller     -> what it used of its quota (24)
//	'c' epoch number(8) | attempt  -> number of openings that the epoch was handed over with (8)
//
// Rows of the first four stand for something that the chain made, and paid for. Those
// of requests go when their permits end, and as many as quotas allow are made until
// then; those of quotas go after a day.
type store struct {
	mu     sync.Mutex // orders openings, so that none is counted twice, and Close
	db     *pebble.DB
	unable error     // why nothing can be read or written any more
	tidied time.Time // when old rows were last dropped
}

func openStore(fs vfs.FS, dir string, log *slog.Logger) (*store, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		FS: fs, FormatMajorVersion: pebble.FormatValueSeparation, Logger: pebbleLogger{log},
	})
	if err != nil {
		return nil, fmt.Errorf("open party store %s: %w", dir, err)
	}
	return &store{db: db}, nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unable != nil {
		return s.unable
	}
	s.unable = ErrClosed
	return s.db.Close()
}

// get returns a copy of the value, nil if there is none. The caller holds mu.
func (s *store) get(key []byte) ([]byte, error) {
	if s.unable != nil {
		return nil, s.unable
	}
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read party store: %w", err)
	}
	return append([]byte{}, v...), closer.Close()
}

// commit puts a batch on the disk. Pebble panics at a failed write to its log;
// memory may then be ahead of the disk, so the store is of no more use.
func (s *store) commit(b *pebble.Batch) (err error) {
	if s.unable != nil || b.Empty() {
		return s.unable
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write party store: %v", p)
			s.unable = err
		}
	}()
	if err := s.db.Apply(b, pebble.Sync); err != nil {
		return fmt.Errorf("write party store: %w", err)
	}
	return nil
}

// values returns the values of handles that were publicly opened.
func (s *store) values(e threshold.Epoch, handles []fhe.Handle) (map[fhe.Handle]*uint256.Int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[fhe.Handle]*uint256.Int{}
	for _, h := range handles {
		v, err := s.get(handleKey('v', e, h))
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[h] = new(uint256.Int).SetBytes(v)
		}
	}
	return out, nil
}

// putValues stores publicly opened values.
func (s *store) putValues(e threshold.Epoch, handles []fhe.Handle, values []*uint256.Int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.db.NewBatch()
	for i, h := range handles {
		v := values[i].Bytes32()
		if err := batch.Set(handleKey('v', e, h), v[:], nil); err != nil {
			return fmt.Errorf("write party store: %w", err)
		}
	}
	return s.commit(batch)
}

// handleKey is the key of a handle in a table whose rows are of one epoch.
func handleKey(table byte, e threshold.Epoch, h fhe.Handle) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{table}, e.Number), h[:]...)
}

// disclosure is one value that is about to be opened.
type disclosure struct {
	handle   fhe.Handle
	digest   fhe.Digest // of its squashed blocks
	sessions []threshold.Session
}

// entry is what one decision makes durable.
type entry struct {
	now      time.Time
	openings []disclosure
	request  fhe.Digest // id of the request
	until    uint64     // end of its permit, Unix seconds; 0 keeps no count of the request
	rows     []row      // of those who pay
}

type row struct{ key, value []byte }

// record makes an entry durable. It returns how many squashed blocks were fresh, how
// many of the key have been opened in all, and how often the request was recorded
// before. It refuses, and records nothing, if a handle was opened before with other
// bytes or if the number would exceed limit.
func (s *store) record(e threshold.Epoch, x *entry, limit uint64) (fresh, total, repeats uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.db.NewBatch()
	sessions := map[threshold.Session]bool{}
	for _, o := range x.openings {
		if err := s.bind(batch, e, o); err != nil {
			return 0, 0, 0, err
		}
		if err := s.addFresh(sessions, o.sessions); err != nil {
			return 0, 0, 0, err
		}
	}
	ceiling, err := s.handed(e)
	if err != nil {
		return 0, 0, 0, err
	}
	if ceiling != 0 {
		limit = min(limit, ceiling)
	}
	if total, err = s.count(batch, e, sessions, limit); err != nil {
		return 0, total, 0, err
	}
	if repeats, err = s.repeat(batch, x); err != nil {
		return 0, total, 0, err
	}
	for _, r := range x.rows {
		if err := batch.Set(r.key, r.value, nil); err != nil {
			return 0, total, 0, err
		}
	}
	return uint64(len(sessions)), total, repeats, s.commit(batch)
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
		return n, threshold.Faultf(threshold.LimitReached, "the %d openings of the key, or of an epoch that was handed over, are used up: the network needs a new key, or has to activate the next epoch", limit)
	}
	for session := range fresh {
		if err := batch.Set(sessionKey(session), nil, nil); err != nil {
			return 0, err
		}
	}
	return n, batch.Set(countKey(e), binary.BigEndian.AppendUint64(nil, n), nil)
}

func countKey(e threshold.Epoch) []byte { return append([]byte{'n'}, e.SquashKey[:]...) }

func sessionKey(s threshold.Session) []byte { return append([]byte{'o'}, s[:]...) }

// pebbleLogger passes the database's errors on; a Fatalf is a bug or a broken disk.
type pebbleLogger struct{ log *slog.Logger }

func (pebbleLogger) Infof(string, ...any) {}
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("party store: " + fmt.Sprintf(format, args...))
}
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.log.Error("party store: " + fmt.Sprintf(format, args...))
	panic("party store: " + fmt.Sprintf(format, args...))
}
