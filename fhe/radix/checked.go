package radix

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
