package shamir

import "fhevm/threshold"

// code is the Reed-Solomon code of the polynomials of degree at most degree,
// evaluated at the points of the given parties.
type code struct {
	field  Field
	degree int
	points []uint64
	parity [][]uint64 // a word is in the code if and only if every row's product with it is 0
	atZero []uint64   // product with the first degree+1 values is the value at 0
}

func newCode(f Field, parties threshold.PartySet, degree int) *code {
	c := &code{field: f, degree: degree}
	for id := range parties.All() {
		c.points = append(c.points, uint64(id))
	}
	c.atZero = f.lagrange(c.points[:degree+1], 0)
	row := f.dualWeights(c.points)
	for range len(c.points) - degree - 1 {
		c.parity = append(c.parity, row)
		next := make([]uint64, len(row))
		for i, x := range c.points {
			next[i] = f.Mul(row[i], x)
		}
		row = next
	}
	return c
}

// CheckRows returns what opens and checks a sharing of the given degree that all of
// the parties have a share of, in the order of their ids: weights that take the
// first degree+1 shares to the secret, and rows whose products with all shares are 0
// if and only if the shares lie on one polynomial.
func CheckRows(f Field, parties threshold.PartySet, degree int) (atZero []uint64, parity [][]uint64) {
	c := newCode(f, parties, degree)
	return c.atZero, c.parity
}

// dualWeights returns 1/prod_{j != i} (x_i - x_j): the dual code of a
// Reed-Solomon code is the one with these multipliers (eprint 2025/699, eq. 26).
func (f Field) dualWeights(xs []uint64) []uint64 {
	out := make([]uint64, len(xs))
	for i, x := range xs {
		p := uint64(1)
		for j, y := range xs {
			if j != i {
				p = f.Mul(p, f.Sub(x, y))
			}
		}
		out[i] = f.Inv(p)
	}
	return out
}

// lagrange returns the coefficients that take values at xs to the value at x.
func (f Field) lagrange(xs []uint64, x uint64) []uint64 {
	out := f.dualWeights(xs)
	for i := range xs {
		for j, y := range xs {
			if j != i {
				out[i] = f.Mul(out[i], f.Sub(x, y))
			}
		}
	}
	return out
}

// decode returns the value at 0 of the polynomial that differs from values at
// as many points as unique decoding allows, at most (m-degree-1)/2 of m, and
// whose points those are. ok is false if there is none.
func (c *code) decode(values []uint64) (secret uint64, liars threshold.PartySet, ok bool) {
	if c.contains(values) {
		return c.field.Dot(c.atZero, values[:c.degree+1]), 0, true
	}
	p, errors, ok := c.correct(values)
	for i, e := range errors {
		if e != 0 {
			liars = liars.With(threshold.PartyID(c.points[i]))
		}
	}
	return c.field.evaluate(p, 0), liars, ok
}

// correct returns the nearest polynomial and by how much values exceed it. ok is
// false if none is within unique decoding.
func (c *code) correct(values []uint64) (p, errors []uint64, ok bool) {
	if p, ok = c.gao(values); !ok {
		return nil, nil, false
	}
	wrong := 0
	errors = make([]uint64, len(values))
	for i, x := range c.points {
		if errors[i] = c.field.Sub(values[i], c.field.evaluate(p, x)); errors[i] != 0 {
			wrong++
		}
	}
	return p, errors, wrong <= (len(c.points)-c.degree-1)/2
}

func (c *code) contains(values []uint64) bool {
	for _, row := range c.parity {
		if c.field.Dot(row, values) != 0 {
			return false
		}
	}
	return true
}

// gao runs the extended Euclidean algorithm on prod(Z - x_i) and the
// interpolant until the remainder's degree falls below (m+degree+1)/2; the
// message polynomial is remainder over cofactor (Gao 2003, algorithm 1).
func (c *code) gao(values []uint64) ([]uint64, bool) {
	f := c.field
	r0, r1 := []uint64{1}, f.interpolate(c.points, values)
	for _, x := range c.points {
		r0 = f.mulPoly(r0, []uint64{f.Sub(0, x), 1})
	}
	var v0, v1 []uint64 = nil, []uint64{1}
	for 2*(len(r1)-1) >= len(c.points)+c.degree+1 {
		quotient, remainder := f.divPoly(r0, r1)
		r0, r1 = r1, remainder
		v0, v1 = v1, f.subPoly(v0, f.mulPoly(quotient, v1))
	}
	p, remainder := f.divPoly(r1, v1)
	return p, len(remainder) == 0 && len(p) <= c.degree+1
}
