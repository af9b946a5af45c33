package radix

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
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

// compiled is f's program on operands with distinct noise.
func (f form) compiled(t *testing.T, clear uint64) *program {
	t.Helper()
	r := plainRunner{form: f}
	var args []*Ciphertext
	for _, typ := range f.args {
		args = append(args, plain(typ, 0))
	}
	r.build(t, args, clear)
	return r.program
}

// No bootstrap of any circuit fails with more than 2^-128, by the formula of
// the default parameters.
func TestFailureProbability(t *testing.T) {
	for _, f := range forms() {
		worst := 0
		for _, k := range edgeValues(f.t) {
			for _, layer := range f.compiled(t, k).layers {
				for _, s := range layer {
					worst = max(worst, s.input.norm2())
				}
			}
		}
		if p := tfhe.Default.FailureLog2(float64(worst)); p > -128 {
			t.Errorf("%v: bootstrap of 2-norm squared %d fails with 2^%.2f", f, worst, p)
		}
	}
}

var update = flag.Bool("update", false, "write testdata/circuits.txt")

// Circuits are part of the protocol version: what they compute, bootstrap by
// bootstrap, must stay what testdata/circuits.txt records.
func TestCircuitsAreFixed(t *testing.T) {
	const path = "testdata/circuits.txt"
	var b bytes.Buffer
	for _, f := range forms() {
		h := sha256.New()
		for _, k := range edgeValues(f.t) {
			f.compiled(t, k).print(h)
			if !f.clear {
				break
			}
		}
		fmt.Fprintf(&b, "%x %s\n", h.Sum(nil)[:16], f)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("circuits differ from %s: a new protocol version is due (-update writes the file)", path)
	}
}

// print writes all that decides p's results.
func (p *program) print(w io.Writer) {
	for _, layer := range p.layers {
		for _, s := range layer {
			fmt.Fprintln(w, s.layer(), s.outs[0].index, s.table.entries, s.table.twice, s.input)
		}
	}
	for _, out := range p.outs {
		fmt.Fprintln(w, out)
	}
}

// String lists w's terms and its constant.
func (w wire) String() (s string) {
	for _, t := range w.terms {
		s += fmt.Sprintf("%d*[%d] + ", t.factor, t.index)
	}
	return s + fmt.Sprint(w.constant)
}
