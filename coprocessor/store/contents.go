package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// MaxPacked bounds the encoding of packed values: 1024 blocks of 256 to a mask
// of 1.2 KB, 11 bits each.
const MaxPacked = 1 << 16

// MaxBare bounds the encoding of a bare ciphertext: 128 blocks of 16.4 KB.
const MaxBare = 1 << 22

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
func (s *Store) Node(id ID) (*Node, error) { return s.node(s.db, id) }

func (s *Store) node(r pebble.Reader, id ID) (*Node, error) {
	b, err := s.get(r, keyContent(tableNode, id))
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
	Digest  fhe.Digest // of the packed ciphertext, when Ready
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

// Put stores the results of an operation: packed together, which gives them their
// digest, and, unless there are none, their bare ciphertexts. It refuses another
// digest than it has stored before. It does not wait for the disk.
func (s *Store) Put(results []ID, packed []byte, bare [][]byte) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		err := s.put(b, results[0], packed, results...)
		for i, c := range bare {
			if len(c) > MaxBare {
				return fmt.Errorf("bare ciphertext of content %s has %d bytes, want at most %d", results[i], len(c), MaxBare)
			}
			err = errors.Join(err, b.Set(keyContent(tableBare, results[i]), c, nil))
		}
		return err
	})
}

// PutList stores the values of an input list, packed together, as the results
// of contents, and drops the list's staged encoding.
func (s *Store) PutList(list fhe.Digest, packed []byte, contents []ID) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		return errors.Join(s.put(b, ID(list), packed, contents...), b.Delete(keyList(list), nil))
	})
}

func (s *Store) put(b *pebble.Batch, at ID, packed []byte, contents ...ID) error {
	if len(packed) > MaxPacked {
		return fmt.Errorf("packed ciphertext %s has %d bytes, want at most %d", at, len(packed), MaxPacked)
	}
	digest := fhe.Keccak(packed)
	for _, id := range contents {
		known, err := s.get(b, keyContent(tableResult, id))
		if err != nil {
			return err
		}
		if known != nil && string(known) != string(digest[:]) {
			return fmt.Errorf("content %s has digest 0x%x, and now %s: this machine computes differently than before", id, known, digest)
		}
		if err := b.Set(keyContent(tableResult, id), digest[:], nil); err != nil {
			return err
		}
	}
	return b.Set(keyContent(tablePacked, at), packed, nil)
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

// Packed returns the packed ciphertexts of an operation, by its first content, or
// of the input list with that digest; nil if there are none.
func (s *Store) Packed(id ID) ([]byte, error) { return s.get(s.db, keyContent(tablePacked, id)) }

// Results are the contents that the computation of content id, made as n says,
// makes.
func (s *Store) Results(id ID, n *Node) []ID { return n.results(s.domain, id) }

// Group names what is packed together with content id, made as n says: the first
// result of its operation, or its input list.
func (s *Store) Group(id ID, n *Node) ID {
	if n.Kind == Input {
		return ID(n.List)
	}
	return s.Results(id, n)[0]
}

// Adopt stores what another store keeps of content id, made as n says, as that
// content's result, not as that of those packed with it.
func (s *Store) Adopt(id ID, n *Node, packed []byte) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		return s.put(b, s.Group(id, n), packed, id)
	})
}

// Bare returns the bare ciphertext of an operation's content, nil if it is not
// kept.
func (s *Store) Bare(id ID) ([]byte, error) { return s.get(s.db, keyContent(tableBare, id)) }

// HasBare reports whether Bare would return a ciphertext.
func (s *Store) HasBare(id ID) (bool, error) { return s.has(s.db, keyContent(tableBare, id)) }

// DropBare forgets bare ciphertexts, which can be computed again.
func (s *Store) DropBare(ids ...ID) error {
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		for _, id := range ids {
			if err := b.Delete(keyContent(tableBare, id), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// AllBare lists the contents that have a bare ciphertext.
func (s *Store) AllBare() (ids []ID, err error) {
	first, past := tableRange(tableBare)
	err = s.scanKeys(first, past, func(key []byte, _ func() ([]byte, error)) error {
		if len(key) != 1+32 {
			return sizeError("key of a bare ciphertext", len(key), 1+32)
		}
		ids = append(ids, ID(key[1:]))
		return nil
	})
	return ids, err
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
