package fft

import "math"

// spectrum is a vector of M complex numbers: a polynomial f of degree below N
// folded into f[j] + i*f[j+M], or its transform, or anything between.
type spectrum struct{ re, im [M]float64 }

// butterfly returns u + w*v and u - w*v, the latter as 2u - (u + w*v).
func butterfly(ur, ui, vr, vi float64, w twiddle) (xr, xi, yr, yi float64) {
	xr = math.FMA(-w.im, vi, math.FMA(w.re, vr, ur))
	xi = math.FMA(w.im, vr, math.FMA(w.re, vi, ui))
	return xr, xi, math.FMA(2, ur, -xr), math.FMA(2, ui, -xi)
}

// forward reduces the polynomial z modulo X^M - i, which is the folded f
// modulo X^N + 1, down a binary tree of its factors: node k of level l halves
// X^(2h) - w^2 into X^h - w and X^h + w. The leaves are the values at the
// roots.
func (z *spectrum) forward() {
	for nodes, h := 1, M/2; h > 0; nodes, h = 2*nodes, h/2 {
		for k := range nodes {
			z.split(2*h*k, h, forwardTwiddles[nodes+k])
		}
	}
}

// split replaces the 2h points from o by butterflies of points at distance h,
// with one twiddle.
func (z *spectrum) split(o, h int, w twiddle) {
	ur, ui := z.re[o:][:h], z.im[o:][:h]
	vr, vi := z.re[o+h:][:h], z.im[o+h:][:h]
	for j := range ur {
		ur[j], ui[j], vr[j], vi[j] = butterfly(ur[j], ui[j], vr[j], vi[j], w)
	}
}

// inverse undoes forward but for a factor M: the points are in bit-reversed
// order, so a transform with decimation in time leaves them in natural order,
// where the roots' offset from the M-th roots of unity is a factor per point.
func (z *spectrum) inverse() {
	for m := 1; m < M; m *= 2 {
		for o := 0; o < M; o += 2 * m {
			z.join(o, inverseTwiddles[m:2*m])
		}
	}
	for j, w := range &untwists {
		z.re[j], z.im[j] = untwisted(z.re[j], z.im[j], w)
	}
}

// join replaces the 2m points from o by butterflies of points at distance m,
// with a twiddle each.
func (z *spectrum) join(o int, w []twiddle) {
	m := len(w)
	ur, ui := z.re[o:][:m], z.im[o:][:m]
	vr, vi := z.re[o+m:][:m], z.im[o+m:][:m]
	for j := range w {
		ur[j], ui[j], vr[j], vi[j] = butterfly(ur[j], ui[j], vr[j], vi[j], w[j])
	}
}

// untwisted returns w times the number (r, i).
func untwisted(r, i float64, w twiddle) (re, im float64) {
	return math.FMA(r, w.re, -float64(i*w.im)), math.FMA(r, w.im, float64(i*w.re))
}

// store writes z in the order of a Fourier.
func (z *spectrum) store(f *Fourier) {
	for p := range M {
		q := index(p)
		f[q], f[q+8] = z.re[p], z.im[p]
	}
}

// index is the place of point p's real part in a Fourier.
func index(p int) int { return p&^63<<1 | p&7<<4 | p>>3&7 }
