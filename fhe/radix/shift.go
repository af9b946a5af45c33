package radix

import (
	"math/bits"
	"slices"

	"fhevm/fhe"
)

// shifter shifts numbers to the left: towards the end of their blocks. To the
// right it takes and gives them with the last block first.
type shifter struct {
	*circuit
	rotates bool
	right   bool
	fill    wire // what comes in where nothing rotates
}

func (c *circuit) shift(o operation) [][]wire {
	s := shifter{
		circuit: c,
		rotates: o.Op == fhe.Rotl || o.Op == fhe.Rotr,
		right:   o.Op == fhe.Shr || o.Op == fhe.Rotr,
		fill:    constant(0),
	}
	x, width := slices.Clone(o.args[0]), o.typ.Bits()
	if s.right {
		slices.Reverse(x)
	}
	if o.Op == fhe.Shr && o.typ.Signed() {
		s.fill = c.lookup(signFill, x[0])
	}
	if by, ok := clearValue(o.args[1]); ok {
		x = s.clear(x, int(by.Int64())%width)
	} else {
		x = s.encrypted(x, o.args[1], bits.Len(uint(width))-1)
	}
	if s.right {
		slices.Reverse(x)
	}
	return [][]wire{x}
}

// at is block i of x, for i down to -len(x): what rotates there, or the fill.
func (s shifter) at(x []wire, i int) wire {
	switch {
	case i >= 0:
		return x[i]
	case s.rotates:
		return x[len(x)+i]
	}
	return s.fill
}

// clear shifts by a public number of bits: blocks move, and for an odd number a
// bootstrap takes each from two neighbours. Only the sign comes from its fill
// alone.
func (s shifter) clear(x []wire, by int) []wire {
	out := make([]wire, len(x))
	for i := range x {
		near, far := s.at(x, i-by/2), s.at(x, i-by/2-1)
		switch {
		case by%2 == 0:
			out[i] = near
		case !s.fill.isClear() && i <= by/2:
			out[i] = s.fill
		case s.right:
			out[i] = s.lookup(halve, pair(near, far))
		default:
			out[i] = s.lookup(halve, pair(far, near))
		}
	}
	return out
}

// encrypted shifts by the low n bits of an amount: by one bit, then by blocks,
// two bits of the amount at a time, then by half the number where a bit is left.
// That leaves sums of a few sources, which clean ends.
func (s shifter) encrypted(x, amount []wire, n int) []wire {
	x = s.odd(x, s.lookup(lowBit, amount[0]))
	span := 1
	for i := range (n - 1) / 2 {
		x = s.move(x, s.lookup(halve, pair(amount[i], amount[i+1])), span)
		span *= base
	}
	if n%2 == 1 {
		return x
	}
	last := s.lookup(highBit, amount[n/2-1])
	if s.rotates {
		return s.swap(x, last)
	}
	return s.move(x, last, span)
}

// odd shifts by one bit where the given bit is 1.
func (s shifter) odd(x []wire, bit wire) []wire {
	step := shiftUp
	if s.right {
		step = shiftDown
	}
	out := make([]wire, len(x))
	for i := range x {
		stays := s.unlessZero(step, x[i], bit.times(base))[0]
		comes := s.unlessZero(step, s.at(x, i-1), bit.times(base))[1]
		out[i] = stays.plus(comes).within(0, base-1)
	}
	return out
}

// move shifts by digit times span blocks.
func (s shifter) move(x []wire, digit wire, span int) []wire {
	out := make([]wire, len(x))
	for i := range x {
		for j := range base {
			out[i] = out[i].plus(s.unlessZero(moves, s.at(x, i-j*span), digit.times(-base))[j])
		}
		out[i] = out[i].within(0, base-1)
	}
	return out
}

// unlessZero is the table's functions of block + by, zeros for a block that is.
func (s shifter) unlessZero(t *table, block, by wire) []wire {
	if block.isClear() && block.lo == 0 {
		return slices.Repeat([]wire{constant(0)}, len(t.fs))
	}
	return s.lookups(t, block.plus(by))
}

// swap rotates by half the number where the bit is 1: what one half gains, the
// other loses.
func (s shifter) swap(x []wire, bit wire) []wire {
	out, n := make([]wire, len(x)), len(x)/2
	for i := range n {
		gain := s.lookup(chosen[0], x[i+n].minus(x[i]).times(2).plus(bit))
		out[i] = x[i].plus(gain).within(0, base-1)
		out[i+n] = x[i+n].minus(gain).within(0, base-1)
	}
	return out
}
