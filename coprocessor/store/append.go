package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// GapError says that a batch does not follow the cursor.
type GapError struct{ Got, Want uint64 }

// Error names both block numbers.
func (e *GapError) Error() string {
	return fmt.Sprintf("block %d does not follow the cursor: want block %d", e.Got, e.Want)
}

// ReorgError says that a block differs from the one already stored under its number.
type ReorgError struct {
	Number    uint64
	Got, Have fhe.Digest
}

// Error says what to do.
func (e *ReorgError) Error() string {
	return fmt.Sprintf("block %d has hash %s but %s is stored: revert to a common block below %d first", e.Number, e.Got, e.Have, e.Number)
}

// ConflictError says that one handle has two derivations: somebody found a
// collision of the 168 bits that a handle keeps of its digest. The first binding
// stands. Going on would let rights on the second derivation disclose the first.
type ConflictError struct {
	Handle      fhe.Handle
	Have, Other fhe.Digest
}

// Error names the handle and both digests.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("handle %s is bound to %s, refused to bind it to %s", e.Handle, e.Have, e.Other)
}

// Cursor returns the last stored block; false before the first.
func (s *Store) Cursor() (Cursor, bool, error) {
	b, err := s.get(s.db, keyCursor)
	if b == nil || err != nil {
		return Cursor{}, false, err
	}
	c, err := parseCursor(b)
	return c, err == nil, damaged(keyCursor, err)
}

// Append stores the entries of a block and moves the cursor to it, in one
// synced write. The first batch may have any number, each later one the next. A
// batch that is already stored changes nothing. Errors: *GapError,
// *ReorgError, *ConflictError, or what is wrong with an entry; nothing is
// stored then.
func (s *Store) Append(batch *fhe.Batch) error {
	s.log.Lock()
	defer s.log.Unlock()
	stored, err := s.follows(batch)
	if stored || err != nil {
		return err
	}
	pending := 0
	var taken []fhe.Digest
	err = s.update(pebble.Sync, func(b *pebble.Batch) error {
		a := appender{s: s, b: b, at: Position{Block: batch.Number}, record: blockRecord{Hash: batch.Hash}}
		for i := range batch.Entries {
			if err := a.entry(&batch.Entries[i]); err != nil {
				return fmt.Errorf("block %d, entry %d: %w", batch.Number, i, err)
			}
		}
		pending, taken = a.pending, a.taken
		return errors.Join(
			b.Set(keyBlock(batch.Number), a.record.encode(), nil),
			b.Set(keyCursor, Cursor{batch.Number, batch.Hash}.encode(), nil))
	})
	if err == nil {
		s.pending.Add(int64(pending))
		s.staged.drop(taken...)
	}
	return err
}

// follows reports whether batch is stored already, and fails unless it is
// stored or the next.
func (s *Store) follows(batch *fhe.Batch) (stored bool, err error) {
	cursor, ok, err := s.Cursor()
	if !ok || err != nil {
		return false, err
	}
	if batch.Number > cursor.Number {
		if batch.Number != cursor.Number+1 {
			return false, &GapError{batch.Number, cursor.Number + 1}
		}
		return false, nil
	}
	record, err := s.block(batch.Number)
	switch {
	case err != nil:
		return false, err
	case record == nil:
		return false, &GapError{batch.Number, cursor.Number + 1}
	case record.Hash != batch.Hash:
		return false, &ReorgError{batch.Number, batch.Hash, record.Hash}
	}
	return true, nil
}

// BlockHash is the hash of a block that is stored; false where it is not.
func (s *Store) BlockHash(number uint64) (fhe.Digest, bool, error) {
	record, err := s.block(number)
	if record == nil || err != nil {
		return fhe.Digest{}, false, err
	}
	return record.Hash, true, nil
}

func (s *Store) block(number uint64) (*blockRecord, error) {
	b, err := s.get(s.db, keyBlock(number))
	if b == nil || err != nil {
		return nil, err
	}
	record, err := parseBlock(b)
	return record, damaged(keyBlock(number), err)
}

// appender fills the batch of one block.
type appender struct {
	s       *Store
	b       *pebble.Batch
	at      Position // of the next want, or late binding of a wanted handle
	pending int      // wants that became pending
	record  blockRecord
	taken   []fhe.Digest // staged lists that the block names
}

func (a *appender) entry(e *fhe.Entry) error {
	switch {
	case e.Operation != nil && e.Input == nil && e.Wanted == nil:
		return a.operation(e.Operation)
	case e.Input != nil && e.Operation == nil && e.Wanted == nil:
		return a.input(e.Input)
	case e.Wanted != nil && e.Operation == nil && e.Input == nil:
		return a.want(*e.Wanted)
	}
	return errors.New("want exactly one of operation, input and wanted handle")
}

func (a *appender) operation(o *fhe.Operation) error {
	enc, err := a.checkOperation(o)
	if err != nil {
		return fmt.Errorf("operation %s: %w", o.Result, err)
	}
	operands, err := a.operands(o.Derivation.Operands)
	if err != nil {
		return err
	}
	d := &o.Derivation
	n := Node{Kind: Operation, Op: d.Op, Type: d.Type, Operands: operands, Table: d.Table}
	if err := (fuser{a.node}).fuse(&n); err != nil {
		return err
	}
	for k, r := range d.Results() {
		n.Handle, n.Index = r.Handle, uint8(k)
		binding := &Binding{Block: a.at.Block, Digest: r.Digest, Content: n.contentID(a.s.domain), Derivation: enc}
		if err := a.bind(r.Handle, binding, &n); err != nil {
			return err
		}
	}
	return nil
}

// node reads a node that this block or an earlier one named.
func (a *appender) node(id ID) (*Node, error) { return a.s.node(a.b, id) }

// operands replaces handles by contents.
func (a *appender) operands(of []fhe.Operand) ([]fhe.Operand, error) {
	out := slices.Clone(of)
	for i, o := range of {
		if o.Kind == fhe.Clear {
			continue
		}
		id, err := a.operand(o.Handle())
		if err != nil {
			return nil, err
		}
		out[i].Word = id
	}
	return out, nil
}

// checkOperation returns the encoding of a derivation that is well typed, of
// this domain, and that of its handle.
func (a *appender) checkOperation(o *fhe.Operation) ([]byte, error) {
	enc, err := o.Derivation.MarshalBinary()
	if err != nil {
		return nil, err
	}
	if err := new(fhe.Derivation).UnmarshalBinary(enc); err != nil {
		return nil, err
	}
	if o.Derivation.Domain != a.s.domain {
		return nil, errors.New("its domain is not the store's")
	}
	if r := o.Derivation.Results()[0]; r.Handle != o.Result || r.Digest != o.Digest {
		return nil, fmt.Errorf("its derivation gives handle %s, digest %s, not %s", r.Handle, r.Digest, o.Digest)
	}
	return enc, nil
}

// operand returns the content of a handle. One that the log has not defined
// gets a content that always fails.
func (a *appender) operand(h fhe.Handle) (ID, error) {
	binding, err := a.s.binding(a.b, h)
	if err != nil {
		return ID{}, err
	}
	if binding != nil {
		return binding.Content, nil
	}
	n := &Node{Kind: Undefined, Handle: h}
	id := n.contentID(a.s.domain)
	return id, a.name(id, n)
}

func (a *appender) input(in *fhe.Input) error {
	list, err := ParseList(in.Encoding)
	if err != nil {
		return fmt.Errorf("input list %s: %w", in.Digest, err)
	}
	if list.List != in.Digest || list.Binding.Domain != a.s.domain {
		return fmt.Errorf("input list %s: its digest or domain is another", in.Digest)
	}
	computed := true
	for i, t := range list.Types {
		h, digest := fhe.InputHandle(list.Binding, in.Digest, uint8(i), t)
		n := &Node{Kind: Input, Handle: h, List: in.Digest, Index: uint8(i)}
		if err := a.bind(h, &Binding{Block: a.at.Block, Digest: digest, Content: ID(digest)}, n); err != nil {
			return err
		}
		result, _, err := a.s.result(a.b, ID(digest))
		if err != nil {
			return err
		}
		computed = computed && result.Ready
	}
	if computed {
		return nil
	}
	if fhe.IsAttested(in.Encoding) {
		return a.attested(list, in.Encoding)
	}
	return a.b.Set(keyList(in.Digest), in.Encoding, nil)
}

// ParseList reads what the log says of an input list, by its encoding or by the
// attestation of one that was posted: of a whole one, what an attestation would say.
func ParseList(enc []byte) (*fhe.AttestedInput, error) {
	if fhe.IsAttested(enc) {
		a := new(fhe.AttestedInput)
		return a, a.UnmarshalBinary(enc)
	}
	var list fhe.InputList
	if err := list.UnmarshalBinary(enc); err != nil {
		return nil, err
	}
	return list.Attest(enc), nil
}

// ListContents are the contents of an input list's values, in their order.
func ListContents(a *fhe.AttestedInput) []ID {
	contents := make([]ID, len(a.Types))
	for i, t := range a.Types {
		_, digest := fhe.InputHandle(a.Binding, a.List, uint8(i), t)
		contents[i] = ID(digest)
	}
	return contents
}

// bind gives h its first binding, and makes a want that came before it pending.
func (a *appender) bind(h fhe.Handle, binding *Binding, n *Node) error {
	have, err := a.s.binding(a.b, h)
	if err != nil {
		return err
	}
	if have != nil {
		if have.Digest != binding.Digest {
			return &ConflictError{h, have.Digest, binding.Digest}
		}
		return nil
	}
	if err := a.name(binding.Content, n); err != nil {
		return err
	}
	a.record.Bound = append(a.record.Bound, h)
	if err := a.b.Set(keyHandle(tableBinding, h), binding.encode(), nil); err != nil {
		return err
	}
	wanted, err := a.s.has(a.b, keyHandle(tableWant, h))
	if !wanted || err != nil {
		return err
	}
	return a.pend(binding.Content)
}

// name stores n unless its content has one. An input's is stored anew, for nothing in it tells
// whether its type is damaged.
func (a *appender) name(id ID, n *Node) error {
	key := keyContent(tableNode, id)
	known, err := a.s.has(a.b, key)
	if known && n.Kind != Input || err != nil {
		return err
	}
	enc, err := n.MarshalBinary()
	if err != nil {
		return err
	}
	return a.b.Set(key, enc, nil)
}

// want records the first want of h. Of a handle that is not bound yet it
// becomes pending with the binding.
func (a *appender) want(h fhe.Handle) error {
	key := keyHandle(tableWant, h)
	wanted, err := a.s.has(a.b, key)
	if wanted || err != nil {
		return err
	}
	a.record.Wanted = append(a.record.Wanted, h)
	if err := a.b.Set(key, a.at.append(nil), nil); err != nil {
		return err
	}
	binding, err := a.s.binding(a.b, h)
	switch {
	case err != nil:
		return err
	case binding == nil:
		a.at = a.at.Next()
		return nil
	}
	return a.pend(binding.Content)
}

func (a *appender) pend(id ID) error {
	at := a.at
	a.at = at.Next()
	a.pending++
	return a.b.Set(keyPending(at), id[:], nil)
}
