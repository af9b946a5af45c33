package tfhe

import (
	"math"

	"fhevm/accel/vec"
)

// MaxNorm2 is the largest 2-norm squared of a linear combination of bootstrap
// outputs that Default may bootstrap: FailureLog2 stays at most -128, for keys of
// a dealer and of committees of 4 and of 7. It is the mean over keys that counts; single
// ones are up to a few bits worse or better (SPEC 3.9).
const MaxNorm2 = 50

// Variances are those of errors as fractions of the torus (SPEC 3.9). A key's
// weights, the numbers of ones in its small and big parts, are LWEDim/2 and
// PolySize/2 on average.

// tuniformVariance is the variance of TUniform(b) modulo 2^bits.
func tuniformVariance(b, bits int) float64 {
	return math.Ldexp(math.Ldexp(1, 2*b+1)+1, -2*bits) / 6
}

// digitVariance is the second moment of a signed digit of the given base.
func digitVariance(baseLog int) float64 { return (math.Ldexp(1, 2*baseLog) + 2) / 12 }

// roundingVariance is the variance of rounding to the given number of bits.
func roundingVariance(bits int) float64 { return math.Ldexp(1, -2*bits) / 12 }

// keyVariance is the variance of an error in a key, of KeyShares samples of
// TUniform(b) modulo 2^bits.
func (p *Params) keyVariance(b, bits int) float64 {
	return float64(max(1, p.KeyShares)) * tuniformVariance(b, bits)
}

// EncryptionVariance is the error's variance of SecretKey.Encrypt.
func (p *Params) EncryptionVariance() float64 { return tuniformVariance(p.GLWENoise, 64) }

// PublicEncryptionVariance is the error's variance of PublicKey.Encrypt: the
// key's error meets the ephemeral secret, the mask's error the secret key.
func (p *Params) PublicEncryptionVariance() float64 {
	weight := float64(p.PolySize) / 2
	return weight*p.keyVariance(p.GLWENoise, 64) + (weight+1)*p.EncryptionVariance()
}

// BootstrapVariance is the error's variance of a bootstrap's output.
func (p *Params) BootstrapVariance() float64 {
	return p.bootstrapVariance(float64(p.LWEDim)/2, float64(p.BigDim())/2, transformError)
}

// transformError bounds the error that the transform's rounding leaves on the
// coefficients of an external product, in units of their own deviation before
// reduction modulo 1. It is measured on whole bootstraps (TestMeasuredNoise
// compares), so it stands for one thing more that the formula leaves out: words of
// an accumulator are multiples of 2^35, and rounding them to digits of 2^41, halves
// up, leaves an error whose mean is 2^34 on each coefficient, not 0.
const transformError = 4.4e-16

// bootstrapVariance is BootstrapVariance for keys of the given weights and a
// transform of the given error. Each of the LWEDim external products adds the
// key's errors times the digits, the transform's rounding and, where the key's bit
// is one, the digits' own rounding; the latter two on the body and, under the big
// key, on the mask.
func (p *Params) bootstrapVariance(small, big, transformError float64) float64 {
	n, size, rows := float64(p.LWEDim), float64(p.PolySize), float64((p.GLWEDim+1)*p.BootstrapLevel)
	errors := rows * size * p.keyVariance(p.GLWENoise, 64) * digitVariance(p.BootstrapBaseLog)
	product := rows * size / 12 * digitVariance(p.BootstrapBaseLog)
	transform := transformError * transformError * product * (big + 1)
	rounding := (big + 1) * roundingVariance(p.BootstrapBaseLog*p.BootstrapLevel)
	return n*(errors+transform) + small*rounding
}

// KeySwitchVariance is the variance of the error that a key switch adds.
func (p *Params) KeySwitchVariance() float64 {
	errors := float64(p.KeySwitchDigits()) * p.switchRowVariance() * digitVariance(p.KeySwitchBaseLog)
	return errors + float64(p.BigDim())/2*roundingVariance(p.KeySwitchBaseLog*p.KeySwitchLevel)
}

// switchRowVariance is the variance of the error in a key-switching row.
func (p *Params) switchRowVariance() float64 {
	return tuniformVariance(p.LWENoise, 32) + (float64(p.LWEDim)/2+1)*roundingVariance(vec.WordBits)
}

// packRowVariance is the variance of the error in a packing row under a small key of
// the given weight: of its making, and of rounding its words for the product.
func (p *Params) packRowVariance(small float64) float64 {
	return p.keyVariance(p.LWENoise, 32) + (small+1)*roundingVariance(vec.WordBits)
}

// ModSwitchVariance is the variance of the error that the centred modulus
// switch adds: each mask word's rounding error counts with weight s - 1/2,
// whose square is 1/4. The body's rounding decides between neighbouring
// entries of a table and adds nothing.
func (p *Params) ModSwitchVariance() float64 {
	steps := float64(2 * p.PolySize)
	return float64(p.LWEDim) / 4 / 12 / (steps * steps)
}

// FailureLog2 is log2 of the probability, over keys too, that a bootstrap reads a
// wrong entry of its table, when its input is a combination of bootstrap outputs with
// integer coefficients whose squares sum to norm2.
func (p *Params) FailureLog2(norm2 float64) float64 {
	return failureLog2(norm2*p.BootstrapVariance() + p.KeySwitchVariance() + p.ModSwitchVariance())
}

// failureLog2 is log2 of the probability that a Gaussian error of the given
// variance exceeds half the distance of neighbouring plaintexts.
func failureLog2(variance float64) float64 {
	half := math.Ldexp(1, DeltaLog-64-1)
	return math.Log2(math.Erfc(half / math.Sqrt(2*variance)))
}
