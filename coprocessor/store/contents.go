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

// Binding returns what h is bound to, nil if the log has not defined it.
func (s *Store) Binding(h fhe.Handle) (*Binding, error) { return s.binding(s.db, h) }

func (s *Store) binding(r pebble.Reader, h fhe.Handle) (*Binding, error) {
	b, err := s.get(r, keyHandle(tableBinding, h))
	if b == nil || err != nil {
		return nil, err
	}
	binding, err := parseBinding(b)
	return binding, damaged(keyHandle(tableBinding, h), err)
}

// Wanted reports whether the log wants h itself.
func (s *Store) Wanted(h fhe.Handle) (bool, error) {
	return s.has(s.db, keyHandle(tableWant, h))
}

// Node returns how a content is made.
func (s *Store) Node(id ID) (*Node, error) { return s.node(s.db, id) }

func (s *Store) node(r pebble.Reader, id ID) (*Node, error) {
	key := keyContent(tableNode, id)
	b, err := s.get(r, key)
	if err != nil {
		return nil, err
	}
	n := new(Node)
	return n, damaged(key, n.UnmarshalBinary(b))
}

// Result is what became of a content: at most one of Ready and Failure is set.
type Result struct {
	Ready   bool       // its packed ciphertext is kept
	Digest  fhe.Digest // of the packed ciphertext, also when that is not kept any more
	Failure *Failure
}

// Result looks a content up.
func (s *Store) Result(id ID) (Result, error) {
	result, ok, err := s.result(s.db, id)
	if ok || err != nil {
		return result, err
	}
	key := keyContent(tableFailure, id)
	reason, err := s.get(s.db, key)
	if reason == nil || err != nil {
		return Result{}, err
	}
	f, err := parseFailure(reason)
	return Result{Failure: f}, damaged(key, err)
}

// result reads the record of a success, false if there is none.
func (s *Store) result(r pebble.Reader, id ID) (Result, bool, error) {
	key := keyContent(tableResult, id)
	b, err := s.get(r, key)
	if b == nil || err != nil {
		return Result{}, false, err
	}
	result, err := parseResult(b)
	return result, err == nil, damaged(key, err)
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
		known, ok, err := s.result(b, id)
		if err != nil {
			return err
		}
		if ok && known.Digest != digest {
			return fmt.Errorf("content %s has digest %s, and now %s: this machine computes differently than before, or the record was damaged: ask another node for the digest; "+
				"to have everything computed again, move the store away", id, known.Digest, digest)
		}
		known = Result{Ready: true, Digest: digest}
		if err := b.Set(keyContent(tableResult, id), known.encode(), nil); err != nil {
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
func (s *Store) Results(id ID, n *Node) []ID {
	if n.Kind != Operation {
		return []ID{id}
	}
	return n.Results(s.domain)
}

// Domain is that of all contents.
func (s *Store) Domain() fhe.Domain { return s.domain }

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
	err = s.scanKeys(first, past, func(it *pebble.Iterator) error {
		if len(it.Key()) != 1+32 {
			return sizeError("key of a bare ciphertext", len(it.Key()), 1+32)
		}
		ids = append(ids, ID(it.Key()[1:]))
		return nil
	})
	return ids, err
}

// List returns the encoding of an input list that the log has named and that is
// not expanded, or its attestation where the list never came; nil if there is
// neither.
func (s *Store) List(digest fhe.Digest) ([]byte, error) { return s.get(s.db, keyList(digest)) }
