package radix

import (
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// compile builds the program of an operation that Eval has checked.
//
// A circuit counts the noise of different operand blocks as independent. So
// blocks that repeat the noise of an earlier one, as in x + x, are bootstrapped
// before anything else, unless the operation needs no bootstrap at all.
func compile(op fhe.Op, t fhe.Type, args []*Ciphertext, clear *uint256.Int) (*program, error) {
	copies := repeats(blocks(args))
	p, err := build(op, t, args, clear, nil)
	if err != nil || len(p.layers) == 0 || len(copies) == 0 {
		return p, err
	}
	return build(op, t, args, clear, copies)
}

// build refreshes operand block i by table fresh[copies[i]].
func build(op fhe.Op, t fhe.Type, args []*Ciphertext, clear *uint256.Int, copies map[int]int) (*program, error) {
	row, err := op.Operator()
	if err != nil {
		return nil, err
	}
	c := new(circuit)
	var operands [][]wire
	for _, a := range args {
		operands = append(operands, c.operand(a))
	}
	c.refresh(operands, copies)
	if clear != nil {
		operands = append(operands, clearBlocks(clear.Uint64(), t.Blocks()))
	}
	return c.finish(c.evaluate(op, t, operands), top(row.Result(t)))
}

// operand adds the blocks of a as sources. A block without a mask is public
// and enters as a constant.
func (c *circuit) operand(a *Ciphertext) []wire {
	ws := make([]wire, len(a.Blocks))
	for i, b := range a.Blocks {
		ws[i] = c.input(top(a.Type))
		if v, ok := publicValue(b); ok && v <= top(a.Type) {
			ws[i] = constant(v)
		}
	}
	return ws
}

// publicValue is the plaintext of a block without mask or noise.
func publicValue(b tfhe.LWE) (int, bool) {
	for _, a := range b[:len(b)-1] {
		if a != 0 {
			return 0, false
		}
	}
	body := b[len(b)-1]
	return int(body / tfhe.Delta), body%tfhe.Delta == 0
}

// repeats finds the blocks whose mask is that of an earlier block, or its
// negative: they carry the same noise. It numbers those of one mask from 1.
// Two words tell masks apart; a needless match costs a bootstrap.
func repeats(blocks []tfhe.LWE) map[int]int {
	copies, seen := make(map[int]int), make(map[[2]uint64]int)
	for i, b := range blocks {
		key := [2]uint64{b[0], b[1]}
		if -b[0] < b[0] {
			key = [2]uint64{-b[0], -b[1]}
		}
		if len(b) < 3 || key == [2]uint64{} {
			continue
		}
		if seen[key] > 0 {
			copies[i] = seen[key]
		}
		seen[key]++
	}
	return copies
}

// refresh replaces repeated blocks by bootstrapped ones, each through a table
// of its own lest they repeat each other.
func (c *circuit) refresh(operands [][]wire, copies map[int]int) {
	i := 0
	for _, x := range operands {
		for j := range x {
			if k := copies[i]; k > 0 && !x[j].isClear() {
				x[j] = c.bootstrap(fresh[k%len(fresh)], x[j])[0]
			}
			i++
		}
	}
}
