package radix

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// form is one way to call an operation.
type form struct {
	row   fhe.Operator
	t     fhe.Type
	args  []fhe.Type // encrypted operands
	clear bool
}

func (f form) String() string {
	s := fmt.Sprintf("%s %s", f.row.Name, f.t)
	if f.clear {
		s += " clear"
	}
	if f.row.Shape == fhe.Convert {
		s += fmt.Sprintf(" of %s", f.args[0])
	}
	return s
}

// values lists the types of all operands, the clear one included.
func (f form) values() []fhe.Type {
	if f.clear {
		return append(f.args[:len(f.args):len(f.args)], f.t)
	}
	return f.args
}

// forms lists every operation on every type in every form of the table.
func forms() (fs []form) {
	for _, row := range fhe.Operators() {
		for _, t := range fhe.Types() {
			if !row.On(t) {
				continue
			}
			switch {
			case row.Shape == fhe.Convert:
				for _, from := range fhe.Types() {
					fs = append(fs, form{row, t, []fhe.Type{from}, false})
				}
				continue
			case row.Shape != fhe.Encrypt:
				fs = append(fs, form{row, t, row.Operands(t, false), false})
			}
			if row.Clear {
				fs = append(fs, form{row, t, row.Operands(t, true), true})
			}
		}
	}
	return fs
}

// width is the number of bits of all operands.
func (f form) width() (bits int) {
	for _, t := range f.values() {
		bits += t.Bits()
	}
	return bits
}

// split cuts v into operands.
func (f form) split(v uint64) []uint64 {
	var out []uint64
	for _, t := range f.values() {
		out = append(out, v&(1<<t.Bits()-1))
		v >>= t.Bits()
	}
	return out
}

// Every form with at most 17 bits of operands, which is all on bool and uint8,
// on every input.
func TestExhaustive(t *testing.T) {
	e := newPlain()
	for _, f := range forms() {
		if f.width() > 17 {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			r := plainRunner{e: e, form: f}
			for v := range uint64(1) << f.width() {
				r.check(t, f.split(v))
			}
		})
	}
}

// Every form on all pairs and triples of edge values and on random ones.
func TestWide(t *testing.T) {
	const samples = 300
	e := newPlain()
	for _, f := range forms() {
		if f.width() <= 17 {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			r := plainRunner{e: e, form: f}
			f.edges(func(args []uint64) { r.check(t, args) })
			for range samples {
				r.check(t, f.random())
			}
		})
	}
}

// edges calls check with every combination of edge values.
func (f form) edges(check func(args []uint64)) {
	var combine func(args []uint64)
	combine = func(args []uint64) {
		if len(args) == len(f.values()) {
			check(args)
			return
		}
		for _, v := range edgeValues(f.values()[len(args)]) {
			combine(append(args[:len(args):len(args)], v))
		}
	}
	combine(nil)
}

func edgeValues(t fhe.Type) []uint64 {
	most := uint64(1)<<t.Bits() - 1
	if t == fhe.Bool {
		return []uint64{0, 1}
	}
	return []uint64{0, 1, 2, 5, most / 3, most / 2, most/2 + 1, most - 1, most}
}

// random draws operands: of any size, and now and then equal.
func (f form) random() []uint64 {
	out := make([]uint64, len(f.values()))
	for i, t := range f.values() {
		out[i] = rand.Uint64() & (1<<t.Bits() - 1) >> rand.IntN(t.Bits())
		if i > 0 && rand.IntN(8) == 0 {
			out[i] = out[i-1] & (1<<t.Bits() - 1)
		}
	}
	return out
}

// plainRunner evaluates a form on plain ciphertexts, building its program once
// for each clear operand.
type plainRunner struct {
	e *Evaluator
	form
	program *program
	clear   uint64
}

func (r *plainRunner) check(t *testing.T, values []uint64) {
	t.Helper()
	args := make([]*Ciphertext, len(r.args))
	for i, typ := range r.args {
		args[i] = plain(typ, values[i])
	}
	r.build(t, args, values[len(values)-1])
	out, err := r.e.run(t.Context(), r.program, blocks(args))
	if err != nil {
		t.Fatalf("%v: %v", values, err)
	}
	c := &Ciphertext{Type: r.row.Result(r.t), Blocks: out}
	if got, want := reveal(t, c), expected(r.row.Op, r.t, values); got != want {
		t.Fatalf("%s%d = %d, want %d", r.row.Name, values, got, want)
	}
}

func (r *plainRunner) build(t *testing.T, args []*Ciphertext, last uint64) {
	t.Helper()
	var clear *uint256.Int
	if r.form.clear {
		clear = uint256.NewInt(last)
	}
	if r.program != nil && (clear == nil || r.clear == last) {
		return
	}
	p, err := compile(r.row.Op, r.t, args, clear)
	if err != nil {
		t.Fatalf("compile with %v: %v", clear, err)
	}
	r.program, r.clear = p, last
}

func TestCounts(t *testing.T) {
	for _, f := range forms() {
		var args []*Ciphertext
		for _, typ := range f.args {
			args = append(args, plain(typ, 0))
		}
		var clear *uint256.Int
		if f.clear {
			clear = uint256.NewInt(0x5555555555555555 & (1<<f.t.Bits() - 1))
		}
		p, err := compile(f.row.Op, f.t, args, clear)
		if err != nil {
			t.Errorf("%v: %v", f, err)
			continue
		}
		n := 0
		norm := 0
		for _, l := range p.layers {
			n += len(l)
			for _, s := range l {
				norm = max(norm, s.input.norm2())
			}
		}
		t.Logf("%-30v %d/%d norm2 %d", f, n, len(p.layers), norm)
	}
}
