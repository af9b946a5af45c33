package radix

import "math/big"

// mul returns the blocks of x*y modulo 4^len(x).
func (c *circuit) mul(x, y []wire) []wire { return c.product(x, y, len(x)) }

// product returns n blocks of x*y, each of up to n blocks.
func (c *circuit) product(x, y []wire, n int) []wire {
	if k, ok := clearValue(y); ok {
		return c.mulClear(extended(x, n), k)
	}
	if k, ok := clearValue(x); ok {
		return c.mulClear(extended(y, n), k)
	}
	x, y = trimmed(x), trimmed(y)
	cols := make(columns, n)
	products := c.products
	if n > 4 { // worth the borders
		products = c.nearProducts
		c.borders(cols, x, y)
	}
	for i := range x {
		for j := range min(len(y), n-i) {
			low, high := products(x[i], y[j])
			cols.add(i+j, low)
			cols.add(i+j+1, high)
		}
	}
	return c.addColumns(cols)
}

// products is the message and the carry of a*b.
func (c *circuit) products(a, b wire) (low, high wire) {
	v := pair(a, b)
	return c.lookup(productLow, v), c.lookup(productHigh, v)
}

// nearProducts is the message and the carry of nearly a*b, in one bootstrap: of a
// function of the sum, which takes few enough values. With t = a + b - 3 and N(v)
// = v*(5-v)/2,
//
//	a*b = t*(t+1)/2 + N(a) + N(b) - 3.
//
// What depends on one digit alone, borders sums up over all products.
func (c *circuit) nearProducts(a, b wire) (low, high wire) {
	r := c.lookups(triangle, a.plus(b))
	return r[0], r[1]
}

// borders adds N(a) + N(b) - 3 for all products of digits a of x and b of y. With
// q_k the difference that column k has to the one before, the whole is the number
// with digits q, divided by -3: e_0 = 0, e_(k+1) = e_k + q_k modulo 3 in [-1, 1],
// and its digit k is (4*e_(k+1) - e_k - q_k) / 3.
func (c *circuit) borders(cols columns, x, y []wire) {
	if len(x) < len(y) {
		x, y = y, x
	}
	rest, e := new(big.Int), constant(0)
	for k := range min(len(x)+len(y), len(cols)) {
		q := constant(0)
		if k < len(x) {
			q = c.lookup(border, pair(x[k], blockAt(y, k)))
		}
		if k >= len(y) {
			q = q.minus(c.lookup(border, pair(x[k-len(y)], blockAt(y, k-len(x)))))
		}
		r := c.lookups(third, e.plus(q))
		e = r[0]
		cols.add(k, r[1].plusClear(1))
		rest.Sub(rest, new(big.Int).Lsh(big.NewInt(2), uint(messageBits*k)))
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(messageBits*len(cols)))
	cols.addRow(0, clearBlocks(rest.Mod(rest, modulus), len(cols)))
}

// blockAt is block i of x, zero where there is none.
func blockAt(x []wire, i int) wire {
	if i < 0 || i >= len(x) {
		return constant(0)
	}
	return x[i]
}

// trimmed is x without the zeros above its other blocks.
func trimmed(x []wire) []wire {
	for len(x) > 1 && x[len(x)-1].isClear() && x[len(x)-1].lo == 0 {
		x = x[:len(x)-1]
	}
	return x
}

// extended is x with zeros up to n blocks.
func extended(x []wire, n int) []wire {
	return append(x[:len(x):len(x)], clearBlocks(nil, n-len(x))...)
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
