package dkg

import (
	"math/big"
	"math/bits"
	"sync"

	"fhevm/accel/ntt"
	"fhevm/fhe/squash"
	"fhevm/threshold/shamir"
)

// Bodies modulo 2^64 are opened as integers modulo Q1*Q2*Q3, about 2^150; those of
// the squash key modulo Q1 and Q2 as they are.
const (
	Q3        = 1125899906629633
	narrows   = 3 // fields of the bodies
	squashers = 2 // fields of the squash key's bodies
)

var primes = [narrows]uint64{squash.Q1, squash.Q2, Q3}

var fields = [narrows]shamir.Field{shamir.Fields[0], shamir.Fields[1], shamir.NewField(Q3)}

// product is Q1*Q2*Q3.
func product() *big.Int {
	return new(big.Int).Mul(squash.Modulus(), big.NewInt(Q3))
}

var transforms = sync.OnceValue(func() (out [narrows]*ntt.Modulus) {
	for k, q := range primes {
		m, err := ntt.New(q)
		if err != nil {
			panic("dkg: " + err.Error()) // a constant of this package is wrong
		}
		out[k] = m
	}
	return out
})

var garner = sync.OnceValue(func() (inverse struct{ q1, q2, q12 uint64 }) {
	inverse.q1 = fields[1].Inv(fields[1].Reduce(0, primes[0]))
	inverse.q2 = fields[2].Inv(fields[2].Reduce(0, primes[1]))
	inverse.q12 = fields[2].Mul(fields[2].Inv(fields[2].Reduce(0, primes[0])), inverse.q2)
	return inverse
})

// lowWord returns x modulo 2^64 for the integer 0 <= x < Q1*Q2*Q3 with residues v,
// by mixed radix: x = v0 + Q1*(u1 + Q2*u2).
func lowWord(v [narrows]uint64) uint64 {
	inverse, f1, f2 := garner(), fields[1], fields[2]
	u1 := f1.Mul(f1.Sub(v[1], f1.Reduce(0, v[0])), inverse.q1)
	u2 := f2.Sub(f2.Mul(f2.Sub(v[2], f2.Reduce(0, v[0])), inverse.q12), f2.Mul(f2.Reduce(0, u1), inverse.q2))
	return v[0] + primes[0]*(u1+primes[1]*u2)
}

// reduce128 returns hi*2^64 + lo modulo prime k. Its time may depend on the words.
func reduce128(hi, lo uint64, k int) uint64 { return bits.Rem64(hi, lo, primes[k]) }
