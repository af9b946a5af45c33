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
	return c.subtract(c.sumColumns(cols).digits(), constant(1))
}

// sumColumns returns columns of the same sum, each as small as the sum of two
// blocks.
func (c *circuit) sumColumns(cols columns) columns {
	for !cols.done() {
		next, changed := c.compress(cols, fullGroup)
		if !changed {
			next, _ = c.compress(cols, 0)
		}
		cols = next
	}
	return cols
}

// digits returns each column's sum less 3: the digits of the sum less not(0).
func (cols columns) digits() []wire {
	d := make([]wire, len(cols))
	for i, col := range cols {
		d[i] = sum(col).plusClear(1 - base)
	}
	return d
}

// done reports whether every column is as small as the sum of two blocks.
func (cols columns) done() bool {
	for _, col := range cols {
		if s := sum(col); s.hi > 2*(base-1) || s.norm1() > 2 {
			return false
		}
	}
	return true
}

// fullGroup is the range from which on no further block fits a group of terms.
const fullGroup = half - base + 1

// compress replaces groups of terms that no further term fits, or with a range
// of at least full, by message and carry, and keeps the others. It reports
// whether any group was replaced.
func (c *circuit) compress(cols columns, full int) (next columns, changed bool) {
	next = make(columns, len(cols))
	for i, col := range cols {
		for len(col) > 0 {
			n := fitting(col)
			if s := sum(col[:n]); n > 1 && (n < len(col) || s.hi >= full) {
				c.split(next, i, s)
				changed = true
			} else {
				next[i] = append(next[i], col[:n]...)
			}
			col = col[n:]
		}
	}
	return next, changed
}

// fitting is the number of leading terms whose sum a bootstrap can take.
func fitting(ws []wire) int {
	total := constant(0)
	for i, w := range ws {
		if total = total.plus(w); message.check(total) != nil {
			return i
		}
	}
	return len(ws)
}

// split adds the message of s to column i and its carry to the next.
func (c *circuit) split(cols columns, i int, s wire) {
	var m, k wire
	if s.hi <= splitSum.hi {
		r := c.lookups(splitSum, s)
		m, k = r[0], r[1]
	} else {
		m, k = c.lookup(message, s), c.lookup(carry, s)
	}
	cols.add(i, m)
	cols.add(i+1, k)
}
