package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// Bounds of the staged lists, so that nobody fills the disk with inputs that no
// transaction uses.
const (
	MaxStaged      = 1024
	MaxStagedBytes = 16 << 20
	StagedFor      = 24 * time.Hour // one that no block names in this time is dropped
)

// ErrManyStaged says that there is no room for a further input list.
var ErrManyStaged = errors.New("too many inputs wait for their transactions: send those, or wait")

// stage is the index of the staged table.
type stage struct {
	lists map[fhe.Digest]stagedList
	bytes int
}

type stagedList struct {
	since time.Time
	size  int
}

func (s *stage) add(digest fhe.Digest, l stagedList) {
	s.drop(digest)
	if s.lists == nil {
		s.lists = make(map[fhe.Digest]stagedList)
	}
	s.lists[digest] = l
	s.bytes += l.size
}

func (s *stage) drop(digests ...fhe.Digest) {
	for _, d := range digests {
		s.bytes -= s.lists[d].size
		delete(s.lists, d)
	}
}

func (s *stage) expired(now time.Time) (out []fhe.Digest) {
	for d, l := range s.lists {
		if now.Sub(l.since) > StagedFor {
			out = append(out, d)
		}
	}
	return out
}

// room reports whether a list fits when the old ones are gone.
func (s *stage) room(digest fhe.Digest, size int, old []fhe.Digest) bool {
	if _, known := s.lists[digest]; known {
		return true
	}
	bytes := s.bytes + size
	for _, d := range old {
		bytes -= s.lists[d].size
	}
	return len(s.lists)-len(old) < MaxStaged && bytes <= MaxStagedBytes
}

// Stage keeps an input list, given by its encoding, until a block names it by
// an attestation, or StagedFor after now. It waits for the disk: who vouches for
// the list must have it. A list that is staged already is kept for longer.
// Errors: ErrManyStaged, or what is wrong with the list.
func (s *Store) Stage(encoding []byte, now time.Time) error {
	digest, err := s.checkList(encoding)
	if err != nil {
		return err
	}
	s.log.Lock()
	defer s.log.Unlock()
	named, err := s.List(digest)
	switch {
	case err != nil:
		return err
	case fhe.IsAttested(named): // a block came before it
		return s.update(pebble.Sync, func(b *pebble.Batch) error { return b.Set(keyList(digest), encoding, nil) })
	case named != nil:
		return nil
	}
	return s.admit(digest, encoding, now)
}

// checkList returns the digest of a list of this domain.
func (s *Store) checkList(encoding []byte) (fhe.Digest, error) {
	var list fhe.InputList
	if err := list.UnmarshalBinary(encoding); err != nil {
		return fhe.Digest{}, err
	}
	want := list.Binding
	want.Domain = s.domain
	return fhe.Keccak(encoding), list.Binding.Check(want)
}

// admit stages a list and drops those that are too old, in one write.
func (s *Store) admit(digest fhe.Digest, encoding []byte, now time.Time) error {
	old := s.staged.expired(now)
	if !s.staged.room(digest, len(encoding), old) {
		return ErrManyStaged
	}
	value := append(binary.BigEndian.AppendUint64(nil, uint64(now.Unix())), encoding...)
	err := s.update(pebble.Sync, func(b *pebble.Batch) error {
		for _, d := range old {
			if err := b.Delete(keyStaged(d), nil); err != nil {
				return err
			}
		}
		return b.Set(keyStaged(digest), value, nil)
	})
	if err != nil {
		return err
	}
	s.staged.drop(old...)
	s.staged.add(digest, stagedList{now, len(encoding)})
	return nil
}

// countStaged reads the index.
func (s *Store) countStaged() error {
	first, past := tableRange(tableStaged)
	return s.scan(first, past, func(key, value []byte) error {
		if len(key) != 1+32 || len(value) < 8 {
			return fmt.Errorf("staged input list has %d bytes by a name of %d", len(value), len(key)-1)
		}
		since := time.Unix(int64(binary.BigEndian.Uint64(value)), 0)
		s.staged.add(fhe.Digest(key[1:]), stagedList{since, len(value) - 8})
		return nil
	})
}

// attested takes the list that a block names out of the stage. Where it is not
// there its attestation is kept instead, so that its values fail.
func (a *appender) attested(list *fhe.AttestedInput, attestation []byte) error {
	known, err := a.s.has(a.b, keyList(list.List))
	if known || err != nil {
		return err
	}
	value, err := a.s.get(a.b, keyStaged(list.List))
	if err != nil {
		return err
	}
	if len(value) < 8 || !names(list, value[8:]) {
		return a.b.Set(keyList(list.List), attestation, nil)
	}
	a.taken = append(a.taken, list.List)
	return errors.Join(
		a.b.Set(keyList(list.List), value[8:], nil),
		a.b.Delete(keyStaged(list.List), nil))
}

// names reports whether the attestation is of the list with that encoding.
func names(a *fhe.AttestedInput, encoding []byte) bool {
	var list fhe.InputList
	return list.UnmarshalBinary(encoding) == nil && a.Names(&list) == nil
}
