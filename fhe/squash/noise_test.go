package squash

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"

	"fhevm/accel/ntt"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/tfhe"
)

// errorsOf returns the errors of all coefficients of a rotated accumulator
// whose phase should be X^-mu * identity.
func (f *fixture) errorsOf(acc *glwe, mu int) (out [ntt.N]float64) {
	want := new(glwe)
	want.rotateIdentity(mu)
	var y [2]ntt.Poly
	for p, m := range ring().Moduli {
		y[p] = acc[glweDim][p]
		key := NewLinear(p, f.secret.words()).secret
		for z := range glweDim {
			mask, secret := acc[z][p], key[z]
			m.Forward(&mask)
			m.Reduce(&mask)
			for x := range mask {
				mask[x] = m.Mul(mask[x], secret[x])
			}
			m.Inverse(&mask)
			for x := range mask {
				y[p][x] = m.Sub(y[p][x], mask[x])
			}
		}
		for x := range y[p] {
			y[p][x] = m.Mul(m.Sub(y[p][x], want[glweDim][p][x]), ring().CoFactor(p))
		}
	}
	half := new(big.Int).Rsh(Modulus(), 1)
	for x := range out {
		e := combine([2]uint64{y[0][x], y[1][x]})
		if e.Cmp(half) > 0 {
			e.Sub(e, Modulus())
		}
		out[x], _ = new(big.Float).SetInt(e).Float64()
	}
	return out
}

// statistics describes the errors of many bootstraps, relative to the
// predicted deviation.
type statistics struct {
	samples, variance, fourth, largest float64
	modes                              [3][]float64 // per run: mean, lowest cosine, lowest sine
}

func (s *statistics) add(errs *[ntt.N]float64, unit float64) {
	var modes [3]float64
	for x, e := range errs {
		e /= unit
		s.samples++
		s.variance += e * e
		s.fourth += e * e * e * e
		s.largest = max(s.largest, math.Abs(e))
		angle := math.Pi * float64(x) / ntt.N
		for i, f := range []float64{1, math.Cos(angle), math.Sin(angle)} {
			modes[i] += e * f
		}
	}
	for i, m := range modes {
		s.modes[i] = append(s.modes[i], m)
	}
}

// measure bootstraps random inputs, four per walk over the key.
func (f *fixture) measure(t *testing.T, runs int) *statistics {
	s, unit := new(statistics), math.Sqrt(NoiseVariance(len(f.small)))
	var mu sync.Mutex
	parallel.For(runs/4, func(i int) {
		r := rand.New(rand.NewPCG(4, uint64(i)))
		exps, acc, mus := make([][]uint32, 4), make([]*glwe, 4), make([]int, 4)
		for b := range acc {
			m, step := r.IntN(16), r.IntN(100)-50
			exps[b], acc[b], mus[b] = f.exponents(r, m, step), new(glwe), 128*m+step
			acc[b].rotateIdentity(int(exps[b][len(f.small)]))
		}
		if err := f.key.blindRotate(context.Background(), acc, exps); err != nil {
			t.Error(err)
		}
		for b := range acc {
			errs := f.errorsOf(acc[b], mus[b]&(2*ntt.N-1))
			mu.Lock()
			s.add(&errs, unit)
			mu.Unlock()
		}
	})
	return s
}

// check compares with the model: the variance may not exceed it at the
// 99.99 % level, one-sided (3.72 deviations of a variance of that many
// samples), nor be so low that the model is of something else; no mode may
// have a mean, by Student's t; and the shape must be Gaussian.
func (s *statistics) check(t *testing.T) {
	t.Helper()
	variance := s.variance / s.samples
	kurtosis := s.fourth / s.samples / variance / variance
	t.Logf("%.0f samples: variance %.4f of the prediction, kurtosis %.3f, largest %.2f deviations", s.samples, variance, kurtosis, s.largest)
	if limit := 1 + 3.72*math.Sqrt(2/s.samples); s.samples < 1e5 || variance > limit || variance < 0.9 {
		t.Errorf("variance %.4f of the prediction in %.0f samples, want 0.9 to %.4f", variance, s.samples, limit)
	}
	if math.Abs(kurtosis-3) > 0.15 || s.largest > 7 {
		t.Errorf("kurtosis %.3f and largest %.2f deviations: not Gaussian", kurtosis, s.largest)
	}
	for i, mode := range s.modes {
		if v := student(mode); math.Abs(v) > 4.5 {
			t.Errorf("mode %d of the error has t = %.2f: a bias", i, v)
		}
	}
}

// student is the t statistic of the mean of x.
func student(x []float64) float64 {
	n, sum, squares := float64(len(x)), 0.0, 0.0
	for _, v := range x {
		sum += v
		squares += v * v
	}
	return sum / math.Sqrt((squares-sum*sum/n)/(n-1)*n)
}

func TestReducedNoise(t *testing.T) { reduced().measure(t, 52).check(t) }

func TestNoise(t *testing.T) { fullSize(t).measure(t, 52).check(t) }

// The bound is exceeded with probability below 2^-128, and is no larger than
// that takes.
func TestNoiseBound(t *testing.T) {
	bound, _ := new(big.Float).SetInt(NoiseBound()).Float64()
	deviations := bound / math.Sqrt(NoiseVariance(tfhe.Default.LWEDim))
	if p := math.Log2(math.Erfc(deviations / math.Sqrt2)); p > -128 || p < -129 {
		t.Errorf("noise exceeds its bound with probability 2^%.2f", p)
	}
}

// Noise over modulus is that of the published set of the same dimension:
// TUniform(30) at 2^128.
func TestSecurityRatio(t *testing.T) {
	q, _ := new(big.Float).SetInt(Modulus()).Float64()
	deviation := func(b float64) float64 { return math.Sqrt((math.Exp2(2*b+1) + 1) / 6) }
	got, want := math.Log2(q/deviation(noiseLog)), 128-math.Log2(deviation(30))
	if got > want+0.05 {
		t.Errorf("log2(Q/noise) = %.3f, published %.3f", got, want)
	}
}

// Key switch and modulus switch read a wrong box of the look-up table as
// rarely as in any bootstrap.
func TestInputFailure(t *testing.T) {
	for _, set := range []*tfhe.Params{&tfhe.Default, tfhe.Default.SharedBy(2), tfhe.Default.SharedBy(5)} {
		for _, norm2 := range []float64{1, 17, tfhe.MaxNorm2} {
			if p := set.FailureLog2(norm2); p > -128 {
				t.Errorf("an input of 2-norm squared %g is misread with probability 2^%.2f", norm2, p)
			}
		}
	}
}

// A committee of four drowns the noise by 50 bits and more, one of thirteen by 43.
func TestFloodingMargin(t *testing.T) {
	bound, _ := new(big.Float).SetInt(NoiseBound()).Float64()
	room, _ := new(big.Float).SetInt(Margin()).Float64()
	for _, c := range []struct{ sets, want float64 }{{4, 50}, {21, 48}, {120, 45}, {715, 43}} {
		if stat := math.Log2((room/bound - 1) / (2 * c.sets)); stat < c.want {
			t.Errorf("%g sets: %.2f bits of flooding, want %g", c.sets, stat, c.want)
		}
	}
}
