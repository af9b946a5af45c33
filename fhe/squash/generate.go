package squash

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"fhevm/accel/ntt"
	"fhevm/fhe/csprng"
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

// generator encrypts bits as GGSW ciphertexts.
type generator struct {
	errors, masks tfhe.Seed
	linear        [2]*Linear
}

func newGenerator(secret *SecretKey, seed tfhe.Seed) *generator {
	g := &generator{errors: seed, masks: seed.Derive("squash masks", 0)}
	words := secret.words()
	defer clear(words)
	for p := range g.linear {
		g.linear[p] = NewLinear(p, words)
	}
	return g
}

// row writes the GGSW encryption of bit i of the small key.
func (g *generator) row(dst []uint64, i int, bit uint64) {
	noise := csprng.New(g.errors, "squash error", uint64(i))
	masks := csprng.New(g.masks, labelMask, uint64(i))
	var signed [ntt.Rows][ntt.N]int8
	for r := range signed {
		for x := range signed[r] {
			signed[r][x] = int8(noise.TUniform(noiseLog))
		}
	}
	noise.Wipe()
	errors, bodies := new(ntt.Digits), new(ntt.Digits)
	for p, m := range ring().Moduli {
		for r := range errors {
			for x, e := range signed[r] {
				errors[r][x] = m.Signed(int64(e))
			}
		}
		matrix := dst[p*ntt.MatrixWords:][:ntt.MatrixWords]
		drawMasks(matrix, m.Q, masks)
		g.linear[p].Bodies(bodies, matrix, bit, errors)
		putBodies(matrix, bodies)
		clear(errors[:])
	}
	clear(signed[:])
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
	for _, l := range g.linear {
		l.Wipe()
	}
}
