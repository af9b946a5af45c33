package coprocessor

import (
	"fmt"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// blockSize is the memory of a block of a ciphertext, in bytes: 2049 words.
const blockSize = 2049 * 8

// estimate is what a computation takes of the machine.
type estimate struct {
	bootstraps int64
	depth      int   // layers of bootstraps that follow each other
	memory     int64 // bytes
}

// estimate looks up what n takes.
func (g *graph) estimate(n *store.Node) (estimate, error) {
	switch n.Kind {
	case store.Operation:
		d, err := typed(n, g.typeOf)
		if err != nil {
			return estimate{}, err
		}
		cost := d.Cost()
		return estimate{bootstraps: int64(cost.Bootstraps), depth: cost.Depth, memory: blockSize * heldBlocks(d)}, nil
	case store.Input:
		enc, err := g.store.List(n.List)
		if err != nil {
			return estimate{}, err
		}
		return estimateList(n.List, enc)
	}
	return estimate{}, nil
}

func (g *graph) typeOf(id store.ID) (fhe.Type, error) {
	source, err := g.store.Node(id)
	if err != nil {
		return 0, err
	}
	return source.Handle.Type(), nil
}

// operandTypes are the types of the operands of n. typeOf is asked for those that the
// type of n does not say.
func operandTypes(n *store.Node, typeOf func(store.ID) (fhe.Type, error)) ([]fhe.Type, error) {
	row, err := n.Op.Operator()
	if err != nil {
		return nil, err
	}
	types := row.Signature(n.Type, len(n.Operands))
	if row.Shape == fhe.Convert && len(n.Operands) > 0 {
		t, err := typeOf(store.ID(n.Operands[0].Word))
		types = []fhe.Type{t}
		if err != nil {
			return nil, err
		}
	}
	for i, o := range n.Operands {
		if o.Kind != fhe.Clear && i >= len(types) {
			return nil, fmt.Errorf("%s has no encrypted operand %d", n.Op, i)
		}
	}
	return types, nil
}

// typed is the derivation that n would be if its operands were any handles of
// their types. n itself may be several derivations in one (decision 0006).
func typed(n *store.Node, typeOf func(store.ID) (fhe.Type, error)) (*fhe.Derivation, error) {
	types, err := operandTypes(n, typeOf)
	if err != nil {
		return nil, err
	}
	d := &fhe.Derivation{Op: n.Op, Type: n.Type, Table: n.Table}
	for i, o := range n.Operands {
		if o.Kind != fhe.Clear {
			o.Word = fhe.NewHandle(fhe.Digest{}, fhe.Computed, 0, types[i], fhe.Version)
		}
		d.Operands = append(d.Operands, o)
	}
	return d, nil
}

func estimateList(digest fhe.Digest, enc []byte) (e estimate, err error) {
	if enc == nil || fhe.IsAttested(enc) {
		return e, err // the evaluation reports what is missing
	}
	types, err := fhe.InputTypes(enc)
	if err != nil {
		return e, fmt.Errorf("staged input list %s: %w", digest, err)
	}
	blocks := int64(fhe.InputBootstraps(types))
	return estimate{bootstraps: blocks, depth: 1, memory: 3 * blockSize * blocks}, nil
}

// heldBlocks bounds the blocks that a circuit holds at the same time: its operands,
// and what its widest layer reads and writes. Multiplications begin with a layer
// that is quadratic in the blocks of a value, all others stay linear; a test
// compares this with the circuits.
func heldBlocks(d *fhe.Derivation) int64 {
	width := int64(d.Type.Blocks())
	held := 16 * width
	switch d.Op {
	case fhe.Mul, fhe.TryMul:
		held += width * width * 3 / 2
	case fhe.MulDiv:
		held += width * width * 3
	}
	for _, o := range d.Operands {
		if o.Kind != fhe.Clear {
			held += 2 * int64(o.Handle().Type().Blocks())
		}
	}
	return held
}
