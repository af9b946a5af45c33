package radix

import (
	"slices"

	"fhevm/fhe/tfhe"
)

// less is 1 where x < y. Numbers of different signs are in the other order than
// without: half a turn complements the outcome. The lower digits chain: bootstraps
// are what comparisons are short of, not layers.
func (c *circuit) less(x, y []wire, signed bool) wire {
	d := c.pairs(difference(x, y))
	low := min(len(d)-1, 4*longestChain)
	v := c.decider(d[low:], c.chain(d[:low], constant(0)))
	if top := len(x) - 1; signed {
		v = v.plus(c.lookup(signsDiffer, pair(x[top], y[top]))).wrapped()
	}
	return c.lookup(negative, v)
}

// isNegative is 1 where the number with base-16 digits d is negative.
func (c *circuit) isNegative(d []wire) wire { return c.borrow(d, constant(0)) }

// borrow is 1 where the number with base-16 digits d, less borrow, is negative.
func (c *circuit) borrow(d []wire, borrow wire) wire {
	return c.lookup(negative, c.decider(d, borrow))
}

// longestChain is how many base-16 digits a borrow passes one by one rather than
// jump them, which takes more bootstraps and fewer layers.
const longestChain = 4

// chain is borrow, digit by digit: one bootstrap for each, in as many layers.
func (c *circuit) chain(d []wire, borrow wire) wire {
	for i := range d {
		borrow = c.lookup(negative, c.decider(d[i:i+1], borrow))
	}
	return borrow
}

// decider is a number in [-16, 15] that is negative where the one with base-16
// digits d, less borrow, is. A digit that is never zero decides without those
// below. Where a borrow meets operands' blocks, none of them is that very borrow:
// conditions enter integers through clean.
func (c *circuit) decider(d []wire, borrow wire) wire {
	for len(d) > longestChain {
		d = c.signSums(d)
	}
	last := d[len(d)-1]
	if last.hasZero() {
		return last.minus(c.chain(d[:len(d)-1], borrow))
	}
	return last
}

// equal is 1 where x = y.
func (c *circuit) equal(x, y []wire) wire {
	return c.allZero(difference(x, y))
}

// allZero is 1 where all base-4 digits in d, which may be negative, are zero.
func (c *circuit) allZero(d []wire) wire {
	var zeros []wire
	for _, w := range c.gathered(d) {
		zeros = append(zeros, c.lookup(isZero, w))
	}
	return c.all(zeros)
}

// gathered are fewer numbers in [-15, 15] that are all zero where all digits in d
// are: sums of those that have one sign only, as a difference from 0 or 3 has, and
// pairs of the others.
func (c *circuit) gathered(d []wire) (out []wire) {
	var both []wire
	total := constant(0)
	for _, w := range d {
		if w.hi <= 0 {
			w = w.times(-1)
		}
		if w.lo < 0 {
			both = append(both, w)
			continue
		}
		more := total.plus(w)
		if more.hi >= half || more.norm2() > tfhe.MaxNorm2 {
			out = append(out, total)
			more = w
		}
		total = more
	}
	if len(both)%2 == 1 && total.hi < base {
		both, total = append(both, total), constant(0)
	}
	out = append(out, c.pairs(both)...)
	if len(out) > 0 && total.equal(constant(0)) {
		return out
	}
	return append(out, total)
}

// all is 1 where all bits are 1.
func (c *circuit) all(bits []wire) wire {
	bits = distinct(bits)
	for len(bits) > 1 {
		var next []wire
		for len(bits) > 0 {
			n := fittingBits(bits)
			next = append(next, c.lookup(negative, sum(bits[:n]).plusClear(half-n)))
			bits = bits[n:]
		}
		bits = next
	}
	return bits[0]
}

// any is 1 where any bit is 1.
func (c *circuit) any(bits []wire) wire {
	none := make([]wire, len(bits))
	for i, b := range bits {
		none[i] = not(b)
	}
	return not(c.all(none))
}

// fittingBits is the number of leading bits whose sum one bootstrap can take.
func fittingBits(bits []wire) int {
	total := constant(0)
	for i, b := range bits {
		if total = total.plus(b); i == half || total.norm2() > tfhe.MaxNorm2 {
			return i
		}
	}
	return len(bits)
}

// distinct drops wires that repeat others.
func distinct(ws []wire) (out []wire) {
	for _, w := range ws {
		if !slices.ContainsFunc(out, w.equal) {
			out = append(out, w)
		}
	}
	return out
}

// choose returns t where the bit is 1, else f: f + bit*(t-f), bootstrapped
// once more where f carries noise of its own. Blocks are in [0, top].
func (c *circuit) choose(bit wire, t, f []wire, top int) []wire {
	out := make([]wire, len(t))
	for i := range out {
		out[i] = c.chooseBlock(bit, given(t[i], bit, 1), given(f[i], bit, 0), top)
	}
	return out
}

func (c *circuit) chooseBlock(bit, t, f wire, top int) wire {
	if t.isClear() {
		bit, t, f = not(bit), f, t
	}
	difference := t.minus(f).times(2).plus(bit)
	if f.isClear() {
		return c.lookup(chosen[f.lo], difference)
	}
	if top == 1 {
		return c.lookup(chosenBit, t.plus(f.times(2)).plus(bit.times(4)))
	}
	return c.lookup(clean, f.plus(c.lookup(chosen[0], difference)).within(0, top))
}

// given is w where the bit has value v: a constant if w is the bit itself or
// its complement.
func given(w, bit wire, v int) wire {
	if bit.isClear() {
		return w
	}
	if d := w.minus(bit); len(d.terms) == 0 {
		return constant(d.constant + v)
	}
	if s := w.plus(bit); len(s.terms) == 0 {
		return constant(s.constant - v)
	}
	return w
}
