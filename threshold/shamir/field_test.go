package shamir

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFieldAgainstBig compares every operation with math/big on random and
// extreme operands.
func TestFieldAgainstBig(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range Fields {
		q := new(big.Int).SetUint64(f.modulus)
		if !q.ProbablyPrime(30) || q.BitLen() != fieldBits {
			t.Fatalf("modulus %d is not a %d-bit prime", f.modulus, fieldBits)
		}
		edge := []uint64{0, 1, 2, f.modulus / 2, f.modulus - 2, f.modulus - 1}
		for range 20000 {
			a, b := pick(rng, edge, f.modulus), pick(rng, edge, f.modulus)
			x, y := new(big.Int).SetUint64(a), new(big.Int).SetUint64(b)
			check := func(name string, got uint64, want *big.Int) {
				if want.Mod(want, q); want.Uint64() != got {
					t.Fatalf("%s(%d, %d) mod %d = %d, want %d", name, a, b, f.modulus, got, want)
				}
			}
			check("Add", f.Add(a, b), new(big.Int).Add(x, y))
			check("Sub", f.Sub(a, b), new(big.Int).Sub(x, y))
			check("Mul", f.Mul(a, b), new(big.Int).Mul(x, y))
			hi, lo := rng.Uint64N(1<<50), rng.Uint64()
			wide := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
			check("Reduce", f.Reduce(hi, lo), wide.Add(wide, new(big.Int).SetUint64(lo)))
		}
		for range 100 {
			if a := 1 + rng.Uint64N(f.modulus-1); f.Mul(a, f.Inv(a)) != 1 {
				t.Fatalf("Inv(%d) is wrong", a)
			}
		}
	}
}

func pick(rng *rand.Rand, edge []uint64, q uint64) uint64 {
	if i := rng.IntN(4 * len(edge)); i < len(edge) {
		return edge[i]
	}
	return rng.Uint64N(q)
}

// TestDotAtItsBound sums 2^14 products of the largest elements.
func TestDotAtItsBound(t *testing.T) {
	for _, f := range Fields {
		a := make([]uint64, 1<<14)
		for i := range a {
			a[i] = f.modulus - 1
		}
		if got := f.Dot(a, a); got != 1<<14 { // (-1)^2 each
			t.Errorf("got %d, want %d", got, 1<<14)
		}
	}
}
