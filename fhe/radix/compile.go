package radix

import (
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// compile builds the program of an operation that Eval has checked.
func compile(row fhe.Operator, t fhe.Type, operands []Operand) (*program, error) {
	c := newCircuit()
	o := operation{Operator: row, typ: t}
	for i, want := range row.Signature(t, len(operands)) {
		if x := operands[i].Encrypted; x != nil {
			o.types = append(o.types, x.Type)
			o.args = append(o.args, c.operand(x))
		} else {
			o.types = append(o.types, want)
			o.args = append(o.args, clearBlocks(operands[i].Clear.ToBig(), want.Blocks()))
		}
	}
	return c.finish(circuits[row.Op](c, o), row.Results(t))
}

// operand adds the blocks of a. A public block enters as a constant, one that
// shares its mask with an earlier one as a combination of that.
func (c *circuit) operand(a *Ciphertext) []wire {
	ws, top := make([]wire, len(a.Blocks)), top(a.Type)
	for i, b := range a.Blocks {
		s := c.input(top)
		if v, ok := publicValue(b); ok && v <= top {
			ws[i] = constant(v)
		} else {
			ws[i] = c.find(block{b, s}).within(0, top)
		}
	}
	return ws
}

// publicValue is the plaintext of a block without mask or noise.
func publicValue(b tfhe.LWE) (int, bool) {
	body := b[len(b)-1]
	return int(body / tfhe.Delta), isPublic(b) && body%tfhe.Delta == 0
}

// isPublic reports whether b has no mask.
func isPublic(b tfhe.LWE) bool {
	return !slices.ContainsFunc(b[:len(b)-1], func(a uint64) bool { return a != 0 })
}

// block is an operand's block and its source.
type block struct {
	ciphertext tfhe.LWE
	*source
}

// find is b as a combination of the source of an earlier block that has the
// same mask or its negative, and so the same noise; else b's own source, which
// it remembers.
func (c *circuit) find(b block) wire {
	key := b.maskKey()
	for _, x := range c.masks[key] {
		for _, sign := range []int{1, -1} {
			if v, ok := b.offset(x, sign); ok {
				return x.wire().times(sign).plusClear(v)
			}
		}
	}
	c.masks[key] = append(c.masks[key], b)
	return b.wire()
}

// maskKey is equal for masks that are equal or negatives.
func (b block) maskKey() [2]uint64 {
	var plus, minus [2]uint64
	copy(plus[:], b.ciphertext[:len(b.ciphertext)-1])
	minus = [2]uint64{-plus[0], -plus[1]}
	if slices.Compare(minus[:], plus[:]) < 0 {
		return minus
	}
	return plus
}

// offset is the plaintext v for which b is sign times x plus v, if there is
// one that blocks may have.
func (b block) offset(x block, sign int) (v int, ok bool) {
	last := len(b.ciphertext) - 1
	for i, a := range b.ciphertext[:last] {
		if a != uint64(sign)*x.ciphertext[i] {
			return 0, false
		}
	}
	body := b.ciphertext[last] - uint64(sign)*x.ciphertext[last]
	v = int(int64(body) >> tfhe.DeltaLog)
	w := x.wire().times(sign).plusClear(v).within(0, b.hi)
	return v, body%tfhe.Delta == 0 && w.lo <= w.hi
}
