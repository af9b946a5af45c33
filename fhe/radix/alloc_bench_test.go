package radix

import (
	"math/big"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// BenchmarkEval shows what circuits allocate: its bootstraps take no time.
func BenchmarkEval(b *testing.B) {
	e := NewEvaluator(tfhe.Default, &countingBootstrapper{})
	x, y := benchmarkOperand(1), benchmarkOperand(2)
	for _, op := range []fhe.Op{fhe.Add, fhe.Lt, fhe.Mul} {
		b.Run(op.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(b.Context(), op, fhe.Uint64, x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchmarkOperand is 64 bits of blocks that are no ciphertexts, but differ.
func benchmarkOperand(seed uint64) Operand {
	c := &Ciphertext{Type: fhe.Uint64}
	for i := range digits(new(big.Int), fhe.Uint64.Blocks()) {
		block := tfhe.Default.NewLWE()
		block[0], block[1] = seed, uint64(i)
		c.Blocks = append(c.Blocks, block)
	}
	return Encrypted(c)
}
