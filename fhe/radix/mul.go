package radix

import "math/big"

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
func (c *circuit) mulClear(x []wire, k *big.Int) []wire {
	n := len(x)
	twice := c.twice(x)
	cols := make(columns, n)
	rest := new(big.Int)
	for j, d := range recode(k, n) {
		row := x
		if d == 2 || d == -2 {
			row = twice
		}
		if d < 0 { // -b = not(b) + 1
			row = complement(row, base-1)
			rest.SetBit(rest, messageBits*j, 1)
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
func recode(k *big.Int, n int) []int {
	d := make([]int, n)
	carry := 0
	for i := range messageBits * n {
		v := int(k.Bit(i)) + carry
		carry = v / 2
		if v == 1 {
			carry = int(k.Bit(i + 1))
			d[i/messageBits] += (1 - 2*carry) << (i % messageBits)
		}
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

// clearBlocks returns the n blocks of v modulo 4^n; nil stands for 0.
func clearBlocks(v *big.Int, n int) []wire {
	out := make([]wire, n)
	for i := range out {
		out[i] = constant(0)
		if v != nil {
			out[i] = constant(int(v.Bit(2*i) | v.Bit(2*i+1)<<1))
		}
	}
	return out
}

// clearValue is the value of blocks that are all clear.
func clearValue(x []wire) (v *big.Int, ok bool) {
	v = new(big.Int)
	for i := len(x) - 1; i >= 0; i-- {
		if !x[i].isClear() {
			return nil, false
		}
		v.Lsh(v, messageBits).Or(v, big.NewInt(int64(x[i].lo)))
	}
	return v, true
}
