package squash

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func residues(x *big.Int) (r [2]uint64) {
	for p, q := range Moduli() {
		r[p] = new(big.Int).Mod(x, new(big.Int).SetUint64(q)).Uint64()
	}
	return r
}

func TestCombine(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		x := new(big.Int).Mul(new(big.Int).SetUint64(r.Uint64()), new(big.Int).SetUint64(r.Uint64()))
		x.Mod(x, Modulus())
		if got := combine(residues(x)); got.Cmp(x) != 0 {
			t.Fatalf("residues of %v combine to %v", x, got)
		}
	}
}

func TestDecode(t *testing.T) {
	bound := NoiseBound()
	beyond := new(big.Int).Add(bound, big.NewInt(1))
	for m := range 32 {
		centre := encode(m)
		for _, c := range []struct {
			noise *big.Int
			ok    bool
		}{
			{new(big.Int), true},
			{bound, true},
			{new(big.Int).Neg(bound), true},
			{beyond, false},
			{new(big.Int).Neg(beyond), false},
		} {
			got, err := Decode(residues(new(big.Int).Add(centre, c.noise)), bound)
			switch {
			case c.ok && m < 16:
				if err != nil || got != m {
					t.Errorf("%d with noise %v decodes to %d, %v", m, c.noise, got, err)
				}
			case err != ErrPhase || got != 0:
				t.Errorf("%d with noise %v decodes to %d, %v", m, c.noise, got, err)
			}
		}
	}
}

// With the whole margin as bound, only the padding bit can fail.
func TestDecodeMargin(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 1000 {
		m := r.IntN(32)
		noise := new(big.Int).Mul(Margin(), big.NewInt(r.Int64N(2000001)-1000000))
		noise.Quo(noise, big.NewInt(1000001))
		got, err := Decode(residues(noise.Add(noise, encode(m))), Margin())
		if ok := m < 16; ok != (err == nil) || ok && got != m {
			t.Fatalf("%d decodes to %d, %v", m, got, err)
		}
	}
}

func TestDecodeRefusesUnreduced(t *testing.T) {
	for _, phase := range [][2]uint64{{Q1, 0}, {0, Q2}, {1<<64 - 1, 1<<64 - 1}} {
		if _, err := Decode(phase, Margin()); err != ErrPhase {
			t.Errorf("phase %v: %v", phase, err)
		}
	}
}
