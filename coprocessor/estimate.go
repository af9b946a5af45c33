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
	memory     int64 // bytes
}

// estimate looks up what n takes. It says how the log first derived n, which
// knows the types of operands.
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
	binding, err := g.store.Binding(n.Handle)
	if err != nil || binding == nil || len(binding.Derivation) == 0 {
		return estimate{memory: blockSize * int64(n.Type.Blocks())}, err // undone by a revert
	}
	var d fhe.Derivation
	if err := d.UnmarshalBinary(binding.Derivation); err != nil {
		return e, fmt.Errorf("read derivation of %s: %w", n.Handle, err)
	}
	return estimate{bootstraps: int64(d.Cost().Bootstraps), memory: blockSize * heldBlocks(&d)}, nil
}

func (g *graph) estimateList(digest fhe.Digest) (e estimate, err error) {
	enc, err := g.store.List(digest)
	if err != nil || enc == nil {
		return e, err // the evaluation reports what is missing
	}
	types, err := fhe.InputTypes(enc)
	if err != nil {
		return e, fmt.Errorf("staged input list %s: %w", digest, err)
	}
	blocks := int64(fhe.InputBootstraps(types))
	return estimate{bootstraps: blocks, memory: 3 * blockSize * blocks}, nil
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
