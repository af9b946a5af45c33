package squash

import (
	"errors"
	"math/big"
	"math/bits"

	"fhevm/fhe/tfhe"
)

// ErrPhase says that an opened phase is no plaintext with admissible noise. It
// is the only error of Decode, whatever the cause: which test failed would
// tell about the key (eprint 2022/1563).
var ErrPhase = errors.New("opened phase is not a valid plaintext")

// Decode returns the 4-bit plaintext nearest to a phase given modulo Q1 and
// Q2. It fails with ErrPhase if a residue is out of range, the padding bit is
// set or the phase is more than bound away from the plaintext.
func Decode(phase [2]uint64, bound *big.Int) (int, error) {
	if phase[0] >= Q1 || phase[1] >= Q2 {
		return 0, ErrPhase
	}
	x, q := combine(phase), Modulus()
	m := nearest(x, q)
	e := x.Sub(x, encode(m))
	if m == spacings {
		m = 0
	}
	if m >= tfhe.PlaintextModulus || e.CmpAbs(bound) > 0 {
		return 0, ErrPhase
	}
	return m, nil
}

// nearest returns round(32x/Q), in [0, 32].
func nearest(x, q *big.Int) int {
	v := new(big.Int).Mul(x, big.NewInt(2*spacings))
	v.Add(v, q)
	return int(v.Div(v, new(big.Int).Lsh(q, 1)).Int64())
}

// inverseQ1 is 1/Q1 modulo Q2.
const inverseQ1 = 636366256939544

// combine returns x in [0, Q) from its residues: x = r0 + Q1*((r1-r0)/Q1 mod Q2).
func combine(r [2]uint64) *big.Int {
	hi, lo := bits.Mul64((r[1]+Q2-r[0]%Q2)%Q2, inverseQ1)
	t := bits.Rem64(hi, lo, Q2)
	x := new(big.Int).Mul(big.NewInt(Q1), new(big.Int).SetUint64(t))
	return x.Add(x, new(big.Int).SetUint64(r[0]))
}
