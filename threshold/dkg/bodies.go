package dkg

import (
	"fhevm/accel/ntt"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold/shamir"
)

// A run's bodies come in chunks. Chunk 0 has the public key's and those of the
// key-switching rows; chunk 1+i all that encrypts bit i of the small key and of the
// random key: their GGSW ciphertexts, packing rows, and the squash key's row.

// chunk is what one party has of a chunk, or what is opened of it: words modulo all
// primes, and those of the squash key.
type chunk struct {
	words  [narrows][]uint64
	squash [squashers][]uint64
}

const squashWords = ntt.Rows * ntt.N

// chunks is the number of a run's chunks.
func chunks(p *tfhe.Params) int { return 1 + p.LWEDim }

// newChunk has room for chunk c.
func newChunk(p *tfhe.Params, c int) *chunk {
	words, squashed := p.PolySize+p.KeySwitchDigits(), 0
	if c > 0 {
		words, squashed = 4*p.PolySize+p.PackLevel*p.PackSize, squashWords
	}
	out := new(chunk)
	for k := range out.words {
		out.words[k] = make([]uint64, words)
	}
	for k := range out.squash {
		out.squash[k] = make([]uint64, squashed)
	}
	return out
}

// parts are the words of the chunk from one place on.
func (c *chunk) part(from, count int) (out [narrows][]uint64) {
	for k := range out {
		out[k] = c.words[k][from:][:count:count]
	}
	return out
}

// secret is one party's shares, of degree t, of all that is secret in a run.
type secret struct {
	params               *tfhe.Params
	big                  [narrows]*ntt.Poly // values
	bigBits              [narrows][]uint64
	small, random, rows  [narrows][]uint64
	ring                 [narrows][]*ntt.Poly // the small key as packing reads it: values
	squash               [squashers][]uint64
	linear               [squashers]*squash.Linear
	transform            [narrows]*ntt.Modulus
	offset64, offset32   [narrows]uint64 // keep opened integers from being negative
	weight64, packWeight [narrows][]uint64
	switchWeight         [narrows][]uint64
}

// carryLog is log2 of a bound of what an inner product carries beyond its modulus.
const carryLog = 12

// newSecret sorts the shares of what was moved.
func newSecret(p *tfhe.Params, moved *[narrows][]uint64) *secret {
	s := &secret{params: p, transform: transforms(), offset64: powers2(64 + carryLog + 1), offset32: powers2(32 + carryLog + 1)}
	z := sizesOf(p)
	for k := range moved {
		rest := moved[k]
		take := func(n int) (out []uint64) { out, rest = rest[:n:n], rest[n:]; return out }
		s.bigBits[k], s.small[k], s.random[k] = take(z.big), take(z.small), take(z.small)
		squashed := take(squash.Dim)
		if k < squashers {
			s.squash[k] = squashed
			s.linear[k] = squash.NewLinear(k, squashed)
		}
		s.rows[k] = rest
		s.big[k] = s.values(k, s.bigBits[k])
		for from := 0; from < p.LWEDim; from += p.PackSize {
			s.ring[k] = append(s.ring[k], s.values(k, s.small[k][from:min(from+p.PackSize, p.LWEDim)]))
		}
		f := fields[k]
		for x := range s.rows[k] { // their offset made them non-negative while they moved
			s.rows[k][x] = f.Sub(s.rows[k][x], uint64(z.errorOffset))
		}
	}
	s.weight64, s.switchWeight, s.packWeight = weights(64, p.BootstrapBaseLog, p.BootstrapLevel),
		weights(32, p.KeySwitchBaseLog, p.KeySwitchLevel), weights(32, p.PackBaseLog, p.PackLevel)
	return s
}

// weights are 2^(bits - base*(l+1)) for each level l.
func weights(bits, base, levels int) (out [narrows][]uint64) {
	for l := range levels {
		for k, w := range powers2(bits - base*(l+1)) {
			out[k] = append(out[k], w)
		}
	}
	return out
}

// values transforms a polynomial of the given coefficients, zero beyond them.
func (s *secret) values(k int, coefficients []uint64) *ntt.Poly {
	x := new(ntt.Poly)
	copy(x[:], coefficients)
	s.transform[k].Forward(x)
	s.transform[k].Reduce(x)
	return x
}

// chunk computes the party's shares, of degree 2t, of chunk c.
func (s *secret) chunk(r *randomness, a *assembly, c int) *chunk {
	out := newChunk(s.params, c)
	if c == 0 {
		s.publicRow(r, a, out)
		s.switchRows(r, a, out)
		return out
	}
	i := c - 1
	s.ggsw(r, out.part(0, 2*s.params.PolySize), func(f func(int, []uint64)) { a.tfhe.BootstrapMasks(i, f) }, &s.small, i, "bootstrap")
	s.ggsw(r, out.part(2*s.params.PolySize, 2*s.params.PolySize), func(f func(int, []uint64)) { a.tfhe.RandomMasks(i, f) }, &s.random, i, "random")
	s.packRows(r, a, out.part(4*s.params.PolySize, s.params.PackLevel*s.params.PackSize), i)
	s.squashRow(r, a, out, i)
	return out
}

// finish adds to shares of inner products those of errors, of random multiples of
// the modulus 2^base, and of 0, so that opening them gives bodies and nothing else.
func (s *secret) finish(r *randomness, dst [narrows][]uint64, noise, base int, label string, index int) {
	offset := &s.offset64
	if base == 32 {
		offset = &s.offset32
	}
	for k, f := range fields {
		for x := range dst[k] {
			dst[k][x] = f.Add(dst[k][x], offset[k])
		}
		r.addZeros(dst[k], k, use{label + zeroLabels[k], uint64(index)})
	}
	r.addErrors(dst, noise, base, use{label + " errors", uint64(index)})
}

var zeroLabels = [narrows]string{" zero 1", " zero 2", " zero 3"}

func (s *secret) publicRow(r *randomness, a *assembly, c *chunk) {
	dst := c.part(0, s.params.PolySize)
	s.addProduct(dst, a.tfhe.PublicMask())
	s.finish(r, dst, s.params.GLWENoise, 64, "public", 0)
}

// addProduct adds mask times the big key.
func (s *secret) addProduct(dst [narrows][]uint64, mask []uint64) {
	for k, f := range fields {
		var x ntt.Poly
		for i, w := range mask {
			x[i] = f.Reduce(0, w)
		}
		s.multiply(k, &x, s.big[k])
		s.transform[k].Inverse(&x)
		for i, w := range x {
			dst[k][i] = f.Add(dst[k][i], w)
		}
	}
}

// multiply turns coefficients x into the values of x times y.
func (s *secret) multiply(k int, x, y *ntt.Poly) {
	s.transform[k].Forward(x)
	s.transform[k].Reduce(x)
	for i := range x {
		x[i] = fields[k].Mul(x[i], y[i])
	}
}

// ggsw computes the two rows of the GGSW ciphertext of bit i of key: the gadget's
// weight is at the mask of the first row, where it meets the secret, and at the body
// of the second.
func (s *secret) ggsw(r *randomness, dst [narrows][]uint64, masks func(func(r int, mask []uint64)), key *[narrows][]uint64, i int, label string) {
	n := s.params.PolySize
	masks(func(row int, mask []uint64) {
		var half [narrows][]uint64
		for k := range half {
			half[k] = dst[k][row*n:][:n]
		}
		s.addProduct(half, mask)
	})
	for k, f := range fields {
		weighted := f.Mul(s.weight64[k][0], key[k][i])
		for j, b := range s.bigBits[k] {
			dst[k][j] = f.Sub(dst[k][j], f.Mul(weighted, b))
		}
		dst[k][n] = f.Add(dst[k][n], weighted)
	}
	s.finish(r, dst, s.params.GLWENoise, 64, label, i)
}

// switchRows computes all key-switching rows. Their errors are single ones, made of
// random bits, since there are so few of them that count for so much.
func (s *secret) switchRows(r *randomness, a *assembly, c *chunk) {
	dst := c.part(s.params.PolySize, s.params.KeySwitchDigits())
	words := make([]uint64, s.params.LWEDim)
	for j := range s.params.BigDim() {
		a.tfhe.KeySwitchMasks(j, func(l int, mask []uint32) {
			for i, w := range mask {
				words[i] = uint64(w)
			}
			x := j*s.params.KeySwitchLevel + l
			for k, f := range fields {
				message := f.Add(f.Mul(s.switchWeight[k][l], s.bigBits[k][j]), s.rows[k][x])
				dst[k][x] = f.Add(f.Dot(words, s.small[k]), message)
			}
		})
	}
	s.finish(r, dst, noNoise, 32, "switch", 0)
}

// packRows computes the packing rows of bit j: products modulo X^PackSize + 1, taken
// in the larger ring, where they do not wrap around.
func (s *secret) packRows(r *randomness, a *assembly, dst [narrows][]uint64, j int) {
	p := s.params
	var sums [narrows]ntt.Poly
	a.tfhe.PackingMasks(j, func(l, i int, mask []uint32) {
		for k, f := range fields {
			var x ntt.Poly
			for h, w := range mask {
				x[h] = uint64(w)
			}
			s.multiply(k, &x, s.ring[k][i])
			addPoly(f, &sums[k], &x)
			if i == len(s.ring[k])-1 {
				s.transform[k].Inverse(&sums[k])
				foldPacked(f, dst[k][l*p.PackSize:][:p.PackSize], &sums[k])
				clear(sums[k][:])
			}
		}
	})
	for k, f := range fields {
		for l, w := range s.packWeight[k] {
			dst[k][l*p.PackSize] = f.Add(dst[k][l*p.PackSize], f.Mul(w, s.small[k][j]))
		}
	}
	s.finish(r, dst, p.LWENoise, 32, "packing", j)
}

func addPoly(f shamir.Field, dst, x *ntt.Poly) {
	for i, w := range x {
		dst[i] = f.Add(dst[i], w)
	}
}

// foldPacked sets dst to x modulo X^n + 1, for x of degree below 2n.
func foldPacked(f shamir.Field, dst []uint64, x *ntt.Poly) {
	for h := range dst {
		dst[h] = f.Sub(x[h], x[len(dst)+h])
	}
}

// squashRow computes row i of the squash key.
func (s *secret) squashRow(r *randomness, a *assembly, c *chunk, i int) {
	noise := make([][]uint64, squashers)
	for k := range noise {
		noise[k] = make([]uint64, squashWords)
	}
	r.addNoise(noise, squash.NoiseLog, use{"squash errors", uint64(i)})
	matrices := a.masks(i)
	errors, bodies := new(ntt.Digits), new(ntt.Digits)
	for k := range noise {
		for row := range errors {
			copy(errors[row][:], noise[k][row*ntt.N:])
		}
		s.linear[k].Bodies(bodies, matrices[k], s.small[k][i], errors)
		for row := range bodies {
			copy(c.squash[k][row*ntt.N:], bodies[row][:])
		}
		r.addZeros(c.squash[k], k, use{"squash" + zeroLabels[k], uint64(i)})
	}
}
