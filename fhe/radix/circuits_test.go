package radix

import (
	"flag"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// work is how many bootstraps a test of one form may evaluate on plaintexts. make
// exhaustive gives it more.
var work = flag.Int("work", 10_000, "plain bootstraps for each form")

// Every form with at most 17 bits of operands, which is all on bool and most on
// 8 bits, on every input, or where that is much work on combinations of edge values
// and on every so-manieth input, given enough work on every third or so.
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
			stride := uint64(each<<f.width()/(8**work)) + 1
			if testing.Short() {
				stride *= 31
			}
			for v := uint64(0); v < 1<<f.width(); v += stride | 1 {
				r.check(t, f.split(v))
			}
			random := rand.New(rand.NewPCG(uint64(f.row.Op), uint64(f.t)))
			for range min(40, stride) {
				r.check(t, f.draw(random))
			}
		})
	}
}

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
			samples := max(4, min(600, *work/max(1, f.cost().Bootstraps)))
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
