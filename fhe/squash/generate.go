package squash

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"math/bits"
	"sync"

	"fhevm/accel/ntt"
	"fhevm/fhe/internal/csprng"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/tfhe"
)

// GenerateKey makes a secret key and the key that squashes ciphertexts under
// small, the bits of the small LWE key (0 or 1). Everything expands from seed:
// the secret key and the errors from itself, the masks from a seed derived
// from it, which could be published. The caller wipes seed and small. progress,
// if not nil, is called with the rising number of finished rows by one
// goroutine at a time. All processors work for a few seconds.
func GenerateKey(small []uint8, seed tfhe.Seed, progress func(done, total int)) (*Key, *SecretKey, error) {
	if len(small) == 0 || len(small) > maxLen {
		return nil, nil, fmt.Errorf("generate squash key: small key has %d bits, want 1 to %d", len(small), maxLen)
	}
	for i, bit := range small {
		if bit > 1 {
			return nil, nil, fmt.Errorf("generate squash key: element %d of the small key is no bit", i)
		}
	}
	secret := newSecretKey(seed)
	g := newGenerator(secret, seed)
	defer g.wipe()
	k := &Key{words: make([]uint64, len(small)*rowWords), sums: make([][32]byte, len(small))}
	var mu sync.Mutex
	done := 0
	parallel.For(len(small), func(i int) {
		row := k.words[i*rowWords:][:rowWords]
		g.row(row, i, uint64(small[i]))
		k.sums[i] = sha256.Sum256(wordBytes(row))
		if progress != nil {
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done, len(small))
		}
	})
	return k, secret, nil
}

// generator encrypts bits as GGSW ciphertexts. Words modulo q_p are stored
// times a constant: 1/(Q/q_p) as ntt.RNS represents integers, 1/N for
// InverseAdd, and 2^52 for Dot.
type generator struct {
	errors, masks tfhe.Seed
	secret        [2][glweDim]*ntt.Poly // values
	scale         [2]uint64
	gadget        [2][ntt.Levels]uint64 // round(Q/B^j), times scale
}

func newGenerator(secret *SecretKey, seed tfhe.Seed) *generator {
	g := &generator{errors: seed, masks: seed.Derive("squash masks", 0)}
	for p, m := range ring().Moduli {
		for z := range glweDim {
			g.secret[p][z] = secret.values(p, z)
		}
		g.scale[p] = m.Mul(m.Exp(2, 52), m.Inv(m.Mul(ntt.N, ring().CoFactor(p))))
		for j := range ntt.Levels {
			g.gadget[p][j] = m.Mul(g.scale[p], gadgetWeight(j, m.Q))
		}
	}
	return g
}

// gadgetWeight returns round(Q/B^(j+1)) modulo q.
func gadgetWeight(j int, q uint64) uint64 {
	shift := uint(ntt.BaseLog * (j + 1))
	w := new(big.Int).Lsh(big.NewInt(1), shift-1)
	w.Add(w, Modulus()).Rsh(w, shift)
	return w.Mod(w, new(big.Int).SetUint64(q)).Uint64()
}

// row writes the GGSW encryption of bit i of the small key: row (c, j) encrypts
// bit*g_j at polynomial c of the GLWE ciphertext. Masks stay as the seed gives
// them, so at a mask bit*g_j moves to the body, where it meets the secret.
func (g *generator) row(dst []uint64, i int, bit uint64) {
	noise := csprng.New(g.errors, "squash error", uint64(i))
	masks := csprng.New(g.masks, "squash mask", uint64(i))
	var signed [ntt.Rows][ntt.N]int8
	for r := range signed {
		for x := range signed[r] {
			signed[r][x] = int8(noise.TUniform(noiseLog))
		}
	}
	noise.Wipe()
	for p, m := range ring().Moduli {
		errors := new(ntt.Digits)
		for r := range errors {
			for x, e := range signed[r] {
				errors[r][x] = m.Signed(int64(e))
			}
			m.Forward(&errors[r])
			m.Reduce(&errors[r])
		}
		g.encrypt(dst[p*ntt.MatrixWords:][:ntt.MatrixWords], p, bit, errors, masks)
		clear(errors[:])
	}
	clear(signed[:])
}

// encrypt writes a row modulo prime p, masks in the order of the layout.
func (g *generator) encrypt(dst []uint64, p int, bit uint64, errors *ntt.Digits, masks *csprng.Stream) {
	for x := 0; x < ntt.N; x += ntt.Lanes {
		for r := range ntt.Rows {
			cell := dst[ntt.MatrixIndex(r, 0, x):][:ntt.Columns*ntt.Lanes]
			for i := range cell[:glweDim*ntt.Lanes] {
				cell[i] = uniform(masks, ring().Moduli[p].Q)
			}
			for l := range ntt.Lanes {
				cell[glweDim*ntt.Lanes+l] = g.body(cell[l:], p, r, x+l, bit, errors[r][x+l])
			}
		}
	}
}

// body returns mask * secret + error + bit*g_j at one position of row r. The
// words of the masks are Lanes apart.
func (g *generator) body(mask []uint64, p, r, x int, bit, noise uint64) uint64 {
	m := ring().Moduli[p]
	c, j := r/ntt.Levels, r%ntt.Levels
	message := uint64(1)
	if c < glweDim {
		message = m.Q - g.secret[p][c][x]
	}
	var s sum128
	for z := range glweDim {
		s.mulAdd(mask[z*ntt.Lanes], g.secret[p][z][x])
	}
	s.mulAdd(noise, g.scale[p])
	s.mulAdd(g.gadget[p][j]*bit, message)
	return bits.Rem64(s.hi, s.lo, m.Q)
}

// sum128 adds up products of words below 2^50.
type sum128 struct{ hi, lo uint64 }

func (s *sum128) mulAdd(a, b uint64) {
	h, l := bits.Mul64(a, b)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, l, 0)
	s.hi += h + carry
}

// uniform draws a word below q: the low 50 bits of the first 64-bit word of
// the stream whose low 50 bits are below q.
func uniform(s *csprng.Stream, q uint64) uint64 {
	for {
		if w := s.Uint64() & (1<<50 - 1); w < q {
			return w
		}
	}
}

func (g *generator) wipe() {
	g.errors.Wipe()
	for p := range g.secret {
		for _, s := range g.secret[p] {
			clear(s[:])
		}
	}
}
