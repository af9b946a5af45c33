package radix

import (
	"cmp"
	"slices"

	"fhevm/fhe/tfhe"
)

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

// addColumns returns the blocks of the sum. Each column, from the lowest on, is
// brought down to what a sum of two blocks may be; the rest of the carries ripple,
// close behind. The last column has no carry, and room for more.
func (c *circuit) addColumns(cols columns) []wire {
	last := len(cols) - 1
	d := make([]wire, len(cols))
	for i := range cols {
		most := 2 * (base - 1)
		if i == last {
			most = half - 2
		}
		for !isDigit(cols[i], most) {
			c.compress(cols, i, most)
		}
		d[i] = sum(cols[i]).plusClear(1 - base)
	}
	blocks, borrow := c.ripple(d[:last], constant(1))
	end := c.lookup(lastBlock, d[last].minus(borrow).plusClear(base))
	return append(blocks, constant(base-1).minus(end))
}

// isDigit reports whether terms are at most so much, and leave room in the noise
// budget for a borrow, which may be an operand's block that is among them too.
func isDigit(terms []wire, most int) bool {
	total, factor := 0, 0
	for _, w := range terms {
		total += w.hi
	}
	if total > most {
		return false
	}
	s := sum(terms)
	for _, t := range s.terms {
		factor = max(factor, magnitude(t.factor))
	}
	return s.norm2()+2*factor < tfhe.MaxNorm2
}

// compress replaces a group of terms of column i by message and carry: those that
// are known first, and among them the noisy ones first, as long as they fit and
// the others are too much beside a message. A term alone is no group if it is a block without more
// noise than one bootstrap's.
func (c *circuit) compress(cols columns, i, most int) {
	slices.SortStableFunc(cols[i], func(a, b wire) int {
		return cmp.Or(cmp.Compare(a.layer(), b.layer()), cmp.Compare(b.norm2(), a.norm2()), cmp.Compare(b.hi, a.hi))
	})
	for start := range cols[i] {
		group, rest := fitting(cols[i][start:], most)
		if s := sum(group); len(group) > 1 || s.norm2() > 1 || s.hi >= base {
			cols[i] = append(cols[i][:start:start], rest...)
			c.split(cols, i, s)
			return
		}
	}
}

// fitting cuts out the first terms, and those after them, that fit one bootstrap,
// until those that stay and a message are at most so much.
func fitting(terms []wire, most int) (group, rest []wire) {
	total, left := constant(0), base-1
	for _, w := range terms {
		left += w.hi
	}
	for i, w := range terms {
		if len(group) > 0 && left <= most {
			return group, append(rest, terms[i:]...)
		}
		if s := total.plus(w); message.fits(s) {
			total, group, left = s, append(group, w), left-w.hi
		} else {
			rest = append(rest, w)
		}
	}
	return group, rest
}

// split adds the message of s to column i and its carry to the next.
func (c *circuit) split(cols columns, i int, s wire) {
	switch {
	case i == len(cols)-1:
		cols.add(i, c.lookup(message, s))
	case s.hi <= splitSum.hi:
		r := c.lookups(splitSum, s)
		cols.add(i, r[0])
		cols.add(i+1, r[1])
	default:
		r := c.lookups(carries, s)
		m := r[1].plus(r[2]).plus(r[3]).minus(r[0].times(base - 1))
		cols.add(i, m.within(0, base-1))
		cols.add(i+1, r[0])
	}
}
