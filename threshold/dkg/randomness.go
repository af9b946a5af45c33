package dkg

import (
	"fhevm/fhe/csprng"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// randomness makes one party's shares of pseudo-random sharings, without
// interaction, from the seeds of the sets that the party is in (Cramer, Damgård,
// Ishai, TCC 2005).
type randomness struct {
	large []term // sets of n-t parties: their polynomials have degree t
	small []term // those of prss.NoiseSets, of t+1 parties: degree 2t
}

// term is a set with the value of its polynomial, which is 1 at 0 and 0 at parties
// outside, at this party.
type term struct {
	seed   tfhe.Seed
	narrow [narrows]uint64
	wide   wide
	// powers are value * id^j for j = 1 to t: multiples of X^j.
	powers     [narrows][]uint64
	widePowers []wide
}

// seeds gives the seed of each set that a party is in.
type seeds func(threshold.PartySet) tfhe.Seed

func newRandomness(q threshold.Quorum, id threshold.PartyID, of seeds) *randomness {
	r := new(randomness)
	for _, set := range prss.SetsOf(q, id) {
		r.large = append(r.large, newTerm(q, set, id, of(set)))
	}
	for _, set := range prss.NoiseSets(q) {
		if set.Has(id) {
			r.small = append(r.small, newTerm(q, set, id, of(set)))
		}
	}
	return r
}

func newTerm(q threshold.Quorum, set threshold.PartySet, id threshold.PartyID, seed tfhe.Seed) term {
	t := term{seed: seed, wide: wideInt(1)}
	for j := range (q.All() &^ set).All() {
		t.wide = t.wide.mul(wideInt(int64(j) - int64(id)).mul(wideInt(int64(j)).inv()))
	}
	power := t.wide
	for range q.T {
		power = power.mul(wideInt(int64(id)))
		t.widePowers = append(t.widePowers, power)
	}
	for k, f := range fields {
		t.narrow[k] = prss.Coefficient(f, q, set, id)
		power := t.narrow[k]
		for range q.T {
			power = f.Mul(power, uint64(id))
			t.powers[k] = append(t.powers[k], power)
		}
	}
	return t
}

// use names what randomness serves. No two uses of a run are equal, so no value
// serves twice.
type use struct {
	label string
	index uint64
}

func (t *term) stream(u use) *csprng.Stream { return csprng.New(t.seed, u.label, u.index) }

// addZeros adds to each word of dst a share of 0 modulo prime k, by a polynomial of
// degree 2t that is random otherwise (eprint 2025/699, figure 52).
func (r *randomness) addZeros(dst []uint64, k int, u use) {
	f := fields[k]
	for i := range r.large {
		t := &r.large[i]
		s := t.stream(u)
		for x := range dst {
			for _, power := range t.powers[k] {
				dst[x] = f.Add(dst[x], f.Mul(uniform(s, f), power))
			}
		}
		s.Wipe()
	}
}

// uniform draws the low 50 bits of a word, again until they are below the prime.
func uniform(s *csprng.Stream, f shamir.Field) uint64 {
	for {
		if x := s.Uint64() & (1<<50 - 1); x < f.Modulus() {
			return x
		}
	}
}

// carryBits is the width of the random multiples of a body's modulus that hide what
// an inner product carries beyond it, but for a distance of 2^-40 in all openings.
const carryBits = carryLog + openingsLog + 40

// openingsLog is log2 of a bound of the number of integers that a run opens.
const openingsLog = 24

// noNoise stands for no error.
const noNoise = -1

// addErrors adds shares, of degree 2t, of errors in [-2^noise, 2^noise] plus random
// multiples of 2^base below 2^(base+carryBits), one integer of each small set; no
// error if noise is noNoise. The same integers are shared in all fields.
func (r *randomness) addErrors(dst [narrows][]uint64, noise, base int, u use) {
	unit := powers2(base)
	for i := range r.small {
		t := &r.small[i]
		s := t.stream(u)
		for x := range dst[0] {
			e := int64(0)
			if noise >= 0 {
				e = s.TUniform(noise)
			}
			hi, lo := s.Uint64()&(1<<(carryBits-64)-1), s.Uint64()
			for k, f := range fields {
				v := f.Add(signed(f, e), f.Mul(unit[k], f.Reduce(hi, lo)))
				dst[k][x] = f.Add(dst[k][x], f.Mul(v, t.narrow[k]))
			}
		}
		s.Wipe()
	}
}

// powers2 is 2^n in all fields.
func powers2(n int) (out [narrows]uint64) {
	for k, f := range fields {
		out[k] = 1
		for range n {
			out[k] = f.Add(out[k], out[k])
		}
	}
	return out
}

// addNoise adds shares, of degree 2t, of errors TUniform(noise), the sum of one from
// each small set, the same in the first len(dst) fields.
func (r *randomness) addNoise(dst [][]uint64, noise int, u use) {
	for i := range r.small {
		t := &r.small[i]
		s := t.stream(u)
		for x := range dst[0] {
			e := s.TUniform(noise)
			for k := range dst {
				f := fields[k]
				dst[k][x] = f.Add(dst[k][x], f.Mul(signed(f, e), t.narrow[k]))
			}
		}
		s.Wipe()
	}
}

// signed returns e modulo the prime, for |e| below it.
func signed(f shamir.Field, e int64) uint64 { return uint64(e) + f.Modulus()&uint64(e>>63) }

// wideUniform returns shares, of degree t, of uniform elements.
func (r *randomness) wideUniform(count int, u use) []wide {
	out := make([]wide, count)
	for i := range r.large {
		t := &r.large[i]
		s := t.stream(u)
		for x := range out {
			out[x] = out[x].add(uniformWide(s).mul(t.wide))
		}
		s.Wipe()
	}
	return out
}

// addWideZeros is addZeros of wide elements.
func (r *randomness) addWideZeros(dst []wide, u use) {
	for i := range r.large {
		t := &r.large[i]
		s := t.stream(u)
		for x := range dst {
			for _, power := range t.widePowers {
				dst[x] = dst[x].add(uniformWide(s).mul(power))
			}
		}
		s.Wipe()
	}
}

// maskBits is the width of the integers that mask secrets while they move from the
// wide field to the narrow ones. C(13,4) = 715 of them stay below 2^126.
const maskBits = 116

// masks returns shares, of degree t, of sums of random integers below 2^maskBits,
// one of each large set, the same in all fields.
func (r *randomness) masks(count int, u use) (inWide []wide, inNarrow [narrows][]uint64) {
	inWide = make([]wide, count)
	for k := range inNarrow {
		inNarrow[k] = make([]uint64, count)
	}
	for i := range r.large {
		t := &r.large[i]
		s := t.stream(u)
		for x := range inWide {
			v := wide{s.Uint64() & (1<<(maskBits-64) - 1), s.Uint64()}
			inWide[x] = inWide[x].add(v.mul(t.wide))
			for k, f := range fields {
				word := f.Mul(f.Add(f.Mul(f.Reduce(0, v.hi), f.Reduce(1, 0)), f.Reduce(0, v.lo)), t.narrow[k])
				inNarrow[k][x] = f.Add(inNarrow[k][x], word)
			}
		}
		s.Wipe()
	}
	return inWide, inNarrow
}
