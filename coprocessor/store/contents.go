package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// MaxCiphertext bounds the encoding of a ciphertext: 32 blocks of 16.4 KB.
const MaxCiphertext = 1 << 20

// MaxSquashed bounds the encoding of the squashed ciphertexts of one handle.
const MaxSquashed = 16 << 20

// Binding returns what h is bound to, nil if the log has not defined it.
func (s *Store) Binding(h fhe.Handle) (*Binding, error) { return s.binding(s.db, h) }

func (s *Store) binding(r pebble.Reader, h fhe.Handle) (*Binding, error) {
	b, err := s.get(r, keyHandle(tableBinding, h))
	if b == nil || err != nil {
		return nil, err
	}
	return parseBinding(b)
}

// Wanted reports whether the log wants h itself.
func (s *Store) Wanted(h fhe.Handle) (bool, error) {
	return s.has(s.db, keyHandle(tableWant, h))
}

// Node returns how a content is made.
func (s *Store) Node(id ID) (*Node, error) {
	b, err := s.get(s.db, keyContent(tableNode, id))
	if err != nil {
		return nil, err
	}
	n := new(Node)
	if err := n.UnmarshalBinary(b); err != nil {
		return nil, fmt.Errorf("read content %s: %w", id, err)
	}
	return n, nil
}

// Result is what became of a content: at most one of Ready and Failure is set.
type Result struct {
	Ready   bool
	Digest  fhe.Digest // of the ciphertext, when Ready
	Failure *Failure
}

// Result looks a content up.
func (s *Store) Result(id ID) (Result, error) {
	digest, err := s.get(s.db, keyContent(tableResult, id))
	switch {
	case err != nil:
		return Result{}, err
	case digest != nil && len(digest) != 32:
		return Result{}, sizeError("result", len(digest), 32)
	case digest != nil:
		return Result{Ready: true, Digest: fhe.Digest(digest)}, nil
	}
	reason, err := s.get(s.db, keyContent(tableFailure, id))
	if reason == nil || err != nil {
		return Result{}, err
	}
	f, err := parseFailure(reason)
	return Result{Failure: f}, err
}

// Value is a computed content.
type Value struct {
	ID         ID
	Ciphertext []byte // its Keccak-256 becomes the digest of the result
}

// Put stores computed contents at once. It does not wait for the disk.
func (s *Store) Put(values ...Value) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error { return put(b, values) })
}

// PutList stores all values of an input list and drops its staged encoding.
func (s *Store) PutList(list fhe.Digest, values []Value) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		return errors.Join(put(b, values), b.Delete(keyList(list), nil))
	})
}

func put(b *pebble.Batch, values []Value) error {
	for _, v := range values {
		if len(v.Ciphertext) > MaxCiphertext {
			return fmt.Errorf("ciphertext of content %s has %d bytes, want at most %d", v.ID, len(v.Ciphertext), MaxCiphertext)
		}
		digest := fhe.Keccak(v.Ciphertext)
		err := errors.Join(
			b.Set(keyContent(tableCiphertext, v.ID), v.Ciphertext, nil),
			b.Set(keyContent(tableResult, v.ID), digest[:], nil))
		if err != nil {
			return err
		}
	}
	return nil
}

// Fail records one failure for all contents that it reaches.
func (s *Store) Fail(f *Failure, ids []ID) error {
	enc := f.encode()
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		for _, id := range ids {
			if err := b.Set(keyContent(tableFailure, id), enc, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Ciphertext returns the stored ciphertext, nil if there is none.
func (s *Store) Ciphertext(id ID) ([]byte, error) {
	return s.get(s.db, keyContent(tableCiphertext, id))
}

// List returns a staged input list, nil if there is none.
func (s *Store) List(digest fhe.Digest) ([]byte, error) { return s.get(s.db, keyList(digest)) }

// Squashed returns the stored squashed ciphertexts of a content under the
// squash key with the given id, nil if there are none.
func (s *Store) Squashed(key fhe.Digest, id ID) ([]byte, error) {
	return s.get(s.db, keySquashed(key, id))
}

// PutSquashed stores squashed ciphertexts and waits for the disk: who signed
// their digest must be able to show them.
func (s *Store) PutSquashed(key fhe.Digest, id ID, b []byte) error {
	if len(b) > MaxSquashed {
		return fmt.Errorf("squashed content %s has %d bytes, want at most %d", id, len(b), MaxSquashed)
	}
	return s.update(pebble.Sync, func(batch *pebble.Batch) error {
		return batch.Set(keySquashed(key, id), b, nil)
	})
}
