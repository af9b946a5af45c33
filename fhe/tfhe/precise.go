package tfhe

import (
	"math"
	"math/bits"

	"fhevm/accel/fft"
)

// The masks of a bootstrapping key are transformed in double-double arithmetic
// and rounded once (SPEC 3.4): an error in a mask's transform meets the whole
// secret in every external product, so this removes about a third of the
// noise that the transform adds to a bootstrap. A body's error meets no secret.

// keyScaleLog is the scale of a key that fft documents.
const keyScaleLog = -86

// double is the unevaluated sum hi+lo of a number and its small correction.
type double struct{ hi, lo float64 }

// point is a complex number.
type point struct{ re, im double }

// twoSum returns a+b without error (Knuth).
func twoSum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

func (a double) add(b double) double {
	s := twoSum(a.hi, b.hi)
	return double{s.hi, s.lo + (a.lo + b.lo)}
}

func (a double) neg() double { return double{-a.hi, -a.lo} }

// round makes hi the number nearest to the sum.
func (a double) round() double {
	s := a.hi + a.lo
	return double{s, a.lo - (s - a.hi)}
}

// cross returns a*b + c*d.
func cross(a, b, c, d double) double {
	p, q := float64(a.hi*b.hi), float64(c.hi*d.hi) // conversions keep the sum from fusing
	s := twoSum(p, q)
	lo := math.FMA(a.hi, b.hi, -p) + math.FMA(c.hi, d.hi, -q)
	lo = math.FMA(a.hi, b.lo, math.FMA(a.lo, b.hi, lo))
	lo = math.FMA(c.hi, d.lo, math.FMA(c.lo, d.hi, lo))
	return double{s.hi, s.lo + lo}
}

func (a point) mul(b point) point {
	return point{cross(a.re, b.re, a.im.neg(), b.im), cross(a.re, b.im, a.im, b.re)}
}

func (a point) add(b point) point { return point{a.re.add(b.re), a.im.add(b.im)} }
func (a point) sub(b point) point {
	return point{a.re.add(b.re.neg()), a.im.add(b.im.neg())}
}

// preciseTransform is fft.Forward but for the roundings inside.
func preciseTransform(dst *fft.Fourier, src *[fft.N]uint64) {
	var z [fft.M]point
	for j := range z {
		z[j] = point{re: exact(src[j]), im: exact(src[j+fft.M])}
	}
	for level, h := 0, fft.M/2; h > 0; level, h = level+1, h/2 {
		for k := range 1 << level {
			w := preciseTwiddles[1<<level+k]
			low, high := z[2*h*k:][:h], z[2*h*k+h:][:h]
			for j, u := range low {
				t := w.mul(high[j])
				low[j], high[j] = u.add(t), u.sub(t)
			}
		}
	}
	for p, x := range z {
		q := p&^63<<1 | p&7<<4 | p>>3&7
		dst[q] = math.Ldexp(x.re.hi+x.re.lo, keyScaleLog)
		dst[q+8] = math.Ldexp(x.im.hi+x.im.lo, keyScaleLog)
	}
}

// exact is the signed torus word x.
func exact(x uint64) double {
	return twoSum(float64(int64(x)>>32<<32), float64(x&(1<<32-1)))
}

// preciseTwiddles holds the factor of node k of level l at 2^l+k, as in
// fft.Forward: a square root of that of its parent, or of minus that.
var preciseTwiddles = func() (w [fft.M]point) {
	roots := preciseRoots()
	for level := range bits.TrailingZeros(fft.M) {
		for k := range 1 << level {
			reversed := int(bits.Reverse16(uint16(k)) >> (16 - level))
			w[1<<level+k] = roots[(1+4*reversed)<<(9-level)]
		}
	}
	return w
}()

// preciseRoots lists exp(2*pi*i*e/4096): those with e a power of two by halving
// angles from a quarter turn, the others as products of them. It is exact to
// about 100 bits and uses correctly rounded operations only.
func preciseRoots() (r [2 * fft.N]point) {
	one, half := double{hi: 1}, double{hi: 0.5}
	r[0], r[fft.M], r[2*fft.M] = point{re: one}, point{im: one}, point{re: one.neg()}
	for e := fft.M / 2; e > 0; e /= 2 {
		c := cross(half, r[2*e].re, half, one)
		s := cross(half, r[2*e].re.neg(), half, one)
		r[e] = point{c.sqrt(), s.sqrt()}
	}
	for e := 1; e < len(r); e++ {
		if top := 1 << (bits.Len(uint(e)) - 1); e != top {
			r[e] = r[top].mul(r[e-top])
		}
	}
	return r
}

// sqrt is one Newton step from the rounded square root.
func (a double) sqrt() double {
	x := math.Sqrt(a.hi)
	residue := math.FMA(-x, x, a.hi) + a.lo
	return double{x, residue / (2 * x)}.round()
}
