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
//
// Function i is read i*stride entries further: functions share entries, and must
// agree where they meet.
type table struct {
	lo, hi  int // domain
	fs      []func(int) int
	stride  int
	twice   []int     // for each function, twice the constant that is added afterwards
	entries [half]int // twice the values before that
	inner   bool      // what it returns never leaves a circuit
}

// newTable prepares functions on the domain [lo, hi], as far apart as there is
// room. It panics if one bootstrap cannot evaluate them: the tables are fixed, and
// a test builds all.
func newTable(lo, hi int, fs ...func(int) int) *table { return newStrided(half/len(fs), lo, hi, fs...) }

// newStrided is newTable for functions that are read stride entries apart, a power
// of two.
func newStrided(stride, lo, hi int, fs ...func(int) int) *table {
	t := &table{lo: lo, hi: hi, fs: fs, stride: stride}
	var entered [half]bool
	for i, f := range fs {
		t.twice = append(t.twice, wrapConstant(lo, hi, f))
		for v := lo; v <= hi; v++ {
			at, e := v+t.place(i), 2*f(v)-t.twice[i]
			if at&half != 0 {
				e = -e
			}
			at &= half - 1
			if entered[at] && t.entries[at] != e {
				panic(fmt.Sprintf("function %d of %d on [%d, %d] has no place at %d", i, len(fs), lo, hi, v))
			}
			t.entries[at], entered[at] = e, true
		}
	}
	return t
}

// place is how many entries further function i is read.
func (t *table) place(i int) int { return i * t.stride }

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

// lut prepares t for blind rotation.
func (t *table) lut(p *tfhe.Params) *tfhe.LUT {
	lut := p.NewLUT(func(m int) uint64 { return quantum * uint64(t.entries[m]) })
	lut.Outputs = half / t.stride
	return lut
}

// settle adds to b, an output of function i, what the table leaves to add.
func (t *table) settle(i int, b tfhe.LWE) tfhe.LWE {
	b.AddClear(quantum * uint64(t.twice[i]))
	return b
}
