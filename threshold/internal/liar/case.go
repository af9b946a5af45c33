// Package liar is the corrupt parties of a decryption in tests: what they send
// for the shares of values that a committee shares in earnest.
package liar

import (
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/prss"
)

// Case is the decryption of some values, with the honest partials of every party, or
// of those that lie. Runs share it and only read it.
type Case struct {
	Margin   prss.Margin
	Types    []fhe.Type
	Want     []*uint256.Int
	Partials [][]decrypt.Partial // of party i at i
	Others   [][]decrypt.Partial // the same of other ciphertexts of the same values
}

// NewCase encrypts random values of the given types for a committee.
func NewCase(t testing.TB, d *lwetest.Dealt, seed uint64, types ...fhe.Type) *Case {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	c := &Case{Margin: d.Margin, Types: types}
	var blocks, others []*squash.Ciphertext
	for _, typ := range types {
		v := new(uint256.Int).Rsh(&uint256.Int{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()}, uint(256-typ.Bits()))
		c.Want = append(c.Want, v)
		blocks = append(blocks, lwetest.Value(rng, d.Bits, typ, v)...)
		others = append(others, lwetest.Value(rng, d.Bits, typ, v)...)
	}
	c.Partials, c.Others = partials(t, d, types, blocks), partials(t, d, types, others)
	return c
}

func partials(t testing.TB, d *lwetest.Dealt, types []fhe.Type, blocks []*squash.Ciphertext) [][]decrypt.Partial {
	t.Helper()
	out := [][]decrypt.Partial{nil}
	for _, s := range d.Secrets {
		key, err := s.Key()
		if err != nil {
			t.Fatal(err)
		}
		var own []decrypt.Partial
		rest := blocks
		for _, typ := range types {
			own = append(own, key.Partials(decrypt.NewBlocks(rest[:typ.Slots()]))...)
			rest = rest[typ.Slots():]
		}
		out = append(out, own)
	}
	return out
}

// Choose draws a set of count parties.
func Choose(rng *rand.Rand, q threshold.Quorum, count int) (s threshold.PartySet) {
	for _, i := range rng.Perm(q.N)[:count] {
		s = s.With(threshold.PartyID(i + 1))
	}
	return s
}
