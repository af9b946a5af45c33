package shamir

// A polynomial is its coefficients, constant first, without leading zeros; nil
// is zero.

func (f Field) evaluate(p []uint64, x uint64) (y uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		y = f.Add(f.Mul(y, x), p[i])
	}
	return y
}

func normal(p []uint64) []uint64 {
	for len(p) > 0 && p[len(p)-1] == 0 {
		p = p[:len(p)-1]
	}
	return p
}

func (f Field) mulPoly(a, b []uint64) []uint64 {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	out := make([]uint64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			out[i+j] = f.Add(out[i+j], f.Mul(x, y))
		}
	}
	return out
}

func (f Field) subPoly(a, b []uint64) []uint64 {
	out := make([]uint64, max(len(a), len(b)))
	copy(out, a)
	for i, y := range b {
		out[i] = f.Sub(out[i], y)
	}
	return normal(out)
}

// divPoly returns quotient and remainder of a by b, b not zero.
func (f Field) divPoly(a, b []uint64) (quotient, remainder []uint64) {
	rest := append([]uint64(nil), a...)
	lead := f.Inv(b[len(b)-1])
	if len(a) >= len(b) {
		quotient = make([]uint64, len(a)-len(b)+1)
	}
	for i := len(quotient) - 1; i >= 0; i-- {
		c := f.Mul(rest[i+len(b)-1], lead)
		quotient[i] = c
		for j, y := range b {
			rest[i+j] = f.Sub(rest[i+j], f.Mul(c, y))
		}
	}
	return normal(quotient), normal(rest)
}

// interpolate returns the polynomial of degree below len(xs) through all
// points, by Newton's divided differences.
func (f Field) interpolate(xs, ys []uint64) []uint64 {
	c := append([]uint64(nil), ys...)
	for j := 1; j < len(xs); j++ {
		for i := len(xs) - 1; i >= j; i-- {
			c[i] = f.Mul(f.Sub(c[i], c[i-1]), f.Inv(f.Sub(xs[i], xs[i-j])))
		}
	}
	out := make([]uint64, 0, len(xs))
	for i := len(xs) - 1; i >= 0; i-- { // out = out*(Z - xs[i]) + c[i]
		out = append(out, 0)
		for j := len(out) - 1; j >= 0; j-- {
			below := uint64(0)
			if j > 0 {
				below = out[j-1]
			}
			out[j] = f.Sub(below, f.Mul(xs[i], out[j]))
		}
		out[0] = f.Add(out[0], c[i])
	}
	return normal(out)
}
