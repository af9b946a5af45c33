package squash

import (
	"context"
	"math/big"
	"sync"

	"fhevm/accel/ntt"
	"fhevm/fhe/tfhe"
)

// glwe is a GLWE ciphertext of rank 2, masks then body, in the representation
// of ntt.RNS; every word is below its prime.
type glwe [ntt.Columns][2]ntt.Poly

// identity is the look-up table of the identity on 4-bit plaintexts: the body
// of a trivial GLWE ciphertext. Its boxes are centred on their plaintexts; the
// half box that wraps to the top is minus that of 0, which is 0.
var identity = sync.OnceValue(func() *[2]ntt.Poly {
	const box = ntt.N / tfhe.PlaintextModulus
	table := new([2]ntt.Poly)
	for p, m := range ring().Moduli {
		scale := m.Inv(ring().CoFactor(p))
		for x := range ntt.N {
			v := encode((x + box/2) / box % tfhe.PlaintextModulus)
			table[p][x] = m.Mul(scale, v.Mod(v, new(big.Int).SetUint64(m.Q)).Uint64())
		}
	}
	return table
})

// rotateIdentity sets acc to the trivial ciphertext of X^-b * identity, for b
// below 2N.
func (acc *glwe) rotateIdentity(b int) {
	*acc = glwe{}
	for p, m := range ring().Moduli {
		for x := range ntt.N {
			v := identity()[p][(x+b)%ntt.N]
			if (x+b)&ntt.N != 0 {
				v = m.Sub(0, v)
			}
			acc[glweDim][p][x] = v
		}
	}
}

// scratch is what one external product needs besides the key.
type scratch struct {
	turned [2]ntt.Poly
	digits [2]ntt.Digits
	sum    [ntt.Columns]ntt.Poly
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// blindRotate multiplies each acc[b] by X^(sum of a_i*s_i), where s is the
// small key and exps[b] lists the exponents a_i in [0, 2N), the body's last. It
// walks the key once for the whole batch, and stops between rows when ctx ends.
func (k *Key) blindRotate(ctx context.Context, acc []*glwe, exps [][]uint32) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range k.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for b, e := range exps {
			if e[i] != 0 {
				k.cmux(acc[b], i, int(e[i]), s)
			}
		}
	}
	return nil
}

// cmux adds the external product of (X^a - 1)*acc and the encryption of bit i:
// acc is multiplied by X^a if the bit is 1.
func (k *Key) cmux(acc *glwe, i, a int, s *scratch) {
	r := ring()
	for c := range acc {
		for p, m := range r.Moduli {
			m.RotateSub(&s.turned[p], &acc[c][p], a)
		}
		r.Decompose(&s.digits, c, &s.turned)
	}
	for p, m := range r.Moduli {
		for row := range s.digits[p] {
			m.Forward(&s.digits[p][row])
		}
		m.Dot(&s.sum, &s.digits[p], k.row(i, p))
		for c := range acc {
			m.InverseAdd(&acc[c][p], &s.sum[c])
		}
	}
}

// sampleExtract returns the LWE ciphertext of the constant coefficient.
func (acc *glwe) sampleExtract() *Ciphertext {
	c := new(Ciphertext)
	for p, m := range ring().Moduli {
		scale, out := ring().CoFactor(p), &c.Residues[p]
		for z := range glweDim {
			mask := &acc[z][p]
			out[z*ntt.N] = m.Mul(scale, mask[0])
			for x := 1; x < ntt.N; x++ {
				out[z*ntt.N+x] = m.Mul(scale, m.Sub(0, mask[ntt.N-x]))
			}
		}
		out[Dim] = m.Mul(scale, acc[glweDim][p][0])
	}
	return c
}
