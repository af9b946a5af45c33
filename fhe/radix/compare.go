package radix

// less is 1 where x < y.
func (c *circuit) less(x, y []wire) wire { return c.isNegative(c.pairs(difference(x, y))) }

// isNegative is 1 where the number with base-16 digits d is negative.
func (c *circuit) isNegative(d []wire) wire {
	for len(d) > 2 {
		var next []wire
		for len(d) > 0 {
			n := min(len(d), len(signs))
			next = append(next, c.signSum(d[:n]))
			d = d[n:]
		}
		d = next
	}
	borrow := constant(0)
	for _, digit := range d {
		borrow = c.lookup(negative, digit.minus(borrow))
	}
	return borrow
}

// equal is 1 where x = y.
func (c *circuit) equal(x, y []wire) wire {
	return c.allZero(c.pairs(difference(x, y)))
}

// allZero is 1 where all ws, at most 16, are zero.
func (c *circuit) allZero(ws []wire) wire {
	zeros := make([]wire, len(ws))
	for i, w := range ws {
		zeros[i] = c.lookup(isZero, w)
	}
	if len(zeros) == 1 {
		return zeros[0]
	}
	return c.lookup(isFull, sum(zeros).plusClear(half-len(zeros)))
}

// nonzero is 1 where x is not zero.
func (c *circuit) nonzero(x []wire) wire {
	const room = (half - 1) / (base - 1)
	var sums []wire
	for len(x) > 0 {
		n := min(len(x), room)
		sums = append(sums, sum(x[:n]))
		x = x[n:]
	}
	return not(c.allZero(sums))
}

// choose returns t where the bit is 1, else f: f + bit*(t-f), bootstrapped
// once more where f carries noise of its own.
func (c *circuit) choose(bit wire, t, f []wire) []wire {
	out := make([]wire, len(t))
	for i := range out {
		out[i] = c.chooseBlock(bit, t[i], f[i])
	}
	return out
}

func (c *circuit) chooseBlock(bit, t, f wire) wire {
	if t.isClear() {
		bit, t, f = not(bit), f, t
	}
	top := max(t.hi, f.hi)
	if top == 1 && !f.isClear() {
		return c.lookup(chosenBit, t.plus(f.times(2)).plus(bit.times(4)))
	}
	kept := c.lookup(chosen, t.minus(f).times(2).plus(bit))
	sum := f.plus(kept).within(0, top)
	if sum.norm2() <= 1 {
		return sum
	}
	return c.bootstrap(message, sum)[0]
}
