package committee

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
)

// ErrClosed is returned by a party whose records are closed.
var ErrClosed error = threshold.Faultf(threshold.Unavailable, "the party is stopping: ask again when it is back")

// errNoStore says that there is no store where one should be.
var errNoStore = pebble.ErrDBDoesNotExist

// store is a party's durable memory. Every write but that of a quota is on disk before
// its method returns; a quota's is with the next one. What is read may be on its way
// there. Tables, by the first byte of the key:
//
//	'i'                            -> signer(20) | squash-key id(32)
//	'n' epoch number(8)            -> number of openings of the key, as the epoch counts them (8)
//	'o' session                    -> ""
//	'd' epoch number(8) | handle   -> digest of its squashed blocks (32)
//	'v' epoch number(8) | handle   -> publicly opened value (32)
//	'c' epoch number(8) | plan     -> number that the epoch was handed on with (8)
//	'q' 'u' user or 'c' caller     -> when its quotas are whole again (16)
//
// Rows of 'o', 'd' and 'v' stand for something that the chain made, and paid for. Those
// of quotas go when they say nothing any more.
type store struct {
	mu     sync.Mutex // orders openings and quotas, so that none is counted twice, and Close
	db     *pebble.DB
	unable error     // why nothing can be read or written any more
	tidied time.Time // when old rows were last dropped
	wrote  uint64    // disclosures

	syncing sync.Mutex // comes before mu
	durable uint64     // disclosures that are on disk
}

// openStore opens the store in a folder. It makes one that is missing, unless it must
// be there: then it fails with errNoStore.
func openStore(fs vfs.FS, dir string, must bool, log *slog.Logger) (*store, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		FS: fs, FormatMajorVersion: pebble.FormatValueSeparation, Logger: pebbleLogger{log}, ErrorIfNotExists: must,
	})
	if err != nil {
		return nil, fmt.Errorf("open party store %s: %w", dir, err)
	}
	return &store{db: db}, nil
}

// empty demands that a folder has nothing in it, or is not there.
func empty(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("party store %s: %w", dir, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("folder %s is not empty: a party's records are never overwritten", dir)
	}
	return nil
}

func (s *store) close() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
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

// commit puts a batch on the disk, and what was written before it without sync.
func (s *store) commit(b *pebble.Batch) error { return s.apply(b, pebble.Sync) }

// apply writes a batch. After a failed write memory may be ahead of the disk, so the store
// is of no more use. The caller holds mu.
func (s *store) apply(b *pebble.Batch, o *pebble.WriteOptions) error {
	if s.unable != nil || b.Empty() {
		return s.unable
	}
	s.unable = write(func() error { return s.db.Apply(b, o) })
	return s.unable
}

// sync returns when so many disclosures are on the disk. One call syncs for all that
// wait: others go on with mu meanwhile.
func (s *store) sync(disclosures uint64) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	wrote, err := s.wrote, s.unable
	s.mu.Unlock()
	if err != nil || s.durable >= disclosures {
		return err
	}
	if err := write(func() error { return s.db.LogData(nil, pebble.Sync) }); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unable = err
		return err
	}
	s.durable = wrote
	return nil
}

// write turns into errors what Pebble does at a failed write to its log: it panics.
func write(by func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write party store: %v", p)
		}
	}()
	if err := by(); err != nil {
		return fmt.Errorf("write party store: %w", err)
	}
	return nil
}

// set writes one row. The caller holds mu.
func (s *store) set(key, value []byte) error {
	if s.unable != nil {
		return s.unable
	}
	batch := s.db.NewBatch()
	if err := batch.Set(key, value, nil); err != nil {
		return fmt.Errorf("write party store: %w", err)
	}
	return s.commit(batch)
}

func (s *store) setNumber(key []byte, n uint64) error {
	return s.set(key, binary.BigEndian.AppendUint64(nil, n))
}

// owner is whose store it is, and of which key.
type owner struct {
	signer fhe.Address
	key    fhe.Digest
}

// own demands that the store is its owner's; a new one becomes it.
func (s *store) own(o owner) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := append(o.signer[:], o.key[:]...)
	known, err := s.get([]byte{'i'})
	switch {
	case err != nil:
		return err
	case known == nil:
		return s.set([]byte{'i'}, row)
	case !bytes.Equal(known, row):
		return fmt.Errorf("party store is of signer %s and key %s, this party's are %s and %s: give each party, and each key, a folder of its own",
			fhe.Address(known), fhe.Digest(known[len(fhe.Address{}):]), o.signer, o.key)
	}
	return nil
}

// openings is how many squashed blocks of the key were ever opened, as an epoch counts
// them: it begins with those of the epochs before, and with what they may still open.
func (s *store) openings(e threshold.Epoch) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number(countKey(e))
}

// restored is in the place of an epoch's number where a backup counts.
const restored = 0

// counts are the counts of all epochs, by number.
func (s *store) counts() (map[uint64]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unable != nil {
		return nil, s.unable
	}
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'n'}, UpperBound: []byte{'n' + 1}})
	if err != nil {
		return nil, fmt.Errorf("read party store: %w", err)
	}
	counts := map[uint64]uint64{}
	for rows.First(); rows.Valid(); rows.Next() {
		if len(rows.Key()) != 9 || len(rows.Value()) != 8 {
			return nil, errors.Join(errors.New("party store: a count is not one"), rows.Close())
		}
		counts[binary.BigEndian.Uint64(rows.Key()[1:])] = binary.BigEndian.Uint64(rows.Value())
	}
	return counts, rows.Close()
}

// limit is the lower of the key's limit and of what an epoch was handed over with.
func (s *store) limit(e threshold.Epoch, limit uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ceiling(e, limit)
}

// ceiling is limit for a caller that holds mu.
func (s *store) ceiling(e threshold.Epoch, limit uint64) (uint64, error) {
	n, open, err := s.handed(e)
	if err != nil || !open {
		return limit, err
	}
	return min(limit, n), nil
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

func countKey(e threshold.Epoch) []byte {
	return binary.BigEndian.AppendUint64([]byte{'n'}, e.Number)
}

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
