package tfhe

import (
	"fmt"
	"math/bits"

	"fhevm/accel/vec"
	"fhevm/fhe"
)

// Params is a parameter set of the scheme: binary secrets, LWE ciphertexts
// modulo 2^64 of dimension GLWEDim*PolySize between bootstraps, and modulo
// 2^32 of dimension LWEDim after a key switch.
type Params struct {
	Name string

	LWEDim   int // n: dimension after the key switch
	LWENoise int // b of TUniform(b) modulo 2^32

	GLWEDim   int // k
	PolySize  int // N
	GLWENoise int // b of TUniform(b) modulo 2^64

	BootstrapBaseLog, BootstrapLevel int
	KeySwitchBaseLog, KeySwitchLevel int // at most 2, a multiple of 4: what package vec multiplies

	PackSize               int // slots that share the mask of a packed ciphertext
	PackBaseLog, PackLevel int
	PackBits               int // bits of a word of a packed ciphertext

	// KeyShares is the number of independent TUniform errors of which each error
	// in a key is the sum, but in key-switching rows, whose errors are single ones:
	// 1 for keys of a dealer. Predictions of noise alone depend on it.
	KeyShares int
}

// Default is a set for 2 message bits and 2 carry bits: 128-bit security and a
// failure probability of at most 2^-128 up to 2-norm squared MaxNorm2 (SPEC 3.9).
// It is a published set but for the key switch, finer than that set's 4 levels
// of base 2^4.
var Default = Params{
	Name:   "2_2 KS32 base 2^2 TUniform 2^-128",
	LWEDim: 918, LWENoise: 13,
	GLWEDim: 1, PolySize: 2048, GLWENoise: 17,
	BootstrapBaseLog: 23, BootstrapLevel: 1,
	KeySwitchBaseLog: 2, KeySwitchLevel: 8,
	PackSize: 256, PackBaseLog: 2, PackLevel: 6, PackBits: 11,
	KeyShares: 1,
}

const (
	// PlaintextBits is the width of a block's plaintext: message and carry.
	PlaintextBits = 2 * fhe.MessageBits
	// PlaintextModulus is the number of plaintexts below the padding bit.
	PlaintextModulus = 1 << PlaintextBits
	// DeltaLog is log2 of the distance between neighbouring plaintexts: one
	// padding bit and PlaintextBits sit above it.
	DeltaLog = 64 - 1 - PlaintextBits
	// Delta is the distance between neighbouring plaintexts.
	Delta = uint64(1) << DeltaLog
)

// SharedBy returns the set for keys that a committee generates by pseudo-random
// secret sharing: an error in a key is the sum of one from each of so many sets of
// parties.
func (p *Params) SharedBy(sets int) *Params {
	shared := *p
	shared.KeyShares = sets
	return &shared
}

// CheckDigits reports a set whose key switches this package cannot compute: digits
// beyond what package vec multiplies exactly, or that do not fill its groups. An
// Engine of such a set refuses all work.
func (p *Params) CheckDigits() error {
	for _, base := range []int{p.KeySwitchBaseLog, p.PackBaseLog} {
		if base < 1 || base > maxDigitBits {
			return fmt.Errorf("parameter set %q has key switch digits of %d bits, want 1 to %d", p.Name, base, maxDigitBits)
		}
	}
	if p.KeySwitchLevel%vec.Group != 0 {
		return fmt.Errorf("parameter set %q has %d key switch levels, want a multiple of %d", p.Name, p.KeySwitchLevel, vec.Group)
	}
	return nil
}

// maxDigitBits is the width of signed digits that reach vec.MaxCoefficient in
// absolute value.
var maxDigitBits = bits.Len(vec.MaxCoefficient)

// BigDim is the dimension of an LWE ciphertext between bootstraps.
func (p *Params) BigDim() int { return p.GLWEDim * p.PolySize }
