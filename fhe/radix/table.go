package radix

import (
	"fmt"

	"fhevm/fhe/tfhe"
)

const (
	base    = 1 << messageBits      // values of a block
	half    = tfhe.PlaintextModulus // plaintexts below the padding bit
	modulus = 2 * half              // plaintexts of the torus
	quantum = tfhe.Delta / 2        // tables count constants in halves
)

// table holds one integer function, or several of the same argument, that a
// single bootstrap evaluates on a domain.
//
// A bootstrap gives negated values once the padding bit is set. So a function
// on more than half the plaintexts must satisfy f(v) + f(v+half) = const; the
// table then holds f - const/2, and the constant's half is added afterwards.
type table struct {
	lo, hi  int // domain
	fs      []func(int) int
	twice   []int       // for each function, twice the constant that is added afterwards
	entries [][half]int // for each function, twice the values before that
	inner   bool        // what it returns never leaves a circuit
}

// newTable prepares functions on the domain [lo, hi]. It panics if one
// bootstrap cannot evaluate them: the tables are fixed, and a test builds all.
func newTable(lo, hi int, fs ...func(int) int) *table {
	t := &table{lo: lo, hi: hi, fs: fs}
	if room := half / len(fs); len(fs) > 1 && (lo < 0 || hi >= room) {
		panic(fmt.Sprintf("%d functions on [%d, %d], room for [0, %d]", len(fs), lo, hi, room-1))
	}
	for _, f := range fs {
		t.add(f, wrapConstant(lo, hi, f))
	}
	return t
}

// newInner is newTable for a table that a circuit uses on the way only.
func newInner(lo, hi int, fs ...func(int) int) *table {
	t := newTable(lo, hi, fs...)
	t.inner = true
	return t
}

// wrapConstant is the sum of f(v) and f(v+half), or 0 if none is defined.
func wrapConstant(lo, hi int, f func(int) int) (sum int) {
	for v := lo; v+half <= hi; v++ {
		s := f(v) + f(v+half)
		if v > lo && s != sum {
			panic(fmt.Sprintf("table on [%d, %d] is not negacyclic at %d", lo, hi, v))
		}
		sum = s
	}
	return sum
}

func (t *table) add(f func(int) int, twice int) {
	if width := t.hi - t.lo; width > modulus || width == modulus && f(t.lo) != f(t.hi) {
		panic(fmt.Sprintf("domain [%d, %d] exceeds the torus", t.lo, t.hi))
	}
	var entries [half]int
	for v := t.lo; v <= t.hi; v++ {
		e := 2*f(v) - twice
		if v&half != 0 {
			e = -e
		}
		entries[v&(half-1)] = e
	}
	t.twice = append(t.twice, twice)
	t.entries = append(t.entries, entries)
}

// lut prepares t for blind rotation.
func (t *table) lut(p *tfhe.Params) *tfhe.LUT {
	fs := make([]func(int) uint64, len(t.fs))
	for i := range fs {
		fs[i] = func(m int) uint64 { return quantum * uint64(t.entries[i][m]) }
	}
	return p.NewManyLUT(fs...)
}

// settle adds to b, an output of function i, what the table leaves to add.
func (t *table) settle(i int, b tfhe.LWE) tfhe.LWE {
	b.AddClear(quantum * uint64(t.twice[i]))
	return b
}

// span returns the least and the largest value of function i on [lo, hi].
func (t *table) span(i, lo, hi int) (least, most int) {
	least, most = t.fs[i](lo), t.fs[i](lo)
	for v := lo + 1; v <= hi; v++ {
		least, most = min(least, t.fs[i](v)), max(most, t.fs[i](v))
	}
	return least, most
}
