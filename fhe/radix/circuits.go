package radix

import "fhevm/fhe"

// top is the largest plaintext of a block of type t.
func top(t fhe.Type) int {
	if t == fhe.Bool {
		return 1
	}
	return base - 1
}

// evaluate adds the circuit of op to c. Operands have the same number of
// blocks, but for Select's condition and for Cast; a result of Compare and a
// condition are one block. t is the type of the result, or of the operands for
// Compare.
func (c *circuit) evaluate(op fhe.Op, t fhe.Type, args [][]wire) []wire {
	x, y := args[0], args[len(args)-1]
	switch op {
	case fhe.Add:
		return c.add(x, y)
	case fhe.Sub:
		return c.subtract(difference(x, y), constant(0))
	case fhe.Neg:
		return c.subtract(difference(clearBlocks(0, len(x)), x), constant(0))
	case fhe.Mul:
		return c.mul(x, y)
	case fhe.And:
		return c.bitwise(bitAnd, x, y, top(t))
	case fhe.Or:
		return c.bitwise(bitOr, x, y, top(t))
	case fhe.Xor:
		return c.bitwise(bitXor, x, y, top(t))
	case fhe.Min:
		return c.choose(c.less(x, y), x, y, top(t))
	case fhe.Max:
		return c.choose(c.less(x, y), y, x, top(t))
	case fhe.Not:
		return complement(x, top(t))
	case fhe.Cast:
		return c.cast(x, t)
	case fhe.Select:
		return c.choose(x[0], args[1], y, top(t))
	case fhe.Trivial:
		return x
	}
	return []wire{c.compare(op, x, y)}
}

// compare is the condition op on x and y.
func (c *circuit) compare(op fhe.Op, x, y []wire) wire {
	switch op {
	case fhe.Eq:
		return c.equal(x, y)
	case fhe.Ne:
		return not(c.equal(x, y))
	case fhe.Ge:
		return not(c.less(x, y))
	case fhe.Gt:
		return c.less(y, x)
	case fhe.Le:
		return not(c.less(y, x))
	default:
		return c.less(x, y)
	}
}

func (c *circuit) bitwise(t *table, x, y []wire, top int) []wire {
	out := make([]wire, len(x))
	for i := range out {
		out[i] = c.lookup(t, pair(x[i], y[i])).within(0, top)
	}
	return out
}

// cast returns x in type t: truncated, extended by zeros, or x != 0. The block
// of a bool is no block of an integer yet; finish makes it one.
func (c *circuit) cast(x []wire, t fhe.Type) []wire {
	if t == fhe.Bool {
		return []wire{c.nonzero(x)}
	}
	out := clearBlocks(0, t.Blocks())
	copy(out, x)
	return out
}
