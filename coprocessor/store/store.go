// Package store is the coprocessor's durable memory, on Pebble: the position
// in the ordered log, what each handle is bound to, how each content is made,
// what is wanted and still missing, and the ciphertexts.
//
// What the log says is written by Append in one synced batch together with the
// cursor. Everything else is a pure function of it and may be lost: results
// are written without waiting for the disk, and a want leaves the pending table
// in a synced batch behind its result, so whatever a crash loses is computed
// again.
//
// A Store is safe for concurrent use.
package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
)

// Store is an open database of one domain.
type Store struct {
	db     *pebble.DB
	domain fhe.Domain
	broken atomic.Pointer[error] // set by the first failed commit
	full   atomic.Bool           // the disk has been full

	// log serialises those who write what the log says and what it leaves to
	// do, or will say: Append, Revert, Retry, RetryAll, Settle and Stage.
	log     sync.Mutex
	pending atomic.Int64 // size of the pending table
	staged  stage        // guarded by log
}

// Open opens the database in dir of fs, and makes it if there is none. A
// database belongs to one domain for ever.
func Open(fs vfs.FS, dir string, domain fhe.Domain, log *slog.Logger) (*Store, error) {
	s := &Store{domain: domain}
	if err := s.open(fs, dir, options(log), s.checkFormat); err != nil {
		return nil, err
	}
	return s, nil
}

// open opens the database and has check look at its format.
func (s *Store) open(fs vfs.FS, dir string, o *pebble.Options, check func() error) (err error) {
	if !o.ReadOnly && !o.ErrorIfNotExists {
		if err := reserve(fs, dir); err != nil {
			return openError(dir, err)
		}
	}
	o.FS = s.watchSpace(fs, dir, o.Logger)
	if s.db, err = pebble.Open(dir, o); err != nil {
		return openError(dir, err)
	}
	if err := errors.Join(check(), s.countPending(), s.countStaged(), s.writable()); err != nil {
		return errors.Join(openError(dir, err), s.db.Close())
	}
	return nil
}

func options(log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		FormatMajorVersion:          pebble.FormatValueSeparation,
		CacheSize:                   64 << 20,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		Logger:                      logger{log},
		// By default corruption ends the process; here the reader gets the error.
		EventListener: &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error("ciphertext store is corrupt", "detail", info.String())
		}},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Ciphertexts are random: compression finds nothing, and compactions must
	// not copy half a megabyte per value.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy { return separation(5 * time.Minute) }
	return o
}

// separation keeps large values out of the tables that are compacted. Their
// files are written anew when they are that old and a third is garbage.
func separation(age time.Duration) pebble.ValueSeparationPolicy {
	return pebble.ValueSeparationPolicy{
		Enabled:               true,
		MinimumSize:           1 << 10,
		MaxBlobReferenceDepth: 10,
		RewriteMinimumAge:     age,
		TargetGarbageRatio:    0.3,
	}
}

// checkFormat reads the format record, and writes it into a new database.
func (s *Store) checkFormat() error {
	want := s.domain.Append([]byte{format})
	got, err := s.get(s.db, keyFormat)
	switch {
	case err != nil:
		return err
	case got == nil:
		return s.update(pebble.Sync, func(b *pebble.Batch) error { return b.Set(keyFormat, want, nil) })
	case len(got) != len(want) || got[0] != format:
		return fmt.Errorf("format %d, want %d", got[0], format)
	case string(got) != string(want):
		return errors.New("it belongs to another chain, ACL, key or protocol version")
	}
	return nil
}

// Close closes the database. No other method may run then or later. After a
// failed commit it leaves the database to the end of the process and returns
// that error: its locks may be held for ever.
func (s *Store) Close() error {
	if err := s.sound(); err != nil {
		return err
	}
	return s.db.Close()
}

// sound returns the error of the failed commit after which the database in
// memory may be ahead of the disk. Nothing is read or written then.
func (s *Store) sound() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// get returns a copy of the value of key, nil if there is none. Pebble tells only when
// the value is closed that a file of values did not give it back.
func (s *Store) get(r pebble.Reader, key []byte) ([]byte, error) {
	if err := s.sound(); err != nil {
		return nil, err
	}
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, damaged(key, err)
	}
	return append(make([]byte, 0, len(v)), v...), damaged(key, closer.Close())
}

func (s *Store) has(r pebble.Reader, key []byte) (bool, error) {
	if err := s.sound(); err != nil {
		return false, err
	}
	_, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, damaged(key, err)
	}
	return true, damaged(key, closer.Close())
}

// scan calls visit with every key of [first, past) and its value, both valid
// during the call only, until visit returns io.EOF or another error.
func (s *Store) scan(first, past []byte, visit func(key, value []byte) error) error {
	return s.scanKeys(first, past, func(it *pebble.Iterator) error {
		value, err := it.ValueAndErr()
		if err != nil {
			return damaged(it.Key(), err)
		}
		return visit(it.Key(), value)
	})
}

// scanKeys is scan for those who may not want to read the values.
func (s *Store) scanKeys(first, past []byte, visit func(it *pebble.Iterator) error) (err error) {
	if err := s.sound(); err != nil {
		return err
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: past})
	if err != nil {
		return fmt.Errorf("scan keys from %x: %w", first, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		err := visit(it)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("scan key %x: %w", it.Key(), err)
		}
	}
	if err := it.Error(); err != nil {
		return damaged(first, err)
	}
	return nil
}

// update commits what fill puts into a batch that reads its own writes.
func (s *Store) update(w *pebble.WriteOptions, fill func(b *pebble.Batch) error) error {
	b := s.db.NewIndexedBatch()
	if err := fill(b); err != nil {
		return errors.Join(err, b.Close())
	}
	return s.commit(b, w)
}

// commit turns Pebble's panic at a failed write to its log into an error,
// after which the store refuses to be used. Failures that Pebble meets
// elsewhere, such as in starting a new log, end the process: like kill -9
// they cost nothing that Append has acknowledged.
func (s *Store) commit(b *pebble.Batch, w *pebble.WriteOptions) (err error) {
	if err := s.writable(); err != nil {
		return errors.Join(err, b.Close())
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write to the ciphertext store: %v", p)
			s.broken.CompareAndSwap(nil, &err)
		}
	}()
	if err := b.Commit(w); err != nil {
		return fmt.Errorf("write to the ciphertext store: %w", err)
	}
	return b.Close()
}

// logger passes on what Pebble reports. Fatalf must not return.
type logger struct{ *slog.Logger }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.Error("ciphertext store", "error", fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
