package fft

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"fhevm/accel"
)

// each runs test once with every implementation that this machine can run.
func each(t *testing.T, test func(t *testing.T)) {
	defer accel.Reset("fft")
	for _, name := range accel.Implementations("fft") {
		accel.Select("fft", name)
		t.Run(name, test)
	}
}

// eachAccelerated leaves out the portable implementation.
func eachAccelerated(t *testing.T, test func(t *testing.T)) {
	each(t, func(t *testing.T) {
		if !strings.HasSuffix(t.Name(), accel.Portable) {
			test(t)
		}
	})
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, N)) }

func randomPoly(rng *rand.Rand) *[N]uint64 {
	p := new([N]uint64)
	for j := range p {
		p[j] = rng.Uint64()
	}
	return p
}

func constantPoly(v uint64) *[N]uint64 {
	p := new([N]uint64)
	for j := range p {
		p[j] = v
	}
	return p
}

// rawKey is a GGSW before its transform, in the same order.
type rawKey [4]*[N]uint64

func randomKey(rng *rand.Rand) (raw rawKey) {
	for i := range raw {
		raw[i] = randomPoly(rng)
	}
	return raw
}

// prepare returns keys for CMux, one of them.
func (raw rawKey) prepare() []GGSW {
	keys := make([]GGSW, 1)
	for i := range keys[0] {
		Forward(&keys[0][i], raw[i])
	}
	return keys
}

func randomAccumulator(rng *rand.Rand) *Accumulator {
	return &Accumulator{Mask: *randomPoly(rng), Body: *randomPoly(rng)}
}

// exactCMux is CMux without rounding errors.
func exactCMux(acc *Accumulator, e int, raw rawKey) (mask, body [N]uint64) {
	mask, body = acc.Mask, acc.Body
	for r, p := range []*[N]uint64{&acc.Mask, &acc.Body} {
		d := exactDigits(p, e)
		addNegacyclicProduct(&mask, &d, raw[2*r])
		addNegacyclicProduct(&body, &d, raw[2*r+1])
	}
	return mask, body
}

// exactDigits rounds (X^e - 1) p to multiples of 2^digitShift and divides by it.
func exactDigits(p *[N]uint64, e int) (d [N]int64) {
	for j, v := range p {
		if k := (j + e) % (2 * N); k < N {
			d[k] += int64(v)
		} else {
			d[k-N] -= int64(v)
		}
		d[j] -= int64(v)
	}
	for j := range d {
		d[j] = (d[j] + 1<<(digitShift-1)) >> digitShift
	}
	return d
}

func addNegacyclicProduct(dst *[N]uint64, d *[N]int64, k *[N]uint64) {
	for i, x := range d {
		for j := range N - i {
			dst[i+j] += uint64(x) * k[j]
		}
		for j := N - i; j < N; j++ {
			dst[i+j-N] -= uint64(x) * k[j]
		}
	}
}

// distance is the root mean square and the maximum of the signed differences.
func distance(x, y *[N]uint64) (rms, largest float64) {
	for j := range x {
		e := math.Abs(float64(int64(x[j] - y[j])))
		rms += e * e
		largest = max(largest, e)
	}
	return math.Sqrt(rms / N), largest
}

func TestCMuxAgainstExact(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := newRand(1)
		raw := randomKey(rng)
		key := raw.prepare()
		for _, e := range []int{1, 7, 1024, 2047, 2048, 2049, 3333, 4095} {
			acc := randomAccumulator(rng)
			mask, body := exactCMux(acc, e, raw)
			CMux([]*Accumulator{acc}, []uint32{uint32(e)}, key, new(Scratch))
			for _, pair := range [][2]*[N]uint64{{&acc.Mask, &mask}, {&acc.Body, &body}} {
				rms, largest := distance(pair[0], pair[1])
				t.Logf("exponent %d: error 2^%.2f, at most 2^%.2f", e, math.Log2(rms), math.Log2(largest))
				if rms > 1<<39 || largest > 1<<42 {
					t.Errorf("exponent %d: error too large", e)
				}
			}
		}
	})
}

// TestLargestProduct multiplies the lowest digits by the lowest key. The last
// coefficient of both results is 2^62 before it is taken modulo 2^64, so the
// conversion to integers must not overflow.
func TestLargestProduct(t *testing.T) {
	each(t, func(t *testing.T) {
		p := constantPoly(1 << 62) // X^N - 1 = -2 makes -2^63 of it
		acc := &Accumulator{Mask: *p, Body: *p}
		k := constantPoly(1 << 63)
		raw := rawKey{k, k, k, k}
		mask, body := exactCMux(acc, N, raw)
		CMux([]*Accumulator{acc}, []uint32{N}, raw.prepare(), new(Scratch))
		for _, pair := range [][2]*[N]uint64{{&acc.Mask, &mask}, {&acc.Body, &body}} {
			if _, largest := distance(pair[0], pair[1]); largest > 1<<48 {
				t.Errorf("error 2^%.2f", math.Log2(largest))
			}
		}
	})
}

// TestRoundsHalvesToEven multiplies one odd digit by an odd number of halves.
// That is exact: all points of the transforms are equal.
func TestRoundsHalvesToEven(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := newRand(5)
		for range 500 {
			digit := (rng.Int64N(1<<23) - 1<<22) | 1
			halves := (rng.Int64N(1<<30)-1<<29)>>rng.IntN(29) | 1
			at := rng.IntN(2) * M // the real or the imaginary part of a point
			raw := rawKey{{uint64(halves) << (resultShift - 1)}, {}, {}, {}}
			var acc, want Accumulator
			acc.Mask[at] = uint64(-digit) << (digitShift - 1) // X^N - 1 = -2 doubles it
			floor := digit * halves >> 1
			want.Mask[at] = acc.Mask[at] + uint64(floor+floor&1)<<resultShift
			CMux([]*Accumulator{&acc}, []uint32{N}, raw.prepare(), new(Scratch))
			if acc != want {
				t.Fatalf("coefficient %d, digit %d, %d halves: %#x, want %#x", at, digit, halves, acc.Mask[at], want.Mask[at])
			}
		}
	})
}

func TestForwardAgainstDefinition(t *testing.T) {
	rng := newRand(2)
	p := randomPoly(rng)
	var f Fourier
	Forward(&f, p)
	var rms float64
	for _, x := range f {
		rms += x * x / N
	}
	for _, point := range []int{0, 1, 2, 511, 512, 1023} {
		var re, im float64
		for j, v := range p {
			w := root(exponentOf(point) * j % (2 * N))
			re += float64(int64(v)) * w.re * keyScale
			im += float64(int64(v)) * w.im * keyScale
		}
		q := index(point)
		if e := math.Hypot(f[q]-re, f[q+8]-im) / math.Sqrt(rms); e > 1e-13 {
			t.Errorf("point %d: relative error %g", point, e)
		}
	}
}

// exponentOf says which root of X^2048 + 1 point p is: exp(2*pi*i*e/4096).
func exponentOf(p int) int { return 1 + 4*int(bits.Reverse16(uint16(p))>>6) }
