package radix

import (
	"slices"

	"fhevm/fhe/tfhe"
)

// sum adds all operands, clear ones too, column by column.
func (c *circuit) sum(o operation) [][]wire {
	if len(o.args) == 2 {
		return [][]wire{c.add(o.args[0], o.args[1])}
	}
	cols := make(columns, o.typ.Blocks())
	for _, x := range o.args {
		cols.addRow(0, x)
	}
	return [][]wire{c.addColumns(cols)}
}

// isIn is 1 where a list, the operands after the first, holds the first.
func (c *circuit) isIn(o operation) [][]wire {
	x := o.args[0]
	var hits, clear []wire
	for i, y := range o.args[1:] {
		same := func(z []wire) bool { return slices.EqualFunc(y, z, wire.equal) }
		_, isClear := clearValue(y)
		switch {
		case slices.ContainsFunc(o.args[1:i+1], same):
		case isClear:
			clear = append(clear, c.holds(x, y))
		default:
			hits = append(hits, c.holds(x, y))
		}
	}
	// At most one clear element is the value.
	for group := range slices.Chunk(clear, tfhe.MaxNorm2) {
		hits = append(hits, sum(group).within(0, 1))
	}
	return [][]wire{{c.any(hits)}}
}

// holds is equal, but what it bootstraps of x where y is clear serves all elements
// of a list.
func (c *circuit) holds(x, y []wire) wire {
	var bits []wire
	for i, d := range c.pairs(difference(x, y)) {
		last := min(2*i+2, len(x))
		if k, ok := clearValue(y[2*i : last]); ok {
			bits = append(bits, c.is(joined(x[2*i:last]), int(k.Int64())))
		} else {
			bits = append(bits, c.lookup(isZero, d))
		}
	}
	return c.all(bits)
}

// joined is the plaintext of one block or of two.
func joined(x []wire) wire {
	if len(x) == 1 {
		return x[0]
	}
	return pair(x[0], x[1])
}

// is is 1 where v, in [0, 15], is k. All k take one bootstrap.
func (c *circuit) is(v wire, k int) wire {
	out := c.lookups(oneHot, v)[(half-k)%half]
	if k > 0 {
		out = out.times(-1)
	}
	return out
}
