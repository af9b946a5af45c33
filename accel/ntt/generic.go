package ntt

import "math/bits"

const mask52 = 1<<52 - 1

// forward defers all reductions: the left inputs of the butterflies grow by 2q
// per level, so words stay below 4q + 11*2q < 2^55 until the end.
func (m *Modulus) forward(x *Poly) {
	q, q2 := m.Q, 2*m.Q
	for nodes := 1; nodes < N; nodes *= 2 {
		t := N / 2 / nodes
		for i := range nodes {
			f := m.roots[nodes+i]
			a := x[2*i*t:][:t]
			b := x[(2*i+1)*t:][:t]
			for j, u := range a {
				h, _ := bits.Mul64(b[j], f.shoup)
				v := b[j]*f.w - h*q
				a[j], b[j] = u+v, u-v+q2
			}
		}
	}
	for i, v := range x {
		x[i] = v - v>>50*q // q is so close to 2^50 that the rest is below 2q
	}
	transpose(x)
}

// inverseAdd defers all reductions: sums double per level from 2q, so they
// stay below 2^62.
func (m *Modulus) inverseAdd(dst, x *Poly) {
	transpose(x)
	q, bound := m.Q, 2*m.Q
	for nodes := N / 2; nodes >= 1; nodes /= 2 {
		t := N / 2 / nodes
		for i := range nodes {
			f := m.inverses[nodes+i]
			a := x[2*i*t:][:t]
			b := x[(2*i+1)*t:][:t]
			for j, u := range a {
				d := u - b[j] + bound
				h, _ := bits.Mul64(d, f.shoup)
				a[j], b[j] = u+b[j], d*f.w-h*q
			}
		}
		bound *= 2
	}
	for i, v := range x {
		dst[i] = m.Add(dst[i], m.below(m.lazyMul(v, m.one)))
	}
}

// transpose transposes each block of 64 words as an 8×8 matrix.
func transpose(x *Poly) {
	for block := 0; block < N; block += 64 {
		b := x[block:][:64]
		for i := range 8 {
			for j := range i {
				b[8*i+j], b[8*j+i] = b[8*j+i], b[8*i+j]
			}
		}
	}
}
