package radix

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// listOperations are those of which any operands may be clear, though not all.
var listOperations = []fhe.Op{fhe.Sum, fhe.IsIn}

// Lists with clear and with repeated elements are right, and no dearer than
// without.
func TestMixedLists(t *testing.T) {
	e, r := newPlain(), rand.New(rand.NewPCG(1, 2))
	for _, op := range listOperations {
		for _, typ := range fhe.Types() {
			f := newForm(op, typ, 0)
			for range 40 {
				f.types = f.row.Signature(typ, 2+r.IntN(7))
				f.clear = uint8(r.IntN(1<<len(f.types))) &^ (1 << r.IntN(len(f.types)))
				f.checkList(t, e, r)
			}
		}
	}
}

func (f form) checkList(t *testing.T, e *Evaluator, r *rand.Rand) {
	t.Helper()
	if !f.row.On(f.t) {
		return
	}
	values := f.draw(r)
	for range r.IntN(3) {
		values[r.IntN(len(values))] = values[r.IntN(len(values))]
	}
	runner := plainRunner{e: e, form: f}
	runner.check(t, values)
	n := 0
	for _, layer := range runner.program.layers {
		n += len(layer)
	}
	if most := f.cost(); n > most.Bootstraps || len(runner.program.layers) > most.Depth {
		t.Errorf("%v: %d bootstraps in %d layers, want at most %v", f, n, len(runner.program.layers), most)
	}
}

// What a value's blocks are is bootstrapped once for all clear elements.
func TestIsInClearList(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	operands := []Operand{Encrypted(plain(fhe.Uint64, number(5)))}
	for range fhe.MaxList - 1 {
		operands = append(operands, Clear(uint256.NewInt(r.Uint64())))
	}
	for _, want := range []uint64{0, 1} {
		var c countingBootstrapper
		if _, err := NewEvaluator(plainParams, &c).Eval(t.Context(), fhe.IsIn, fhe.Uint64, operands...); err != nil {
			t.Fatal(err)
		}
		if most := 16 + 100 + 3; c.jobs > most {
			t.Errorf("%d bootstraps, want at most %d", c.jobs, most)
		}
		out, err := newPlain().Eval(t.Context(), fhe.IsIn, fhe.Uint64, operands...)
		if err != nil {
			t.Fatal(err)
		}
		if got := reveal(t, out[0]); got.Uint64() != want {
			t.Errorf("%d, want %d", got, want)
		}
		operands[77] = Clear(uint256.NewInt(5))
	}
}

// A list of one value is not dearer than another.
func TestSumOfSame(t *testing.T) {
	e, r := newPlain(), rand.New(rand.NewPCG(5, 6))
	for n := 2; n <= fhe.MaxList; n += 1 + n/4 {
		f := newForm(fhe.Sum, fhe.Uint16, 0)
		f.types = f.row.Signature(f.t, n)
		for kinds := 1; kinds <= 4; kinds++ {
			values := f.draw(r)
			operands := f.operands(values, func(_ int, t fhe.Type, v *big.Int) *Ciphertext { return plain(t, v) })
			for i := range operands[kinds%n:] {
				operands[kinds%n+i], values[kinds%n+i] = operands[i], values[i]
			}
			p := newPool(e, 1)
			out, got, err := p.evaluate(f, operands)
			if err != nil {
				t.Fatal(err)
			}
			if want := f.expected(values)[0]; value(out[0]).Cmp(want) != 0 || got > f.cost().Bootstraps {
				t.Errorf("%d operands of %d kinds: %d in %d bootstraps, want %d in %d", n, kinds, value(out[0]), got, want, f.cost().Bootstraps)
			}
		}
	}
}

// Blocks of a value that repeat, as those that extend a sign do, enter circuits
// within the noise budget.
func TestRepeatedBits(t *testing.T) {
	e := newPlain()
	for _, v := range []uint64{0, 1, 127, 128, 200, 255} {
		wide, err := e.Eval(t.Context(), fhe.Cast, fhe.Int256, Encrypted(plain(fhe.Int8, number(v))))
		if err != nil {
			t.Fatal(err)
		}
		x := reveal(t, wide[0])
		for _, op := range []fhe.Op{fhe.Eq, fhe.IsIn, fhe.CountOnes, fhe.LeadingZeros, fhe.TrailingZeros} {
			f := newForm(op, fhe.Int256, 0)
			for _, y := range []*big.Int{x, number(0x1234567890abcdef)} {
				operands := []Operand{Encrypted(wide[0]), Clear(uint256.MustFromBig(y))}[:len(f.types)]
				out, err := e.Eval(t.Context(), op, fhe.Int256, operands...)
				if err != nil {
					t.Fatalf("%s of %d: %v", op, x, err)
				}
				if got, want := reveal(t, out[0]), f.expected([]*big.Int{x, y}[:len(f.types)])[0]; got.Cmp(want) != 0 {
					t.Errorf("%s of %d and %d is %d, want %d", op, x, y, got, want)
				}
			}
		}
		if out, err := e.Eval(t.Context(), fhe.Cast, fhe.Bool, Encrypted(wide[0])); err != nil || reveal(t, out[0]).Uint64() != uint64(bit(v != 0)) {
			t.Errorf("cast of %d: %v", x, err)
		}
	}
}
