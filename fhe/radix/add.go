package radix

import (
	"cmp"
	"slices"

	"fhevm/fhe/tfhe"
)

// A sum is a difference in disguise: x + y = x - not(y) - 1, so carries are
// borrows of digits x + y - 3 with one borrowed at the start.

func (c *circuit) add(x, y []wire) []wire {
	d := make([]wire, len(x))
	for i := range d {
		d[i] = x[i].plus(y[i]).plusClear(1 - base)
	}
	return c.subtract(d, constant(1))
}

func (c *circuit) sub(x, y []wire) []wire { return c.subtract(difference(x, y), constant(0)) }

// difference returns the digits of x - y before any borrow, each in [-3, 3].
func difference(x, y []wire) []wire {
	d := make([]wire, len(x))
	for i := range d {
		d[i] = x[i].minus(y[i])
	}
	return d
}

// Digits of a difference are taken in groups: within one the borrow ripples, one
// bootstrap for each block, in all groups at a time; across one it jumps, which
// takes further bootstraps. The first group is small: the next need not wait for
// more than a jump.
const (
	firstGroup = 8
	group      = 24
)

// subtract propagates the borrows through the digits d, each in [-3, 3], and
// returns the blocks of the result modulo 4^len(d).
func (c *circuit) subtract(d []wire, borrow wire) []wire {
	out, _ := c.propagate(d, borrow)
	return out
}

// propagate is subtract with the borrow out.
func (c *circuit) propagate(d []wire, borrow wire) ([]wire, wire) {
	var out []wire
	for size := firstGroup; len(d) > size; size = group {
		blocks, _ := c.ripple(d[:size], borrow)
		out = append(out, blocks...)
		borrow = c.borrow(c.signSums(c.pairs(d[:size])), borrow)
		d = d[size:]
	}
	blocks, borrow := c.ripple(d, borrow)
	return append(out, blocks...), borrow
}

// ripple returns the blocks of the digits d less borrow, and the borrow out.
func (c *circuit) ripple(d []wire, borrow wire) ([]wire, wire) {
	out := make([]wire, len(d))
	for i := range d {
		r := c.together(borrowDigit, d[i].minus(borrow).plusClear(base))
		out[i], borrow = r[0], r[1]
	}
	return out, borrow
}

// signSums are base-16 digits of the same sign as d, a quarter as many.
func (c *circuit) signSums(d []wire) (sums []wire) {
	for few := range slices.Chunk(d, len(signs)) {
		sums = append(sums, c.signSum(few))
	}
	return sums
}

// signSum is a number in [-15, 15] with the sign of the number whose base-16
// digits, up to four, are d.
func (c *circuit) signSum(d []wire) wire {
	signed := make([]wire, len(d))
	for i := range d {
		signed[i] = c.lookup(signs[i], d[i])
	}
	return sum(signed)
}

// pairs turns base-4 digits into base-16 digits of the same sign.
func (c *circuit) pairs(d []wire) (out []wire) {
	for ; len(d) > 1; d = d[2:] {
		out = append(out, c.signPair(d[0], d[1]))
	}
	return append(out, d...)
}

// signPair is a number in [-15, 15] with the sign of d0 + 4*d1: that itself,
// unless the digits share sources and it leaves no room in the noise budget for
// a borrow and half a turn. Then a smaller multiple does, since the two are not free to have any
// values.
func (c *circuit) signPair(d0, d1 wire) wire {
	p := pair(d0, d1)
	if p.norm2() <= tfhe.MaxNorm2-2 {
		return p
	}
	for _, k := range [][2]int{{1, 3}, {1, 2}, {0, 1}} {
		q := d0.times(k[0]).plus(d1.times(k[1]))
		if q.norm2() <= tfhe.MaxNorm2-2 && sameSign(p, q) {
			return q
		}
	}
	return c.signSum([]wire{d0, d1})
}

// sameSign reports whether q, of sources of p, always has the sign of p.
func sameSign(p, q wire) bool {
	return p.assignments(func(values map[*source]int) bool {
		return cmp.Compare(p.at(values), 0) == cmp.Compare(q.at(values), 0)
	})
}
