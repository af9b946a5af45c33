package tfhe

import (
	"slices"
	"testing"

	"fhevm/fhe/csprng"
)

var testSeed = csprng.SeedFrom([32]byte{'t', 'f', 'h', 'e'})

// mulModel multiplies modulo X^n+1 from the definition.
func mulModel(a, b []uint64) []uint64 {
	n := len(a)
	out := make([]uint64, n)
	for i, x := range a {
		for j, y := range b {
			if i+j < n {
				out[i+j] += x * y
			} else {
				out[i+j-n] -= x * y
			}
		}
	}
	return out
}

func TestMulNegacyclic(t *testing.T) {
	r := csprng.New(testSeed, "mul", 0)
	for _, n := range []int{1, 2, 16, 32, 64, 128, 2048} {
		a, b := make([]uint64, n), make([]uint64, n)
		r.Uint64s(a)
		r.Uint64s(b)
		want := mulModel(a, b)
		mulNegacyclic(a, a, b)
		if !slices.Equal(a, want) {
			t.Errorf("product of %d coefficients differs from the definition", n)
		}
	}
}

func BenchmarkMulNegacyclic(b *testing.B) {
	x, y := make([]uint64, 2048), make([]uint64, 2048)
	for b.Loop() {
		mulNegacyclic(x, x, y)
	}
}
