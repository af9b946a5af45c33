package tfhe

import (
	"fmt"
	"testing"

	"fhevm/accel"
	"fhevm/fhe/csprng"
)

// BenchmarkKeySwitch switches batches of ciphertexts.
func BenchmarkKeySwitch(b *testing.B) {
	p, k := &Default, keys().engine.KeySwitchKey()
	defer accel.Reset("vec")
	for _, n := range []int{1, 4, MaxBatch} {
		src, dst, digits := make([]LWE, n), make([][]uint32, n), p.NewDigits(n)
		for i := range src {
			src[i], dst[i] = p.NewLWE(), make([]uint32, p.LWEDim+1)
			csprng.New(testSeed, "benchmark", uint64(i)).Uint64s(src[i])
		}
		for _, name := range accel.Implementations("vec") {
			accel.Select("vec", name)
			b.Run(fmt.Sprintf("%s/batch=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					k.KeySwitch(dst, src, digits)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/switch")
			})
		}
	}
}

func BenchmarkDecompose(b *testing.B) {
	p, k := &Default, keys().engine.KeySwitchKey()
	src, digits := make([]LWE, MaxBatch), p.NewDigits(MaxBatch)
	for i := range src {
		src[i] = p.NewLWE()
		csprng.New(testSeed, "benchmark", uint64(i)).Uint64s(src[i])
	}
	for b.Loop() {
		k.decompose(digits, src)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*MaxBatch), "ns/switch")
}

// BenchmarkExpandKeySwitchKey expands the key from its seed.
func BenchmarkExpandKeySwitchKey(b *testing.B) {
	ek := keys().eval
	for b.Loop() {
		ek.KeySwitchKey()
	}
}
