package store

import (
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// checkNodes looks at how contents are made. A node that is wrong is named anew
// by the log: the bindings to its content tell from which block on.
func (v *verifier) checkNodes() error {
	return v.walk(tableNode, func(key, value []byte, err error) error {
		id := ID(key[1:])
		if err == nil {
			err = v.checkNode(id, value)
		}
		if err != nil {
			v.badNodes[id] = true
			v.found(key, Refollow, "%v", err)
		}
		return nil
	})
}

func (v *verifier) checkNode(id ID, value []byte) error {
	n := new(Node)
	if err := n.UnmarshalBinary(value); err != nil {
		return err
	}
	if n.Kind == Input {
		return v.checkInput(id, n)
	}
	if got := n.contentID(v.domain); got != id {
		return fmt.Errorf("it is the node of content %s", got)
	}
	return nil
}

// checkInput looks at the node of an input, whose list must be expanded or wait
// for that.
func (v *verifier) checkInput(id ID, n *Node) error {
	if h := fhe.NewHandle(fhe.Digest(id), n.Index, v.domain.ChainID, n.Handle.Type(), v.domain.Version); h != n.Handle {
		return fmt.Errorf("it names handle %s, not %s", n.Handle, h)
	}
	result, err := v.Result(id)
	if err != nil || result.Ready {
		return nil // the walk through the results sees to it
	}
	staged, err := v.has(v.db, keyList(n.List))
	if err == nil && !staged {
		err = fmt.Errorf("its input list %s is neither expanded nor staged", n.List)
	}
	return err
}

// checkBlocks looks at the records of blocks, one for each number up to the
// cursor, and at what they say they were the first to bind and to want.
func (v *verifier) checkBlocks() error {
	cursor, begun, err := v.Cursor()
	if err != nil { // the last good block takes its place
		v.found(keyCursor, Refollow, "%v", err)
	}
	next, any := uint64(0), false
	err = v.walk(tableBlock, func(key, value []byte, err error) error {
		number := blockOf(key)
		if any && number != next {
			v.refollow(keyBlock(next), next, "it is missing")
		}
		any, next = true, number+1
		if err == nil {
			err = v.checkBlock(number, value)
		}
		if err != nil {
			v.refollow(key, number, "%v", err)
		}
		return nil
	})
	if any {
		v.last = next - 1
	}
	switch {
	case err != nil:
		return err
	case begun && (!any || cursor.Number != v.last):
		v.refollow(keyCursor, min(cursor.Number, v.last)+1, "it is at block %d, and the last block in the store is %d", cursor.Number, v.last)
	case any && !begun:
		v.refollow(keyCursor, next, "it is missing")
	}
	return v.checkCursor(cursor, begun)
}

func (v *verifier) checkCursor(cursor Cursor, begun bool) error {
	record, err := v.block(cursor.Number)
	if err != nil || !begun || record == nil {
		return nil // reported already
	}
	if record.Hash != cursor.Hash {
		v.refollow(keyCursor, cursor.Number, "it has hash %s, and block %d has %s", cursor.Hash, cursor.Number, record.Hash)
	}
	return nil
}

func (v *verifier) checkBlock(number uint64, value []byte) error {
	record, err := parseBlock(value)
	if err != nil {
		return err
	}
	v.bound += uint64(len(record.Bound))
	v.wanted += uint64(len(record.Wanted))
	for _, h := range record.Bound {
		binding, err := v.Binding(h)
		if err != nil {
			return err
		}
		if binding == nil || binding.Block != number {
			v.bad = append(v.bad, keyHandle(tableBinding, h))
			return fmt.Errorf("it bound handle %s first, which has no such binding", h)
		}
	}
	for _, h := range record.Wanted {
		at, err := v.get(v.db, keyHandle(tableWant, h))
		if err != nil {
			return err
		}
		if p, err := parsePosition(at); err != nil || p.Block != number {
			v.bad = append(v.bad, keyHandle(tableWant, h))
			return fmt.Errorf("it wanted handle %s first, which has no such want", h)
		}
	}
	return nil
}

func blockOf(key []byte) (n uint64) {
	for _, b := range key[1:9] {
		n = n<<8 | uint64(b)
	}
	return n
}

func (v *verifier) checkBindings() error {
	bindings := uint64(0)
	err := v.walk(tableBinding, func(key, value []byte, err error) error {
		bindings++
		binding, parseErr := parseBinding(value)
		if err = errors.Join(err, parseErr); err != nil {
			v.refollow(key, v.floor, "%v", err) // its block is missing it
			return nil
		}
		if err := v.checkBinding(fhe.Handle(key[1:]), binding); err != nil {
			v.refollow(key, binding.Block, "%v", err)
		}
		return nil
	})
	if bindings != v.bound && v.floor == math.MaxUint64 {
		v.refollow([]byte{tableBinding}, 0, "there are %d, and the blocks say that they bound %d", bindings, v.bound)
	}
	return err
}

func (v *verifier) checkBinding(h fhe.Handle, b *Binding) error {
	if err := v.checkMaking(b.Content); err != nil {
		return err
	}
	switch {
	case b.Block > v.last:
		return fmt.Errorf("it is of block %d, behind the log's last", b.Block)
	case len(b.Derivation) == 0:
		return v.checkInputBinding(h, b)
	}
	var d fhe.Derivation
	if err := d.UnmarshalBinary(b.Derivation); err != nil {
		return err
	}
	if d.Domain != v.domain {
		return errors.New("its domain is not the store's")
	}
	for _, r := range d.Results() {
		if r.Handle == h && r.Digest == b.Digest {
			return nil
		}
	}
	return errors.New("its derivation gives other handles")
}

func (v *verifier) checkInputBinding(h fhe.Handle, b *Binding) error {
	n, err := v.Node(b.Content)
	if err == nil && (n.Kind != Input || n.Handle != h || ID(b.Digest) != b.Content) {
		err = errors.New("its content is no input of that handle")
	}
	return err
}

// checkMaking looks for the node of a content that is bound, and for those of its
// operands. Contents that are not bound any more may lack them.
func (v *verifier) checkMaking(id ID) error {
	n, err := v.Node(id)
	if err != nil || v.badNodes[id] {
		return fmt.Errorf("the node of its content %s is missing or damaged", id)
	}
	for _, o := range n.Operands {
		if o.Kind == fhe.Clear {
			continue
		}
		there, err := v.has(v.db, keyContent(tableNode, ID(o.Word)))
		if err != nil || !there || v.badNodes[ID(o.Word)] {
			return fmt.Errorf("the node of content %x, which its own takes, is missing or damaged", o.Word)
		}
	}
	return nil
}

func (v *verifier) checkWants() error {
	wants := uint64(0)
	err := v.walk(tableWant, func(key, value []byte, err error) error {
		wants++
		at, parseErr := parsePosition(value)
		if err = errors.Join(err, parseErr); err != nil {
			v.refollow(key, v.floor, "%v", err) // its block is missing it
			return nil
		}
		if at.Block > v.last {
			v.refollow(key, at.Block, "it is of block %d, behind the log's last", at.Block)
		}
		return nil
	})
	if wants != v.wanted && v.floor == math.MaxUint64 {
		v.refollow([]byte{tableWant}, 0, "there are %d, and the blocks say that they brought %d", wants, v.wanted)
	}
	return err
}

// checkPending compares the pending wants with the wants whose content has
// nothing yet.
func (v *verifier) checkPending() error {
	_ = v.Store.wants(func(id ID) error { // damage in there has been reported
		v.wants.add(id)
		return nil
	})
	v.wants.sort()
	err := v.walk(tablePending, func(key, value []byte, err error) error {
		if err == nil && len(value) != 32 {
			err = sizeError("pending want", len(value), 32)
		}
		if err == nil {
			err = v.checkWanted(ID(value))
		}
		if err != nil {
			v.found(key, Renew, "%v", err)
			return nil
		}
		v.pends.add(ID(value))
		return nil
	})
	v.pends.sort()
	if err != nil {
		return err
	}
	return v.eachMissing(func(h fhe.Handle, at []byte, id ID) error {
		if !v.pends.has(id) {
			v.found(append([]byte{tablePending}, at...), Renew, "handle %s is wanted and has nothing, and is not pending", h)
		}
		return nil
	})
}

func (v *verifier) checkWanted(id ID) error {
	named, err := v.has(v.db, keyContent(tableNode, id)) // the set knows a content by a part of its name
	if err == nil && !(named && v.wants.has(id)) {
		err = fmt.Errorf("no handle with content %s is wanted", id)
	}
	return err
}

// eachMissing visits the wants whose content has neither result nor failure.
func (v *verifier) eachMissing(visit func(h fhe.Handle, at []byte, id ID) error) error {
	first, past := tableRange(tableWant)
	err := v.scan(first, past, func(key, at []byte) error {
		h := fhe.Handle(key[1:])
		binding, err := v.Binding(h)
		if binding == nil || err != nil {
			return err
		}
		result, err := v.Result(binding.Content)
		if err != nil || result.Ready || result.Failure != nil {
			return err
		}
		return visit(h, at, binding.Content)
	})
	return unlessDamaged(err) // which is reported already
}

// mend takes the log back if it is damaged, and makes the pending wants anew.
func (v *verifier) mend() error {
	if err := v.takeBack(); err != nil {
		return err
	}
	first, past := tableRange(tablePending)
	err := v.update(pebble.Sync, func(b *pebble.Batch) error {
		err := b.DeleteRange(first, past, nil)
		return errors.Join(err, v.eachMissing(func(_ fhe.Handle, at []byte, id ID) error {
			return b.Set(append([]byte{tablePending}, at...), id[:], nil)
		}))
	})
	return errors.Join(err, v.countPending())
}

// takeBack removes what the blocks from floor on said, as far as it is there,
// and the nodes that are wrong.
func (v *verifier) takeBack() error {
	return v.update(pebble.Sync, func(b *pebble.Batch) error {
		for id := range v.badNodes {
			if err := b.Delete(keyContent(tableNode, id), nil); err != nil {
				return err
			}
		}
		for _, key := range v.bad {
			if err := b.Delete(key, nil); err != nil {
				return err
			}
		}
		_, past := tableRange(tableBlock)
		return errors.Join(
			v.cut(b, tableBinding, func(value []byte) (uint64, error) {
				binding, err := parseBinding(value)
				if err != nil {
					return 0, err
				}
				return binding.Block, nil
			}),
			v.cut(b, tableWant, func(value []byte) (uint64, error) {
				at, err := parsePosition(value)
				return at.Block, err
			}),
			b.DeleteRange(keyBlock(v.floor), past, nil),
			v.setCursor(b))
	})
}

// cut deletes the records of a table that are of a block from floor on, or not
// to be read.
func (v *verifier) cut(b *pebble.Batch, table byte, block func(value []byte) (uint64, error)) error {
	first, past := tableRange(table)
	return v.scanKeys(first, past, func(it *pebble.Iterator) error {
		lazy := it.LazyValue()
		value, _, err := lazy.Value(nil)
		if err == nil {
			var number uint64
			if number, err = block(value); err == nil && number < v.floor {
				return nil
			}
		}
		return b.Delete(it.Key(), nil)
	})
}

// setCursor puts the cursor to the last block below floor.
func (v *verifier) setCursor(b *pebble.Batch) error {
	last := Cursor{}
	first, _ := tableRange(tableBlock)
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: keyBlock(v.floor)})
	if err != nil {
		return err
	}
	found := it.Last()
	if found {
		last, err = cursorAt(it)
	}
	if err = errors.Join(err, it.Close()); err != nil {
		return err
	}
	if !found {
		return b.Delete(keyCursor, nil)
	}
	return b.Set(keyCursor, last.encode(), nil)
}

func cursorAt(it *pebble.Iterator) (Cursor, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return Cursor{}, err
	}
	record, err := parseBlock(value)
	if err != nil {
		return Cursor{}, err
	}
	return Cursor{blockOf(it.Key()), record.Hash}, nil
}
