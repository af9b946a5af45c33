package radix

import "slices"

// A sum or difference is out of range where it leaves its last digit's: borrows
// know it for unsigned types; for signed ones the last digits are taken with
// their signs.

// tryAdd returns the blocks of a sum and whether it is in range.
func (c *circuit) tryAdd(o operation) [][]wire {
	d := c.sumDigits(o)
	if o.typ.Signed() {
		out, fits := c.propagateTo(signedDigit, d, constant(1))
		return [][]wire{out, {fits}}
	}
	out, fits := c.propagate(d, constant(1)) // a borrow: no carry
	return [][]wire{out, {fits}}
}

func (c *circuit) trySub(o operation) [][]wire {
	d := c.differenceDigits(o)
	if o.typ.Signed() {
		out, fits := c.propagateTo(signedDigit, d, constant(0))
		return [][]wire{out, {fits}}
	}
	out, wraps := c.propagate(d, constant(0))
	return [][]wire{out, {not(wraps)}}
}

func (c *circuit) saturatingAdd(o operation) [][]wire {
	end := sumEnd
	if o.typ.Signed() {
		end = signedEnd
	}
	return c.saturate(c.propagateTo(end, c.sumDigits(o), constant(1)))
}

func (c *circuit) saturatingSub(o operation) [][]wire {
	end := differenceEnd
	if o.typ.Signed() {
		end = signedEnd
	}
	return c.saturate(c.propagateTo(end, c.differenceDigits(o), constant(0)))
}

// saturate replaces all blocks but the last where the state demands.
func (c *circuit) saturate(out []wire, state wire) [][]wire {
	for i, w := range out[:len(out)-1] {
		out[i] = c.lookup(saturated, pair(w, state))
	}
	return [][]wire{out}
}

// propagateTo is subtract with a table of its own for the last digit, which gives
// the last block and what has become of the range.
func (c *circuit) propagateTo(end *table, d []wire, borrow wire) ([]wire, wire) {
	last := len(d) - 1
	out, borrow := c.propagate(d[:last], borrow)
	r := c.together(end, d[last].minus(borrow).plusClear(base))
	return append(out, r[0]), r[1]
}

// sumDigits returns the digits of x + y with one borrowed.
func (c *circuit) sumDigits(o operation) []wire {
	x, y := o.args[0], o.args[1]
	d := difference(x, complement(y, base-1))
	if last := len(d) - 1; o.typ.Signed() {
		d[last] = c.lookup(signedSum, pair(x[last], y[last]))
	}
	return d
}

// differenceDigits returns the digits of x - y.
func (c *circuit) differenceDigits(o operation) []wire {
	x, y := o.args[0], o.args[1]
	d := difference(x, y)
	if last := len(d) - 1; o.typ.Signed() {
		d[last] = c.lookup(signedDifference, pair(x[last], y[last]))
	}
	return d
}

// tryMul multiplies with blocks to spare, which tell whether the product is in
// range unless it is so large that it exceeds even them: where the positions of
// the highest blocks of |x| and |y| sum to the number of blocks or more.
func (c *circuit) tryMul(o operation) [][]wire {
	x, y := o.args[0], o.args[1]
	n := len(x)
	var product []wire
	var fits wire
	if o.typ.Signed() {
		product = c.product(c.signExtended(x, n+2), c.signExtended(y, n+2), n+2)
		sign := c.lookup(signFill, product[n-1])
		fits = c.lookup(isZero, pair(product[n].minus(sign), product[n+1].minus(sign)))
		x, y = c.complementNegative(x), c.complementNegative(y)
	} else {
		product = c.product(x, y, n+1)
		fits = c.lookup(isZero, product[n])
	}
	return [][]wire{product[:n], {c.all(append(c.shorts(x, y), fits))}}
}

// shorts are bits which are 1, all of them, unless blocks of x and of y that are
// not zero have positions that sum to their number or more.
func (c *circuit) shorts(x, y []wire) (bits []wire) {
	above := constant(0) // whether a block of y from position n - i on is set
	for i := 1; i < len(x); i++ {
		above = c.lookup(anySet, y[len(y)-i].plus(above.times(base)))
		bits = append(bits, c.lookup(notBothSet, x[i].plus(above.times(base))))
	}
	return bits
}

// signExtended is x with copies of its sign up to n blocks.
func (c *circuit) signExtended(x []wire, n int) []wire {
	sign := c.lookup(signFill, x[len(x)-1])
	return append(x[:len(x):len(x)], slices.Repeat([]wire{sign}, n-len(x))...)
}

// complementNegative is x where that is not negative, else its complement.
func (c *circuit) complementNegative(x []wire) []wire {
	negative := c.lookup(highBit, x[len(x)-1])
	out := make([]wire, len(x))
	for i := range x {
		out[i] = c.lookup(complementIf, x[i].plus(negative.times(base)))
	}
	return out
}
