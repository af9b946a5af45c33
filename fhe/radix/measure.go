package radix

import (
	"math/bits"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// countOnes adds up the ones of pairs of blocks.
func (c *circuit) countOnes(o operation) [][]wire {
	var counts []wire
	for _, v := range nibbles(o.args[0]) {
		counts = append(counts, c.lookup(ones, v))
	}
	cols := make(columns, fhe.Uint16.Blocks())
	cols.addAll(0, counts)
	return [][]wire{c.addColumns(cols)}
}

func (c *circuit) leadingZeros(o operation) [][]wire {
	x := nibbles(o.args[0])
	slices.Reverse(x)
	return [][]wire{c.zeros(x, func(v int) int { return half/base - bits.Len(uint(v)) })}
}

func (c *circuit) trailingZeros(o operation) [][]wire {
	return [][]wire{c.zeros(nibbles(o.args[0]), func(v int) int { return bits.TrailingZeros(uint(v)) })}
}

// ilog2 is the width less one and the leading zeros: as long as there are fewer
// than the width, the complement of their number. All blocks are 3 where they are
// as many.
func (c *circuit) ilog2(o operation) [][]wire {
	zeros := c.leadingZeros(o)[0]
	log := bits.Len(uint(o.typ.Bits())) - 1
	top := log / messageBits // the block in which the width is a one
	out := complement(zeros, base-1)
	if log%messageBits == 0 {
		zeros[top] = zeros[top].times(2)
	}
	fill := c.lookup(signFill, zeros[top])
	for i := range out[top:] {
		out[top+i] = fill
	}
	if log%messageBits == 1 { // 1 less 0 or 1, or 2 where it borrows
		out[top] = c.lookups(borrowDigit, constant(base+1).minus(zeros[top]))[0]
	}
	return [][]wire{out}
}

// nibbles are the pairs x_0 + 4x_1, x_2 + 4x_3, ...
func nibbles(x []wire) (out []wire) {
	for ; len(x) > 0; x = x[2:] {
		out = append(out, pair(x[0], x[1]))
	}
	return out
}

// zeros is the number of zeros before the first one of nibbles x: four for each
// nibble before the first that is not zero, and as many as inNibble gives for that.
func (c *circuit) zeros(x []wire, inNibble func(v int) int) []wire {
	isZero := make([]wire, len(x))
	for i, v := range x {
		isZero[i] = c.is(v, 0)
	}
	before := c.prefixes(isZero)
	var inFirst []wire
	for i, v := range x {
		reached := constant(1)
		if i > 0 {
			reached = before[i-1]
		}
		// A nibble that repeats another one is not the first that is not zero.
		if !slices.ContainsFunc(x[:i], v.equal) {
			inFirst = append(inFirst, c.lookup(reachedZeros, c.code(v, inNibble).plusClear(1).plus(reached.times(base))))
		}
	}
	cols := make(columns, fhe.Uint16.Blocks())
	for group := range slices.Chunk(inFirst, tfhe.MaxNorm2) {
		cols.add(0, c.lookup(clean, sum(group).within(0, base-1)))
	}
	cols.addAll(1, before)
	return c.addColumns(cols)
}

// prefixes says for each bit whether it and all bits before are 1.
func (c *circuit) prefixes(bits []wire) (out []wire) {
	head := constant(1)
	for group := range slices.Chunk(bits, half-1) {
		for i := range group {
			out = append(out, c.all(append([]wire{head}, group[:i+1]...)))
		}
		head = out[len(out)-1]
	}
	return out
}

// codes tell by small numbers of either sign, 0 for a nibble of zeros, how many
// zeros come before a one: so their sums have little noise.
var codes = [base]int{0, -1, 1, 2}

// code is the code of the nibble v, 0 to 15, a sum of what one bootstrap gives.
func (c *circuit) code(v wire, inNibble func(v int) int) wire {
	out := constant(0)
	for k := 1; k < half; k++ {
		out = out.plus(c.is(v, k).times(codes[inNibble(k)]))
	}
	return out.within(-1, base-2)
}

// addAll adds ws to column i: those that are equal as a multiple in base 4.
func (cols columns) addAll(i int, ws []wire) {
	for j, w := range ws {
		if slices.ContainsFunc(ws[:j], w.equal) {
			continue
		}
		n := 0
		for _, x := range ws[j:] {
			n += bit(x.equal(w))
		}
		for at := i; n > 0; at, n = at+1, n/base {
			cols.add(at, w.times(n%base))
		}
	}
}
