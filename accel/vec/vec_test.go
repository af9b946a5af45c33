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

// product is a matrix, coefficients and the vectors to add products to.
type product struct {
	rows  [][]uint32
	dst   [][]uint32
	coefs [][Group]int8
}

func newProduct(rows, columns, vectors int, word func() uint32, coef func() int8) *product {
	vector := func() []uint32 {
		x := make([]uint32, columns)
		for i := range x {
			x[i] = word()
		}
		return x
	}
	p := &product{coefs: make([][Group]int8, Groups(rows)*vectors)}
	for range rows {
		p.rows = append(p.rows, vector())
	}
	for range vectors {
		p.dst = append(p.dst, vector())
	}
	for i := range p.coefs {
		for j := range p.coefs[i] {
			p.coefs[i][j] = coef()
		}
	}
	return p
}

func (p *product) matrix(columns int) *Matrix {
	m := NewMatrix(len(p.rows), columns)
	for r, row := range p.rows {
		m.SetRow(r, row)
	}
	return m
}

// kept is what a matrix keeps of x, a number up to 2^32.
func kept(x uint32) int64 { return int64(math.RoundToEven(float64(x)/256)) * 256 }

// exact is the result for word i of vector b on integers, reduced at the end.
func (p *product) exact(b, i int) uint32 {
	sum := big.NewInt(int64(p.dst[b][i]))
	for r, row := range p.rows {
		c := p.coefs[r/Group*len(p.dst)+b][r%Group]
		sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(c)), big.NewInt(kept(row[i]))))
	}
	return uint32(sum.And(sum, big.NewInt(math.MaxUint32)).Uint64())
}

// check compares MulAdd with exact in one of every step words, the last included.
func (p *product) check(t *testing.T, columns, step int) {
	t.Helper()
	got := make([][]uint32, len(p.dst))
	for b := range got {
		got[b] = slices.Clone(p.dst[b])
	}
	p.matrix(columns).MulAdd(got, p.coefs)
	for b := range got {
		for i := columns - 1; i >= 0; i -= step {
			if want := p.exact(b, i); got[b][i] != want {
				t.Fatalf("%d rows, %d columns: vector %d of %d has word %d %#x, want %#x", len(p.rows), columns, b, len(got), i, got[b][i], want)
			}
		}
	}
}

func coefficient(rng *rand.Rand) func() int8 {
	return func() int8 { return int8(rng.IntN(2*MaxCoefficient+1) - MaxCoefficient) }
}

func TestMulAdd(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, vectors := range []int{0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 21} {
			for _, columns := range []int{0, 1, 7, 8, 9, 16, 17, 33} {
				for _, rows := range []int{0, 1, 4, 5, 127, 128, 129, 300} {
					newProduct(rows, columns, vectors, rng.Uint32, coefficient(rng)).check(t, columns, 1)
				}
			}
		}
	})
}

// TestBlocks multiplies with matrices of several blocks: one whose last is not
// full, and that of the default parameter set's key switch.
func TestBlocks(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		newProduct(2*blockGroups*Group+Group+1, 9, 5, rng.Uint32, coefficient(rng)).check(t, 9, 1)
		newProduct(16384, 919, 16, rng.Uint32, coefficient(rng)).check(t, 919, 229)
	})
}

// TestExtremes has the largest sums of bytes in either direction.
func TestExtremes(t *testing.T) {
	each(t, func(t *testing.T) {
		for _, word := range []uint32{0, 1, 1 << 31, 1<<31 - 1, 0xff, 0x80, 0x180, 0xff00ff00, math.MaxUint32 - 0xff, math.MaxUint32} {
			for _, coef := range []int8{-MaxCoefficient, -1, 0, 1, MaxCoefficient} {
				for _, vectors := range []int{1, 4, 16} {
					newProduct(2000, 5, vectors, func() uint32 { return word }, func() int8 { return coef }).check(t, 5, 1)
				}
			}
		}
	})
}

func TestAt(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, shape := range [][2]int{{1, 1}, {5, 7}, {8, 19}, {9, 33}} {
		p := newProduct(shape[0], shape[1], 0, rng.Uint32, coefficient(rng))
		m := p.matrix(shape[1])
		for r, row := range p.rows {
			for c, want := range row {
				if got, want := m.At(r, c), uint32(kept(want)); got != want {
					t.Errorf("row %d, column %d of %v is %#x, want %#x", r, c, shape, got, want)
				}
			}
		}
	}
}

// Parts of the columns make up the whole.
func TestMulAddPart(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, parts := range []int{1, 2, 3, 5} {
		for _, columns := range []int{1, 33, 100, 200} {
			p := newProduct(40, columns, 3, rng.Uint32, coefficient(rng))
			whole := make([][]uint32, len(p.dst))
			for b := range whole {
				whole[b] = slices.Clone(p.dst[b])
			}
			m := p.matrix(columns)
			m.MulAdd(whole, p.coefs)
			for part := range parts {
				m.MulAddPart(p.dst, p.coefs, part, parts)
			}
			for b := range whole {
				if !slices.Equal(p.dst[b], whole[b]) {
					t.Errorf("%d columns in %d parts: vector %d differs", columns, parts, b)
				}
			}
		}
	}
}

func TestMulAddAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		p := newProduct(40, 10, 21, rng.Uint32, coefficient(rng))
		m := p.matrix(10)
		if n := testing.AllocsPerRun(10, func() { m.MulAdd(p.dst, p.coefs) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// BenchmarkMulAdd is a key switch of the default parameter set.
func BenchmarkMulAdd(b *testing.B) {
	const rows, columns = 16384, 919
	rng := rand.New(rand.NewPCG(9, 10))
	defer accel.Reset("vec")
	for _, vectors := range []int{1, 2, 3, 4, 8, 12, 15, 16} {
		p := newProduct(rows, columns, vectors, rng.Uint32, coefficient(rng))
		m := p.matrix(columns)
		for _, name := range accel.Implementations("vec") {
			accel.Select("vec", name)
			b.Run(fmt.Sprintf("%s/vectors=%d", name, vectors), func(b *testing.B) {
				for b.Loop() {
					m.MulAdd(p.dst, p.coefs)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vectors), "ns/vector")
			})
		}
	}
}
