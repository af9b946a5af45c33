package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// DamageError says that a record cannot be used: the disk does not give it back,
// it does not decode, or it is not what its digest says.
type DamageError struct {
	Key []byte // of the record, or of a table whose keys cannot be read
	Err error

	content ID // of a packed input list, one of its values
}

// Error says what to do about records that cannot be computed again.
func (e *DamageError) Error() string {
	what := fmt.Sprintf("%s %x is damaged: %v", tableName(e.Key[0]), e.Key[1:], e.Err)
	if e.Recomputable() {
		return what
	}
	return what + ": stop the node and run \"fhevm-node store verify --repair\", which takes the log back to the last good block; " +
		"nothing is lost, since the node follows the chain from there again"
}

func (e *DamageError) Unwrap() error { return e.Err }

// Recomputable reports whether Forget can mend the damage. What the log says
// can only be read from the chain again.
func (e *DamageError) Recomputable() bool {
	return len(e.Key) > 1 && recomputable(e.Key[0]) || string(e.Key) == string(tableBare)
}

func recomputable(table byte) bool {
	return strings.IndexByte("rfxyqus", table) >= 0
}

// damaged is err as one of the record at key; nil stays nil.
func damaged(key []byte, err error) error {
	if known := (*DamageError)(nil); err == nil || errors.As(err, &known) {
		return err
	}
	return &DamageError{Key: slices.Clone(key), Err: err}
}

// unlessDamaged is err, and nil if a record's damage is all that it says.
func unlessDamaged(err error) error {
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		return nil
	}
	return err
}

// ErrDropped says that a packed ciphertext is not kept, though it was.
var ErrDropped = errors.New("the packed ciphertext is not kept any more")

// errDigest says that a packed ciphertext and its digest do not fit: either may
// be the damaged one.
var errDigest = errors.New("its digest is another")

// Kept returns the packed ciphertext that holds a content, of its operation or
// list, after comparing it with its digest. Errors: ErrDropped, *DamageError.
func (s *Store) Kept(id ID, n *Node) ([]byte, error) {
	result, err := s.Result(id)
	switch {
	case err != nil:
		return nil, err
	case !result.Ready:
		return nil, fmt.Errorf("content %s: %w", id, ErrDropped)
	}
	at := s.Group(id, n)
	b, err := s.Packed(at)
	switch {
	case err == nil && b == nil:
		err = errors.New("it is missing")
	case err == nil && fhe.Keccak(b) != result.Digest:
		err = fmt.Errorf("%w: it is %s, want %s", errDigest, fhe.Keccak(b), result.Digest)
	}
	if err != nil {
		return nil, s.damagedPacked(at, id, err)
	}
	return b, nil
}

func (s *Store) damagedPacked(at, id ID, err error) error {
	var d *DamageError
	if errors.As(damaged(keyContent(tablePacked, at), err), &d) {
		d.content = id
	}
	return d
}

// Forget drops a damaged record that can be computed again, and makes the wants
// pending that lose their result by it.
func (s *Store) Forget(d *DamageError) error {
	if !d.Recomputable() {
		return d
	}
	s.log.Lock()
	defer s.log.Unlock()
	err := s.update(pebble.Sync, func(b *pebble.Batch) error {
		lost, err := s.forget(b, d)
		if len(lost) == 0 || err != nil {
			return err
		}
		return s.pend(b, func(id ID) (bool, error) { return slices.Contains(lost, id), nil })
	})
	return errors.Join(err, s.countPending())
}

// forget returns the contents that lose what became of them.
func (s *Store) forget(b *pebble.Batch, d *DamageError) ([]ID, error) {
	table, name := d.Key[0], d.Key[1:]
	switch {
	case len(name) == 0: // all bare ciphertexts
		first, past := tableRange(table)
		return nil, b.DeleteRange(first, past, nil)
	case table == tablePacked && len(name) == 32:
		together, err := s.together(ID(name), d.content)
		if err != nil {
			return nil, err
		}
		err = s.dropPacked(b, ID(name), together)
		if errors.Is(d.Err, errDigest) {
			err = errors.Join(err, b.Delete(keyContent(tableResult, d.content), nil))
		}
		return together, err
	case table == tableSquashed || table == tableUse:
		return nil, errors.Join(
			b.Delete(append([]byte{tableSquashed}, name...), nil),
			b.Delete(append([]byte{tableUse}, name...), nil))
	case (table == tableResult || table == tableFailure) && len(name) == 32:
		return []ID{ID(name)}, b.Delete(d.Key, nil)
	}
	return nil, b.Delete(d.Key, nil)
}

// together are the contents that are packed at a place. The values of a list
// are known by no record of it: one of them stands for all, and the others are
// found missing when they are read.
func (s *Store) together(at, value ID) ([]ID, error) {
	known, err := s.has(s.db, keyContent(tableNode, at))
	if err != nil {
		return nil, err
	}
	if !known {
		return []ID{value}, nil
	}
	n, err := s.Node(at)
	if err != nil {
		return nil, err
	}
	return s.Results(at, n), nil
}

// dropPacked deletes a packed ciphertext and keeps the digest of its contents.
func (s *Store) dropPacked(b *pebble.Batch, at ID, contents []ID) error {
	for _, id := range contents {
		key := keyContent(tableResult, id)
		result, ok, err := s.result(b, id)
		switch {
		case err != nil: // unreadable itself
			err = b.Delete(key, nil)
		case ok:
			result.Ready = false
			err = b.Set(key, result.encode(), nil)
		}
		if err != nil {
			return err
		}
	}
	return b.Delete(keyContent(tablePacked, at), nil)
}

// DamagedBare is the damage of a bare ciphertext that does not decode.
func (s *Store) DamagedBare(id ID, err error) error { return damaged(keyContent(tableBare, id), err) }
