package squash

import (
	"math"
	"math/big"

	"fhevm/accel/ntt"
)

// NoiseVariance predicts the variance of the error of a squashed ciphertext
// for a small key of n bits, in units of 1/Q. It depends on the keys and not on
// the input, of which only the decision to round to a plaintext remains.
//
// Each of the n external products adds the noise of 9 key rows weighed by
// digits uniform in [-B/2, B/2), and the error of the decomposition, uniform
// within Q/B^3 around 0, of the body and, times the binary key, of the masks;
// the latter only where the key bit is 1.
func NoiseVariance(n int) float64 {
	base := math.Exp2(ntt.BaseLog)
	q := float64(Q1) * float64(Q2)
	last := q / math.Pow(base, ntt.Levels)
	keyNoise := (math.Exp2(2*noiseLog+1) + 1) / 6
	rows := ntt.Rows * ntt.N * keyNoise * base * base / 12
	rounding := (Dim/2 + 1) * last * last / 12
	return float64(n) * (rows + rounding/2)
}

// noiseBound is 13.15 predicted deviations for 918 bits, rounded up: a Gaussian
// exceeds it with probability below 2^-128.
const noiseBound = 1_234_972_823_165

// NoiseBound returns the bound of the error of a squashed ciphertext, in units
// of 1/Q, on which the flooding of a decryption and its margin rest (SPEC
// squash 6).
func NoiseBound() *big.Int { return big.NewInt(noiseBound) }

// SharedNoiseBound is NoiseBound under keys each of whose errors is the sum of the
// given number of independent ones: rounded up to what it would be if all noise grew.
func SharedNoiseBound(shares int) *big.Int {
	square := new(big.Int).Mul(NoiseBound(), NoiseBound())
	square.Mul(square, big.NewInt(int64(shares)))
	return square.Sqrt(square).Add(square, big.NewInt(1))
}

// Margin returns Q/2^6, half the distance of neighbouring plaintexts: an
// opened phase decodes if noise and flooding together stay below it.
func Margin() *big.Int { return new(big.Int).Rsh(Modulus(), 6) }
