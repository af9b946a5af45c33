package radix

// columns holds the terms of a sum by weight: those of columns[i] count 4^i
// times, modulo 4^len(columns).
type columns [][]wire

// add adds w to column i, if there is such a column.
func (cols columns) add(i int, w wire) {
	if i < len(cols) && (w.hi > 0 || !w.isClear()) {
		cols[i] = append(cols[i], w)
	}
}

// addRow adds 4^shift times the number with blocks x.
func (cols columns) addRow(shift int, x []wire) {
	for i, w := range x {
		cols.add(shift+i, w)
	}
}

// addColumns returns the blocks of the sum.
func (c *circuit) addColumns(cols columns) []wire {
	for !cols.done() {
		cols = c.compress(cols)
	}
	d := make([]wire, len(cols))
	for i, col := range cols {
		d[i] = sum(col).plusClear(1 - base)
	}
	return c.subtract(d, constant(1))
}

// done reports whether every column is as small as the sum of two blocks.
func (cols columns) done() bool {
	for _, col := range cols {
		if s := sum(col); s.hi > 2*(base-1) || s.norm2() > 2 {
			return false
		}
	}
	return true
}

// compress replaces groups of terms by their message and carry.
func (c *circuit) compress(cols columns) columns {
	next := make(columns, len(cols))
	for i, col := range cols {
		for len(col) > 0 {
			n := fitting(col)
			c.split(next, i, sum(col[:n]))
			col = col[n:]
		}
	}
	return next
}

// fitting is the number of leading terms whose sum a bootstrap can take.
func fitting(ws []wire) int {
	hi := 0
	for i, w := range ws {
		if hi += w.hi; hi >= half {
			return i
		}
	}
	return len(ws)
}

// split adds the message of s to column i and its carry to the next.
func (c *circuit) split(cols columns, i int, s wire) {
	switch {
	case s.hi < base && s.norm2() <= 1:
		cols.add(i, s)
	case s.hi <= splitSum.hi:
		r := c.lookups(splitSum, s)
		cols.add(i, r[0])
		cols.add(i+1, r[1])
	default:
		cols.add(i, c.lookup(message, s))
		cols.add(i+1, c.lookup(carry, s))
	}
}
