package vec

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/accel"
)

// each runs test once with every implementation that this machine can run.
func each(t *testing.T, test func(t *testing.T)) {
	defer accel.Reset("vec")
	for _, name := range accel.Implementations("vec") {
		accel.Select("vec", name)
		t.Run(name, test)
	}
}

func random(rng *rand.Rand, n int) []uint32 {
	x := make([]uint32, n)
	for i := range x {
		x[i] = rng.Uint32()
	}
	return x
}

// exact is MulAddRowsUint32 on integers, reduced at the end.
func exact(dst, rows, c []uint32) []uint32 {
	sums := make([]uint32, len(dst))
	for i := range dst {
		sum := big.NewInt(int64(dst[i]))
		for r, factor := range c {
			x := big.NewInt(int64(rows[r*len(dst)+i]))
			sum.Add(sum, x.Mul(x, big.NewInt(int64(factor))))
		}
		sums[i] = uint32(sum.And(sum, big.NewInt(math.MaxUint32)).Uint64())
	}
	return sums
}

func TestMulAddRows(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, width := range []int{0, 1, 2, 15, 16, 17, 127, 128, 129, 143, 145, 919} {
			for _, height := range []int{0, 1, 2, 7, 64} {
				// Neighbours on both sides must stay as they are.
				dst := random(rng, width+40)
				rows, c := random(rng, width*height+3), random(rng, height)
				want := slices.Clone(dst)
				copy(want[20:], exact(dst[20:][:width], rows, c))
				MulAddRowsUint32(dst[20:][:width], rows, c)
				if !slices.Equal(dst, want) {
					t.Errorf("width %d, height %d: wrong", width, height)
				}
			}
		}
	})
}

// TestMulAddRowsInPieces has more products than one call of assembly takes.
func TestMulAddRowsInPieces(t *testing.T) {
	each(t, func(t *testing.T) {
		const width, height = 919, 600
		rng := rand.New(rand.NewPCG(3, 4))
		dst, rows, c := random(rng, width), random(rng, width*height), random(rng, height)
		want := exact(dst, rows, c)
		MulAddRowsUint32(dst, rows, c)
		if !slices.Equal(dst, want) {
			t.Error("wrong")
		}
	})
}

func TestMulAddRowsExtremes(t *testing.T) {
	each(t, func(t *testing.T) {
		for _, v := range []uint32{0, 1, 1 << 31, 1<<31 - 1, math.MaxUint32} {
			rows, c := slices.Repeat([]uint32{v}, 33*5), slices.Repeat([]uint32{-v}, 5)
			dst := slices.Repeat([]uint32{v}, 33)
			want := exact(dst, rows, c)
			MulAddRowsUint32(dst, rows, c)
			if !slices.Equal(dst, want) {
				t.Errorf("%d: wrong", v)
			}
		}
	})
}

func TestMulAddRowsAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T) {
		dst, rows, c := make([]uint32, 100), make([]uint32, 800), make([]uint32, 8)
		if n := testing.AllocsPerRun(10, func() { MulAddRowsUint32(dst, rows, c) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// BenchmarkMulAddRows is a key switch of 8192 rows of 919 words for a batch of
// 16, in blocks of rows that meet every member of the batch in turn.
func BenchmarkMulAddRows(b *testing.B) {
	const width, height, batch = 919, 8192, 16
	rng := rand.New(rand.NewPCG(5, 6))
	rows, c := random(rng, width*height), random(rng, height)
	dst := random(rng, width*batch)
	defer accel.Reset("vec")
	for _, name := range accel.Implementations("vec") {
		for _, block := range []int{1, 8, 64} {
			accel.Select("vec", name)
			b.Run(fmt.Sprintf("%s/block=%d", name, block), func(b *testing.B) {
				for b.Loop() {
					for r := 0; r < height; r += block {
						for i := range batch {
							MulAddRowsUint32(dst[i*width:][:width], rows[r*width:], c[r:][:block])
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/switch")
			})
		}
	}
}
