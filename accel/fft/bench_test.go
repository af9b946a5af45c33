package fft

import (
	"fmt"
	"testing"

	"fhevm/accel"
)

func BenchmarkForward(b *testing.B) {
	p := randomPoly(newRand(1))
	var f Fourier
	for b.Loop() {
		Forward(&f, p)
	}
}

// BenchmarkCMux walks a bootstrapping key, 60 MB, which no second-level cache
// holds, and reports the time per accumulator.
func BenchmarkCMux(b *testing.B) {
	rng := newRand(1)
	keys := accel.Pages[GGSW](918)
	for i := range keys {
		keys[i] = randomKey(rng).prepare()[0]
	}
	defer accel.Reset("fft")
	for _, name := range accel.Implementations("fft") {
		for _, batch := range []int{1, 8, 16} {
			accel.Select("fft", name)
			b.Run(fmt.Sprintf("%s/batch=%d", name, batch), func(b *testing.B) { benchmarkBatch(b, keys, batch) })
		}
	}
}

func benchmarkBatch(b *testing.B, keys []GGSW, batch int) {
	rng := newRand(2)
	store := make([]Accumulator, batch)
	acc := make([]*Accumulator, batch)
	exponents := make([]uint32, batch)
	for i := range store {
		store[i] = *randomAccumulator(rng)
		acc[i] = &store[i]
	}
	s := new(Scratch)
	row := 0
	for b.Loop() {
		for i := range exponents {
			exponents[i] = rng.Uint32() % (2 * N)
		}
		CMux(acc, exponents, keys[row%len(keys):], s)
		row++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/accumulator")
}

// BenchmarkPortLimit reports the least time that a CMux takes.
func BenchmarkPortLimit(b *testing.B) {
	defer accel.Reset("fft")
	for _, name := range accel.Implementations("fft") {
		accel.Select("fft", name)
		ops, perSecond := PortLimit()
		if ops == 0 {
			continue
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ops, perSecond = PortLimit()
			}
			b.ReportMetric(float64(ops)/perSecond*1e9, "ns/accumulator")
		})
	}
}
