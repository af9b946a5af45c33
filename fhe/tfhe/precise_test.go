package tfhe

import (
	"math"
	"math/big"
	"math/bits"
	"testing"

	"fhevm/accel/fft"
	"fhevm/fhe/csprng"
)

// complexBig is a complex number of 300 bits.
type complexBig struct{ re, im *big.Float }

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }

func (a complexBig) mul(b complexBig) complexBig {
	mul := func(x, y *big.Float) *big.Float { return bigFloat(0).Mul(x, y) }
	return complexBig{bigFloat(0).Sub(mul(a.re, b.re), mul(a.im, b.im)), bigFloat(0).Add(mul(a.re, b.im), mul(a.im, b.re))}
}

// rootBig is exp(2*pi*i*e/4096), by halving the angle of i and powering.
func rootBig(e int) complexBig {
	w := complexBig{bigFloat(0), bigFloat(1)}
	for range 10 {
		c := bigFloat(0).Add(bigFloat(1), w.re)
		s := bigFloat(0).Sub(bigFloat(1), w.re)
		half := bigFloat(0.5)
		w = complexBig{c.Sqrt(c.Mul(c, half)), s.Sqrt(s.Mul(s, half))}
	}
	out := complexBig{bigFloat(1), bigFloat(0)}
	for range e {
		out = out.mul(w)
	}
	return out
}

// Points of the precise transform must be the correctly rounded values of the
// folded polynomial at the roots, which math/big evaluates by Horner's rule.
func TestPreciseTransform(t *testing.T) {
	var src [fft.N]uint64
	csprng.New(testSeed, "precise", 0).Uint64s(src[:])
	src[0], src[fft.M] = 1<<63, 1<<63-1
	var got, rough fft.Fourier
	preciseTransform(&got, &src)
	fft.Forward(&rough, &src)
	for p := 0; p < fft.M; p += 101 {
		e := 1 + 4*int(bits.Reverse16(uint16(p/2))>>7) + 2048*(p%2)
		x, sum := rootBig(e), complexBig{bigFloat(0), bigFloat(0)}
		for j := fft.M - 1; j >= 0; j-- {
			sum = sum.mul(x)
			sum.re.Add(sum.re, bigFloat(0).SetInt64(int64(src[j])))
			sum.im.Add(sum.im, bigFloat(0).SetInt64(int64(src[j+fft.M])))
		}
		q := p&^63<<1 | p&7<<4 | p>>3&7
		for i, exact := range []*big.Float{sum.re, sum.im} {
			want, _ := exact.SetMantExp(exact, -86).Float64()
			if got[q+8*i] != want {
				t.Errorf("point %d part %d is %x, want %x", p, i, got[q+8*i], want)
			}
			if math.Abs(rough[q+8*i]-want) > 1e-14*math.Abs(want)+1e-18 {
				t.Errorf("point %d part %d of fft.Forward is %x, far from %x", p, i, rough[q+8*i], want)
			}
		}
	}
}

func BenchmarkPreciseTransform(b *testing.B) {
	var src [fft.N]uint64
	var dst fft.Fourier
	for b.Loop() {
		preciseTransform(&dst, &src)
	}
}
