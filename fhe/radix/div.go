package radix

// divide returns the blocks of x/y, rounded down, and of the remainder, of numbers
// without signs. Where y is zero, no multiple of it exceeds anything: the quotient
// has all bits set and the remainder is x.
//
// It is long division: with the remainder so far and one more block of x, a block
// of the quotient is 3 less one for each of y, 2y and 3y that is larger.
func (c *circuit) divide(x, y []wire) (quotient, remainder []wire) {
	y = trimmed(y)
	m := c.multiplesOf(y)
	quotient = make([]wire, len(x))
	for i := len(x) - 1; i >= 0; i-- {
		remainder = append([]wire{x[i]}, remainder...)
		larger := m.larger(c, remainder)
		quotient[i] = constant(base-1).minus(sum(larger[:])).within(0, base-1)
		remainder = c.reduce(remainder, m, larger)
		remainder = remainder[:min(len(remainder), len(y))]
	}
	return quotient, append(remainder, c.beyondZero(x, y)...)
}

// beyondZero is the blocks of x that y has not, where y is zero, else zeros.
func (c *circuit) beyondZero(x, y []wire) (blocks []wire) {
	zero := c.allZero(y)
	for _, b := range x[min(len(x), len(y)):] {
		blocks = append(blocks, c.gated(zero, b))
	}
	return blocks
}

// multiples are those of a divisor, with a block more than it has.
type multiples struct {
	blocks [base - 1][]wire // 1, 2 and 3 times the divisor
	beyond [base - 1][]wire // bit t: whether a block from t on is not zero
}

func (c *circuit) multiplesOf(y []wire) (m multiples) {
	y = extended(y, len(y)+1)
	twice := c.twice(y)
	m.blocks = [base - 1][]wire{y, twice, c.add(y, twice)}
	for k, blocks := range m.blocks {
		flags := make([]wire, len(blocks)+1)
		flags[len(blocks)] = constant(0)
		for t := len(blocks) - 1; t >= 0; t-- {
			flags[t] = c.lookup(anySet, blocks[t].plus(flags[t+1].times(base)))
		}
		m.beyond[k] = flags
	}
	return m
}

// larger says which of the multiples are larger than r: then so are those after
// it.
func (m *multiples) larger(c *circuit, r []wire) (bits [base - 1]wire) {
	for k, blocks := range m.blocks {
		n := min(len(r), len(blocks))
		d := difference(r[:n], blocks[:n])
		if n < len(blocks) {
			d = append(d, constant(0).minus(m.beyond[k][n]))
		}
		bits[k] = c.isNegative(c.pairs(d))
	}
	return bits
}

// reduce subtracts from r the largest multiple that is not larger.
func (c *circuit) reduce(r []wire, m multiples, larger [base - 1]wire) []wire {
	d := make([]wire, len(r))
	for i := range d {
		d[i] = r[i]
		if i < len(m.blocks[0]) {
			d[i] = r[i].minus(c.multiple(m, larger, i))
		}
	}
	blocks, _ := c.ripple(d, constant(0))
	return blocks
}

// multiple is block i of the largest multiple that is not larger.
func (c *circuit) multiple(m multiples, larger [base - 1]wire, i int) wire {
	total := constant(0)
	for k, blocks := range m.blocks {
		next := constant(1)
		if k+1 < len(larger) {
			next = larger[k+1]
		}
		is := next.minus(larger[k]).within(0, 1)
		if b := blocks[i]; b.isClear() {
			total = total.plus(is.times(b.lo))
		} else {
			total = total.plus(c.gated(is, b))
		}
	}
	return total.within(0, base-1)
}

// gated is the block where the bit is 1, else 0.
func (c *circuit) gated(bit, block wire) wire {
	return c.lookups(moves, block.minus(bit.times(base)))[1]
}

// quotient is the circuit of div.
func (c *circuit) quotient(o operation) [][]wire {
	q, _ := c.divideAs(o)
	return [][]wire{q}
}

// remainder is the circuit of rem.
func (c *circuit) remainder(o operation) [][]wire {
	_, r := c.divideAs(o)
	return [][]wire{r}
}

// divideAs divides with regard to signs: those of quotient and remainder follow
// from those of the operands, but a quotient by zero has all bits set.
func (c *circuit) divideAs(o operation) (quotient, remainder []wire) {
	x, y := o.args[0], o.args[1]
	n := len(x)
	if !o.typ.Signed() {
		q, r := c.divide(x, y)
		return q, extended(r, n)
	}
	signX, signY := c.lookup(highBit, x[n-1]), c.lookup(highBit, y[n-1])
	y = c.negateIf(signY, y)
	q, r := c.divide(c.negateIf(signX, x), y)
	flip := c.lookup(differAnd, signX.plus(signY.times(2)).plus(not(c.allZero(y)).times(base)))
	return c.negateIf(flip, q), c.negateIf(signX, extended(r, n))
}

// negateIf is -x where the bit is 1, else x: its complement less one.
func (c *circuit) negateIf(bit wire, x []wire) []wire {
	d := make([]wire, len(x))
	for i := range d {
		d[i] = c.lookup(complementIf, x[i].plus(bit.times(base))).plusClear(1 - base)
	}
	return c.subtract(d, not(bit))
}

// mulDiv is the circuit of a product of full width, divided.
func (c *circuit) mulDiv(o operation) [][]wire {
	n := len(o.args[0])
	q, _ := c.divide(c.product(o.args[0], o.args[1], 2*n), o.args[2])
	return [][]wire{q[:n]}
}

// isqrt is the circuit of the square root, bit by bit from the top: with the root
// Q so far and the remainder R, to which a block of the operand is added, the
// next bit is set if 4Q + 1 does not exceed R.
func (c *circuit) isqrt(o operation) [][]wire {
	var root, r []wire // bits of the root, lowest first
	for i := len(o.args[0]) - 1; i >= 0; i-- {
		r = append([]wire{o.args[0][i]}, r...)
		trial := append([]wire{constant(1)}, c.paired(root)...)
		width := max(len(r), len(trial))
		r, trial = extended(r, width), extended(trial, width)
		fits := not(c.isNegative(c.pairs(difference(r, trial))))
		for j := range trial {
			r[j] = r[j].minus(c.gated(fits, trial[j]))
		}
		r, _ = c.ripple(r, constant(0))
		root = append([]wire{fits}, root...)
		r = r[:min(len(r), len(root)/2+1)]
	}
	return [][]wire{extended(c.paired(root), len(o.args[0]))}
}

// paired makes blocks of bits.
func (c *circuit) paired(bits []wire) (blocks []wire) {
	for ; len(bits) > 1; bits = bits[2:] {
		blocks = append(blocks, c.lookup(clean, bits[0].plus(bits[1].times(2))))
	}
	return append(blocks, bits...)
}
