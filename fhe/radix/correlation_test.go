package radix

import (
	"math"
	"testing"

	"fhevm/fhe/tfhe"
)

const (
	correlationSamples = 512
	correlationLevel   = 3.719 // of the normal distribution: 99.99 %
)

// deviations is the noise of all outputs of correlationSamples bootstraps by t.
func deviations(tb testing.TB, t *table) (rows [][]float64) {
	n := realNetwork()
	jobs := make([]tfhe.Job, correlationSamples)
	for i := range jobs {
		block := n.params.NewLWE()
		n.secret.Encrypt(block, uint64(i%base)*tfhe.Delta, tfhe.SeedFrom([32]byte{'o', 'u', 't', 's'}).Derive("block", uint64(i)))
		jobs[i] = n.job(t, block)
	}
	if err := n.boot.Bootstrap(tb.Context(), jobs); err != nil {
		tb.Fatal(err)
	}
	for _, j := range jobs {
		var row []float64
		for _, dst := range j.Dst {
			row = append(row, n.deviation(dst))
		}
		rows = append(rows, row)
	}
	return rows
}

// Outputs of one bootstrap are correlated, but no more than the noise budget
// counts.
func TestCorrelation(t *testing.T) {
	var products [base][base]float64
	for _, row := range deviations(t, moves) {
		for a := range products {
			for b := range products {
				products[a][b] += row[a] * row[b]
			}
		}
	}
	for a := range products {
		for b := range a {
			got := math.Abs(products[a][b]) / math.Sqrt(products[a][a]*products[b][b])
			counted := math.Abs(1-2*float64(a-b)/float64(len(products))) / 2
			if got > counted+correlationLevel/math.Sqrt(correlationSamples) {
				t.Errorf("outputs %d and %d have correlation %.3f, counted is %.3f", b, a, got, counted)
			}
		}
	}
}

// The message that outputs of carries make up is no noisier than counted, though
// what they share weighs against it.
func TestMessageNoise(t *testing.T) {
	c := newCircuit()
	r := c.lookups(carries, c.input(half-1).wire())
	counted := float64(r[1].plus(r[2]).plus(r[3]).minus(r[0].times(base - 1)).norm2())
	var message, output float64
	for _, row := range deviations(t, carries) {
		m := row[1] + row[2] + row[3] - (base-1)*row[0]
		message += m * m
		for _, d := range row {
			output += d * d / base
		}
	}
	if got := message / output; got > counted*(1+correlationLevel*math.Sqrt(2*2/float64(correlationSamples))) {
		t.Errorf("%.2f times the variance of an output, counted is %.0f", got, counted)
	}
	t.Logf("%.2f times the variance of an output, counted is %.0f", message/output, counted)
}
