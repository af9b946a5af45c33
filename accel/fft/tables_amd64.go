//go:build !purego

package fft

// lanes is a vector of eight twiddles, quad one of four.
type (
	lanes struct{ re, im [8]float64 }
	quad  struct{ re, im [4]float64 }
)

func lanesOf(f func(lane int) twiddle) (v lanes) {
	for i := range v.re {
		w := f(i)
		v.re[i], v.im[i] = w.re, w.im
	}
	return v
}

func quadOf(f func(lane int) twiddle) (v quad) {
	for i := range v.re {
		w := f(i)
		v.re[i], v.im[i] = w.re, w.im
	}
	return v
}

// sign makes x ^ flip + add the sum of half a digit and x, or -x.
type sign struct{ flip, add uint64 }

// signs has the signs of segments of a rotation: of the ring of 16 that a
// polynomial and its negative make, and half of it again.
var signs = func() (signs [24]sign) {
	const half = 1 << (digitShift - 1)
	for i := range signs {
		signs[i] = sign{0, half}
		if i%16 >= 8 {
			signs[i] = sign{^uint64(0), half + 1}
		}
	}
	return signs
}()
