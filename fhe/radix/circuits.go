package radix

import (
	"slices"

	"fhevm/fhe"
)

// operation is a row of the operator table, applied to operands of a circuit.
type operation struct {
	fhe.Operator
	typ   fhe.Type   // T of the row's shape
	types []fhe.Type // of the operands
	args  [][]wire   // their blocks
}

// top is the largest plaintext of a block of the operation's type.
func (o operation) top() int { return top(o.typ) }

// circuits holds the circuit of every operation that Eval computes: it returns
// the blocks of each result.
var circuits map[fhe.Op]func(*circuit, operation) [][]wire

func init() {
	circuits = map[fhe.Op]func(*circuit, operation) [][]wire{
		fhe.Add:     arithmetic((*circuit).add),
		fhe.Sub:     arithmetic((*circuit).sub),
		fhe.Mul:     arithmetic((*circuit).mul),
		fhe.And:     bitwise(bitAnd),
		fhe.Or:      bitwise(bitOr),
		fhe.Xor:     bitwise(bitXor),
		fhe.Div:     (*circuit).quotient,
		fhe.Rem:     (*circuit).remainder,
		fhe.MulDiv:  (*circuit).mulDiv,
		fhe.Isqrt:   (*circuit).isqrt,
		fhe.Shl:     (*circuit).shift,
		fhe.Shr:     (*circuit).shift,
		fhe.Rotl:    (*circuit).shift,
		fhe.Rotr:    (*circuit).shift,
		fhe.Eq:      comparison((*circuit).equal),
		fhe.Ne:      comparison(func(c *circuit, x, y []wire) wire { return not(c.equal(x, y)) }),
		fhe.Lt:      ordering(func(less func(i, j int) wire) wire { return less(0, 1) }),
		fhe.Gt:      ordering(func(less func(i, j int) wire) wire { return less(1, 0) }),
		fhe.Ge:      ordering(func(less func(i, j int) wire) wire { return not(less(0, 1)) }),
		fhe.Le:      ordering(func(less func(i, j int) wire) wire { return not(less(1, 0)) }),
		fhe.Min:     (*circuit).minimum,
		fhe.Max:     (*circuit).maximum,
		fhe.Neg:     (*circuit).negate,
		fhe.Not:     func(_ *circuit, o operation) [][]wire { return [][]wire{complement(o.args[0], o.top())} },
		fhe.Cast:    (*circuit).cast,
		fhe.Trivial: func(_ *circuit, o operation) [][]wire { return o.args },
		fhe.Select: func(c *circuit, o operation) [][]wire {
			return [][]wire{c.choose(o.args[0][0], o.args[1], o.args[2], o.top())}
		},
		fhe.Sum:           (*circuit).sum,
		fhe.IsIn:          (*circuit).isIn,
		fhe.Ilog2:         (*circuit).ilog2,
		fhe.CountOnes:     (*circuit).countOnes,
		fhe.LeadingZeros:  (*circuit).leadingZeros,
		fhe.TrailingZeros: (*circuit).trailingZeros,
		fhe.TryAdd:        (*circuit).tryAdd,
		fhe.TrySub:        (*circuit).trySub,
		fhe.TryMul:        (*circuit).tryMul,
		fhe.SaturatingAdd: (*circuit).saturatingAdd,
		fhe.SaturatingSub: (*circuit).saturatingSub,
	}
}

// top is the largest plaintext of a block of type t.
func top(t fhe.Type) int {
	if t == fhe.Bool {
		return 1
	}
	return base - 1
}

// arithmetic is the circuit of two operands with one result.
func arithmetic(f func(c *circuit, x, y []wire) []wire) func(*circuit, operation) [][]wire {
	return func(c *circuit, o operation) [][]wire { return [][]wire{f(c, o.args[0], o.args[1])} }
}

// comparison is the circuit of a condition that does not depend on signs.
func comparison(f func(c *circuit, x, y []wire) wire) func(*circuit, operation) [][]wire {
	return func(c *circuit, o operation) [][]wire { return [][]wire{{f(c, o.args[0], o.args[1])}} }
}

// ordering is the circuit of a condition in terms of less, which is 1 where
// operand i is less than operand j.
func ordering(f func(less func(i, j int) wire) wire) func(*circuit, operation) [][]wire {
	return func(c *circuit, o operation) [][]wire {
		less := func(i, j int) wire { return c.less(o.args[i], o.args[j], o.typ.Signed()) }
		return [][]wire{{f(less)}}
	}
}

func (c *circuit) minimum(o operation) [][]wire {
	x, y := o.args[0], o.args[1]
	return [][]wire{c.choose(c.less(x, y, o.typ.Signed()), x, y, o.top())}
}

func (c *circuit) maximum(o operation) [][]wire {
	x, y := o.args[0], o.args[1]
	return [][]wire{c.choose(c.less(x, y, o.typ.Signed()), y, x, o.top())}
}

func (c *circuit) negate(o operation) [][]wire {
	x := o.args[0]
	return [][]wire{c.sub(clearBlocks(nil, len(x)), x)}
}

// bitwise is the circuit of a table on pairs of blocks.
func bitwise(t *table) func(*circuit, operation) [][]wire {
	return func(c *circuit, o operation) [][]wire {
		x, y := o.args[0], o.args[1]
		out := make([]wire, len(x))
		for i := range out {
			out[i] = c.lookup(t, pair(x[i], y[i])).within(0, o.top())
		}
		return [][]wire{out}
	}
}

// cast returns the operand in type t: truncated, extended by its sign, or x != 0.
// The block of a bool is no block of an integer yet; finish makes it one.
func (c *circuit) cast(o operation) [][]wire {
	x := o.args[0]
	if o.typ == fhe.Bool {
		return [][]wire{{not(c.allZero(x))}}
	}
	fill := constant(0)
	if o.types[0].Signed() {
		fill = c.lookup(signFill, x[len(x)-1])
	}
	out := slices.Repeat([]wire{fill}, o.typ.Blocks())
	copy(out, x)
	return [][]wire{out}
}
