package radix

import (
	"math"
	"testing"

	"fhevm/fhe/tfhe"
)

// Outputs of one bootstrap are correlated, but no more than the noise budget
// counts, at the 99.99 % level.
func TestCorrelation(t *testing.T) {
	const samples, level = 512, 3.719
	n := realNetwork()
	jobs := make([]tfhe.Job, samples)
	for i := range jobs {
		block := n.params.NewLWE()
		n.secret.Encrypt(block, uint64(i%base)*tfhe.Delta, tfhe.SeedFrom([32]byte{'m', 'o', 'v', 'e', 's'}).Derive("block", uint64(i)))
		jobs[i] = n.job(moves, block)
	}
	if err := n.boot.Bootstrap(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	var products [base][base]float64
	for _, j := range jobs {
		for a := range products {
			for b := range products {
				products[a][b] += n.deviation(j.Dst[a]) * n.deviation(j.Dst[b])
			}
		}
	}
	for a := range products {
		for b := range a {
			got := math.Abs(products[a][b]) / math.Sqrt(products[a][a]*products[b][b])
			counted := math.Abs(1-2*float64(a-b)/float64(len(products))) / 2
			if got > counted+level/math.Sqrt(samples) {
				t.Errorf("outputs %d and %d have correlation %.3f, counted is %.3f", b, a, got, counted)
			}
		}
	}
}
