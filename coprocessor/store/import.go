package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// Importing is how an archive is read into a store.
type Importing struct {
	// Accept says why a record's digest is not to be trusted: nil if it is.
	Accept   func(*Record) error
	Progress func(records int)
}

// Import reads an archive of the store's domain. It takes what the store's own
// log names and has no ciphertext yet, if Accept trusts the digest, and says what
// it left out. A ciphertext that differs from one that the store has ends it.
// What it took before an error stays: each record stands for itself.
func (s *Store) Import(ctx context.Context, r io.Reader, how Importing) (*Exported, error) {
	result := new(Exported)
	a, err := NewArchiveReader(r)
	if err != nil {
		return result, err
	}
	if a.Domain != s.domain {
		return result, errors.New("the archive belongs to another chain, ACL, key or protocol version")
	}
	for done := 1; ; done++ {
		record, err := a.Next()
		if errors.Is(err, io.EOF) {
			return result, s.update(pebble.Sync, func(*pebble.Batch) error { return nil })
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return result, err
		}
		if err := s.take(record, how.Accept, result); err != nil {
			return result, err
		}
		how.Progress(done)
	}
}

// leftOut is a reason for not taking a record.
type leftOut struct{ error }

func (s *Store) take(r *Record, accept func(*Record) error, result *Exported) error {
	err := s.takeRecord(r, accept, result)
	if out := (leftOut{}); errors.As(err, &out) {
		result.leaveOut(out.Error())
		return nil
	}
	return err
}

func (s *Store) takeRecord(r *Record, accept func(*Record) error, count *Exported) error {
	id, n, err := s.named(r)
	if err != nil {
		return err
	}
	known, err := s.Result(id)
	switch {
	case err != nil:
		return err
	case known.Digest != fhe.Digest{} && known.Digest != r.Digest:
		return fmt.Errorf("the archive has digest %s for handle %s, and this store %s: one of them computed wrongly", r.Digest, r.Handle, known.Digest)
	case known.Ready:
		count.Known++
		return nil
	}
	if err := accept(r); err != nil {
		return leftOut{err}
	}
	contents, err := s.contentsOf(id, n)
	if err != nil {
		return err
	}
	if err := checkTypes(r.Packed, n, len(contents)); err != nil {
		return leftOut{err}
	}
	count.Records++
	if n.Kind == Input {
		return s.PutList(n.List, r.Packed, contents)
	}
	return s.Put(contents, r.Packed, nil)
}

// named returns the content of the record's handle, as the store's own log
// knows it.
func (s *Store) named(r *Record) (ID, *Node, error) {
	binding, err := s.Binding(r.Handle)
	if err != nil {
		return ID{}, nil, err
	}
	if binding == nil {
		return ID{}, nil, leftOut{errors.New("the log of this store does not know the handle (yet)")}
	}
	n, err := s.Node(binding.Content)
	if err != nil {
		return ID{}, nil, err
	}
	if n.Kind == Undefined || s.Group(binding.Content, n) != r.Content || !bytes.Equal(binding.Derivation, r.Derivation) {
		return ID{}, nil, leftOut{errors.New("the handle is made otherwise in this store")}
	}
	return binding.Content, n, nil
}

// contentsOf are those that are packed together with a content.
func (s *Store) contentsOf(id ID, n *Node) ([]ID, error) {
	if n.Kind != Input {
		return s.Results(id, n), nil
	}
	enc, err := s.List(n.List)
	if err != nil {
		return nil, err
	}
	list, err := ParseList(enc)
	if err != nil {
		return nil, leftOut{errors.New("the encoding of its input list is not staged")}
	}
	return ListContents(list), nil
}

// checkTypes reports whether packed holds as many values as n's computation makes,
// and at its place one of its type.
func checkTypes(packed []byte, n *Node, values int) error {
	p := new(radix.Packed)
	if err := p.UnmarshalBinary(packed); err != nil {
		return errors.New("the ciphertext does not decode")
	}
	types := p.Types()
	if row, err := n.Op.Operator(); n.Kind == Operation && (err != nil || !slices.Equal(types, row.Results(n.Type))) {
		return errors.New("the ciphertext holds values of other types")
	}
	if len(types) != values || types[n.Index] != n.Handle.Type() {
		return errors.New("the ciphertext holds values of other types")
	}
	return nil
}
