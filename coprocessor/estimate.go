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
		return g.estimateOperation(n)
	case store.Input:
		return g.estimateList(n.List)
	}
	return estimate{}, nil
}

func (g *graph) estimateOperation(n *store.Node) (e estimate, err error) {
	row, err := n.Op.Operator()
	if err != nil {
		return e, err
	}
	types := row.Signature(n.Type, len(n.Operands))
	if row.Shape == fhe.Convert {
		source, err := g.store.Node(store.ID(n.Operands[0].Word))
		if err != nil {
			return e, err
		}
		types = []fhe.Type{source.Handle.Type()}
	}
	d := typed(n, types)
	cost := d.Cost()
	return estimate{bootstraps: int64(cost.Bootstraps), depth: cost.Depth, memory: blockSize * heldBlocks(d)}, nil
}

// typed is the derivation that n would be if its operands were any handles of
// their types. n itself may be several derivations in one (decision 0006).
func typed(n *store.Node, types []fhe.Type) *fhe.Derivation {
	d := &fhe.Derivation{Op: n.Op, Type: n.Type, Table: n.Table}
	for i, o := range n.Operands {
		if o.Kind != fhe.Clear {
			o.Word = fhe.NewHandle(fhe.Digest{}, fhe.Computed, 0, types[i], fhe.Version)
		}
		d.Operands = append(d.Operands, o)
	}
	return d
}

func (g *graph) estimateList(digest fhe.Digest) (e estimate, err error) {
	enc, err := g.store.List(digest)
	if err != nil || enc == nil || fhe.IsAttested(enc) {
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
