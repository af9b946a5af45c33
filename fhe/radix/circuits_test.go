package radix

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/model"
	"fhevm/fhe/tfhe"
)

// form is one way to call an operation.
type form struct {
	row   fhe.Operator
	t     fhe.Type
	types []fhe.Type // of the operands
	clear uint8      // bit i: operand i is clear
}

func newForm(op fhe.Op, t fhe.Type, clear uint8) form {
	row, err := op.Operator()
	if err != nil {
		panic(err)
	}
	return form{row, t, row.Signature(t, 2), clear}
}

func (f form) String() string {
	return fmt.Sprintf("%s %s of %v clear %b", f.row.Name, f.t, f.types, f.clear)
}

func (f form) isClear(i int) bool { return f.clear>>i&1 == 1 }

// cost is what f is priced at.
func (f form) cost() fhe.Cost {
	c := fhe.Form{Op: f.row.Op, Type: f.t, Clear: f.clear}
	switch f.row.Shape {
	case fhe.Convert:
		c.From = f.types[0]
	case fhe.Fold, fhe.Member:
		c.Count, c.Clear = uint8(len(f.types)), 0
	}
	return c.Cost()
}

// forms lists the forms of every operation of Eval on every type, lists up to 6
// operands.
func forms() (fs []form) {
	for _, c := range fhe.Forms() {
		f := newForm(c.Op, c.Type, c.Clear)
		if circuits[c.Op] == nil || c.Count > 6 {
			continue
		}
		if c.Count > 0 {
			f.types = f.row.Signature(c.Type, int(c.Count))
		}
		if f.row.Shape == fhe.Convert {
			f.types = []fhe.Type{c.From}
		}
		fs = append(fs, f)
	}
	return fs
}

// narrow are the forms on types of up to the given width.
func narrow(bits int) (fs []form) {
	for _, f := range forms() {
		if f.t.Bits() <= bits {
			fs = append(fs, f)
		}
	}
	return fs
}

// width is the number of bits of all operands.
func (f form) width() (bits int) {
	for _, t := range f.types {
		bits += t.Bits()
	}
	return bits
}

// split cuts v into operands. Clear ones, for which circuits are built anew, come
// from the upper bits.
func (f form) split(v uint64) []*big.Int {
	out := make([]*big.Int, len(f.types))
	for _, clear := range []bool{false, true} {
		for i, t := range f.types {
			if f.isClear(i) == clear {
				out[i] = number(v & (1<<t.Bits() - 1))
				v >>= t.Bits()
			}
		}
	}
	return out
}

func number(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

func numbers(vs ...uint64) (out []*big.Int) {
	for _, v := range vs {
		out = append(out, number(v))
	}
	return out
}

func (f form) expected(values []*big.Int) []*big.Int {
	return model.Expected(f.row.Op, f.t, f.types, values)
}

// operands are those of values, encrypted by encrypt where they are not clear.
func (f form) operands(values []*big.Int, encrypt func(i int, t fhe.Type, v *big.Int) *Ciphertext) (out []Operand) {
	for i, t := range f.types {
		if f.isClear(i) {
			out = append(out, Clear(uint256.MustFromBig(values[i])))
		} else {
			out = append(out, Encrypted(encrypt(i, t, values[i])))
		}
	}
	return out
}

// Every form with at most 17 bits of operands, which is all on bool and most on
// 8 bits, on every input, or where that is much work on every third or so.
func TestExhaustive(t *testing.T) {
	e := newPlain()
	for _, f := range forms() {
		if f.width() > 17 {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			r := plainRunner{e: e, form: f}
			each := f.cost().Bootstraps + f.row.Result(f.t).Blocks()
			stride := uint64(each<<f.width())/(8*work) + 1
			if testing.Short() {
				stride *= 31
			}
			for v := uint64(0); v < 1<<f.width(); v += stride | 1 {
				r.check(t, f.split(v))
			}
		})
	}
}

// work is how many bootstraps a test of one form may evaluate on plaintexts.
const work = 50_000

// Every form on combinations of edge values and on random ones, as many as its
// cost allows.
func TestWide(t *testing.T) {
	e := newPlain()
	for _, f := range forms() {
		if f.width() <= 17 {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			samples := max(4, min(600, work/max(1, f.cost().Bootstraps)))
			if f.clear != 0 {
				samples = max(4, samples/8) // each builds a circuit
			}
			r := plainRunner{e: e, form: f}
			random := rand.New(rand.NewPCG(uint64(f.row.Op), uint64(f.t)))
			for range samples {
				r.check(t, f.draw(random))
			}
		})
	}
}

// draw makes operands: edge values or others of any size, now and then equal.
func (f form) draw(r *rand.Rand) []*big.Int {
	out := make([]*big.Int, len(f.types))
	for i, t := range f.types {
		switch {
		case i > 0 && t == f.types[i-1] && r.IntN(6) == 0:
			out[i] = out[i-1]
		case r.IntN(2) == 0:
			edges := edgeValues(t)
			out[i] = edges[r.IntN(len(edges))]
		default:
			out[i] = new(big.Int).Rsh(random(r, t), uint(r.IntN(t.Bits())))
		}
	}
	return out
}

// random is a number of all of t's bits.
func random(r *rand.Rand, t fhe.Type) *big.Int {
	v := uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	return new(big.Int).Rsh(v.ToBig(), uint(256-t.Bits()))
}

// edgeValues are the ends and the middle of t's values, signed and unsigned, and
// some between.
func edgeValues(t fhe.Type) []*big.Int {
	if t == fhe.Bool {
		return numbers(0, 1)
	}
	most := new(big.Int).Lsh(number(1), uint(t.Bits()))
	most.Sub(most, number(1))
	half := new(big.Int).Rsh(most, 1)
	third := new(big.Int).Div(most, number(3))
	return append(numbers(0, 1, 2, 5), third, half, new(big.Int).Add(half, number(1)), new(big.Int).Sub(most, number(1)), most)
}

// plainRunner evaluates a form on plain ciphertexts, building its program once
// for each choice of clear operands.
type plainRunner struct {
	e *Evaluator
	form
	program *program
	clear   []*big.Int
}

func (r *plainRunner) check(t *testing.T, values []*big.Int) {
	t.Helper()
	operands := r.operands(values, func(_ int, t fhe.Type, v *big.Int) *Ciphertext { return plain(t, v) })
	r.build(t, operands, values)
	out, err := r.e.run(t.Context(), r.program, blocks(operands))
	if err != nil {
		t.Fatalf("%v: %v", values, err)
	}
	for i, want := range r.expected(values) {
		if got := reveal(t, out[i]); got.Cmp(want) != 0 {
			t.Fatalf("%s%d: result %d is %d, want %d", r.row.Name, values, i, got, want)
		}
	}
}

func (r *plainRunner) build(t *testing.T, operands []Operand, values []*big.Int) {
	t.Helper()
	var clear []*big.Int
	for i := range operands {
		if r.isClear(i) {
			clear = append(clear, values[i])
		}
	}
	same := slices.EqualFunc(clear, r.clear, func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
	if r.program != nil && same {
		return
	}
	p, err := compile(r.row, r.t, operands)
	if err != nil {
		t.Fatalf("compile with %v: %v", clear, err)
	}
	r.program, r.clear = p, clear
}

// compiled is f's program on operands with distinct noise.
func (f form) compiled(clear *big.Int) (*program, error) {
	values := slices.Repeat([]*big.Int{clear}, len(f.types))
	return compile(f.row, f.t, f.operands(values, func(_ int, t fhe.Type, _ *big.Int) *Ciphertext { return plain(t, new(big.Int)) }))
}

// clears are values for the clear operands of f: few where circuits are large.
func (f form) clears() []*big.Int {
	t := f.types[len(f.types)-1]
	if f.clear == 1 {
		t = f.types[0]
	}
	edges := edgeValues(t)
	switch {
	case f.clear == 0:
		return edges[:1]
	case f.cost().Bootstraps > 2000 && len(edges) > 4:
		return edges[3:5]
	}
	return edges
}

// blueprint is what the circuits of a form are, for all of its clear values.
type blueprint struct {
	form
	digest [16]byte // of all that decides their results
	norm2  int      // the largest of a bootstrap's input
}

// blueprints builds the circuits of every form, which takes a while, once.
var blueprints = sync.OnceValues(func() ([]blueprint, error) {
	all := forms()
	out, errs := make([]blueprint, len(all)), make([]error, len(all))
	parallel.For(len(all), func(i int) { out[i], errs[i] = all[i].draft() })
	return out, errors.Join(errs...)
})

func (f form) draft() (blueprint, error) {
	b, h := blueprint{form: f}, sha256.New()
	for _, k := range f.clears() {
		p, err := f.compiled(k)
		if err != nil {
			return b, fmt.Errorf("%v: compile with %v: %w", f, k, err)
		}
		h.Write(p.text())
		for _, layer := range p.layers {
			for _, s := range layer {
				b.norm2 = max(b.norm2, s.input.norm2())
			}
		}
	}
	copy(b.digest[:], h.Sum(nil))
	return b, nil
}

// No bootstrap of any circuit fails with more than 2^-128, by the formula of
// the default parameters.
func TestFailureProbability(t *testing.T) {
	all, err := blueprints()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if p := tfhe.Default.FailureLog2(float64(b.norm2)); p > -128 {
			t.Errorf("%v: bootstrap of 2-norm squared %d fails with 2^%.2f", b.form, b.norm2, p)
		}
	}
}

var update = flag.Bool("update", false, "write testdata/circuits.txt")

// Circuits are part of the protocol version: what they compute, bootstrap by
// bootstrap, must stay what testdata/circuits.txt records.
func TestCircuitsAreFixed(t *testing.T) {
	const path = "testdata/circuits.txt"
	all, err := blueprints()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "%x %s\n", c.digest, c.form)
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

// text is all that decides p's results.
func (p *program) text() (b []byte) {
	tables := make(map[*table]string)
	for _, layer := range p.layers {
		for _, s := range layer {
			if tables[s.table] == "" {
				tables[s.table] = fmt.Sprint(s.table.entries, s.table.twice)
			}
			b = fmt.Appendf(b, "%d %d %s ", s.layer(), s.outs[0].index, tables[s.table])
			b = append(s.input.text(b), '\n')
		}
	}
	for _, out := range p.outs {
		b = append(out.text(b), '\n')
	}
	return b
}

// text appends w's terms and its constant.
func (w wire) text(b []byte) []byte {
	for _, t := range w.terms {
		b = append(strconv.AppendInt(b, int64(t.factor), 10), "*["...)
		b = append(strconv.AppendInt(b, int64(t.index), 10), "] + "...)
	}
	return strconv.AppendInt(b, int64(w.constant), 10)
}

// Every operation of the table has a circuit, but those that Eval is not for.
func TestAllOperations(t *testing.T) {
	for _, row := range fhe.Operators() {
		apart := row.Shape == fhe.Draw || row.Shape == fhe.Table
		if has := circuits[row.Op] != nil; has == apart {
			t.Errorf("%s has a circuit: %v", row.Name, has)
		}
	}
}

// Blocks whose difference from a clear value has one sign only are tested five at
// a time, others two at a time.
func TestEqualToClearIsCheap(t *testing.T) {
	x := Encrypted(plain(fhe.Uint64, number(7)))
	for clear, most := range map[uint64]int{
		0:                  7 + 1,
		0xffffffff00000000: 7 + 1,
		0x9e3779b97f4a7c15: 3 + 9 + 1,
		0x5555555555555555: 16 + 1,
		0x5555555555555554: 16 + 1, // a block of one sign is paired
	} {
		var c countingBootstrapper
		e := NewEvaluator(plainParams, &c)
		if _, err := e.Eval(t.Context(), fhe.Eq, fhe.Uint64, x, Clear(uint256.NewInt(clear))); err != nil {
			t.Fatal(err)
		}
		if c.jobs > most || c.layers > 2 {
			t.Errorf("%#x: %d bootstraps in %d layers, want at most %d in 2", clear, c.jobs, c.layers, most)
		}
	}
}
