package squash

import (
	"math/big"
	"sync"

	"fhevm/accel/ntt"
	"fhevm/fhe/tfhe"
)

// Parameters of the output (SPEC 5.1). Security rests on the ratio of
// noise and modulus at this dimension: 2^-98.8, that of the published set for
// modulus 2^128.
const (
	Q1 = 1125899906826241
	Q2 = 1125899906732033

	// Dim is the dimension of a squashed ciphertext.
	Dim = glweDim * ntt.N

	glweDim  = ntt.Columns - 1
	noiseLog = 2 // keys have noise TUniform(2): 100 bits of modulus less 98
)

// Moduli lists the primes in the order of every residue pair.
func Moduli() [2]uint64 { return [2]uint64{Q1, Q2} }

// Modulus returns Q = Q1*Q2.
func Modulus() *big.Int { return new(big.Int).Mul(big.NewInt(Q1), big.NewInt(Q2)) }

// spacings is Q over the distance of neighbouring plaintexts, padding bit
// included.
const spacings = 2 * tfhe.PlaintextModulus

// encode returns round(m*Q/32).
func encode(m int) *big.Int {
	v := new(big.Int).Mul(Modulus(), big.NewInt(int64(m)))
	v.Add(v, big.NewInt(spacings/2))
	return v.Div(v, big.NewInt(spacings))
}

// ring returns the arithmetic modulo Q1 and Q2.
var ring = sync.OnceValue(func() *ntt.RNS {
	r, err := ntt.NewRNS(Q1, Q2)
	if err != nil {
		panic("squash: " + err.Error())
	}
	return r
})
