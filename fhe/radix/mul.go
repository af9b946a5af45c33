package radix

// mul returns the blocks of x*y modulo 4^len(x).
func (c *circuit) mul(x, y []wire) []wire {
	if k, ok := clearValue(y); ok {
		return c.mulClear(x, k)
	}
	if k, ok := clearValue(x); ok {
		return c.mulClear(y, k)
	}
	n := len(x)
	cols := make(columns, n)
	for i := range n {
		for j := range n - i {
			v := pair(x[i], y[j])
			cols.add(i+j, c.lookup(productLow, v))
			cols.add(i+j+1, c.lookup(productHigh, v))
		}
	}
	return c.addColumns(cols)
}

// mulClear returns the blocks of k*x modulo 4^len(x): the sum of a few rows
// x, 2*x, -x and -2*x, each shifted by whole blocks.
func (c *circuit) mulClear(x []wire, k uint64) []wire {
	n := len(x)
	twice := c.twice(x)
	cols := make(columns, n)
	rest := uint64(0)
	for j, d := range recode(k, n) {
		row := x
		if d == 2 || d == -2 {
			row = twice
		}
		if d < 0 { // -b = not(b) + 1
			row = complement(row, base-1)
			rest += 1 << (messageBits * j)
		}
		if d != 0 {
			cols.addRow(j, row)
		}
	}
	cols.addRow(0, clearBlocks(rest, n))
	return c.addColumns(cols)
}

// twice returns the blocks of 2*x modulo 4^len(x).
func (c *circuit) twice(x []wire) []wire {
	out := make([]wire, len(x))
	below := constant(0)
	for i := range x {
		out[i] = c.lookup(double, pair(x[i], below))
		below = x[i]
	}
	return out
}

// recode returns n digits d in [-2, 2], few of them not zero, with the sum of
// d[j]*4^j equal to k modulo 4^n: the non-adjacent form, two bits to a digit.
func recode(k uint64, n int) []int {
	d := make([]int, n)
	for bit := range messageBits * n {
		if k&1 == 1 {
			s := 2 - int(k&3)
			k -= uint64(s)
			d[bit/messageBits] += s << (bit % messageBits)
		}
		k >>= 1
	}
	return d
}

// complement returns top - b for each block b of x.
func complement(x []wire, top int) []wire {
	out := make([]wire, len(x))
	for i := range x {
		out[i] = constant(top).minus(x[i])
	}
	return out
}

// clearBlocks returns the n blocks of v.
func clearBlocks(v uint64, n int) []wire {
	out := make([]wire, n)
	for i := range out {
		out[i] = constant(int(v >> (messageBits * i) & (base - 1)))
	}
	return out
}

// clearValue is the value of blocks that are all clear.
func clearValue(x []wire) (v uint64, ok bool) {
	for i, w := range x {
		if !w.isClear() {
			return 0, false
		}
		v |= uint64(w.lo) << (messageBits * i)
	}
	return v, true
}
