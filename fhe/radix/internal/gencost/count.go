package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// form is an operation on a type, and what it costs.
type form struct {
	row   fhe.Operator
	typ   fhe.Type
	clear bool
	cost
}

type cost struct{ bootstraps, depth int }

// counter is a tfhe.Bootstrapper that only counts.
type counter struct{ cost }

func (c *counter) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	c.bootstraps += len(jobs)
	c.depth++
	return nil
}

// small has the plaintext space of tfhe.Default, which is all that circuits
// depend on.
var small = tfhe.Params{GLWEDim: 1, PolySize: 2 * tfhe.PlaintextModulus}

// countAll costs every form of the operator table.
func countAll() (forms []form, err error) {
	for _, row := range fhe.Operators() {
		for _, t := range fhe.Types() {
			for _, clear := range []bool{false, true} {
				f := form{row: row, typ: t, clear: clear}
				if !f.exists() {
					continue
				}
				if f.cost, err = f.worst(); err != nil {
					return nil, err
				}
				forms = append(forms, f)
			}
		}
	}
	return forms, nil
}

func (f form) exists() bool {
	if f.clear {
		return f.row.On(f.typ) && f.row.Clear
	}
	return f.row.On(f.typ) && f.row.Shape != fhe.Encrypt
}

// worst is the largest cost over clear values and source types.
func (f form) worst() (worst cost, err error) {
	for _, args := range f.operands() {
		for _, clear := range f.clearValues() {
			var c counter
			e := radix.NewEvaluator(small, &c)
			if _, err := e.Eval(context.Background(), f.row.Op, f.typ, args, clear); err != nil {
				return worst, fmt.Errorf("count %s on %s: %w", f.row.Name, f.typ, err)
			}
			worst.bootstraps = max(worst.bootstraps, c.bootstraps)
			worst.depth = max(worst.depth, c.depth)
		}
	}
	return worst, nil
}

// operands lists the possible encrypted operands.
func (f form) operands() (all [][]*radix.Ciphertext) {
	if f.row.Shape == fhe.Convert {
		for _, t := range fhe.Types() {
			all = append(all, []*radix.Ciphertext{ciphertext(t)})
		}
		return all
	}
	var args []*radix.Ciphertext
	for _, t := range f.row.Operands(f.typ, f.clear) {
		args = append(args, ciphertext(t))
	}
	return append(all, args)
}

// ciphertext is one whose blocks differ from all others'.
func ciphertext(t fhe.Type) *radix.Ciphertext {
	c := &radix.Ciphertext{Type: t}
	for range t.Blocks() {
		b := small.NewLWE()
		b[0], b[1] = rand.Uint64(), rand.Uint64()
		c.Blocks = append(c.Blocks, b)
	}
	return c
}

// dearestFactor is the dearest 64-bit factor that a long search by small changes
// from random starts has found.
const dearestFactor = 0x55a6999955566656

// clearValues are all values of up to 8 bits, or all that repeat one byte and
// some pseudo-random ones, of any digits and of digits 1 and 2: the fuller a
// factor's recoding, the dearer.
func (f form) clearValues() (vs []*uint256.Int) {
	if !f.clear {
		return []*uint256.Int{nil}
	}
	mask := uint64(1)<<f.typ.Bits() - 1
	for b := range uint64(256) {
		vs = append(vs, uint256.NewInt(b*0x0101010101010101&mask))
	}
	random := rand.New(rand.NewPCG(1, uint64(f.typ)))
	for range 128 {
		v := random.Uint64()
		ones := v & 0x5555555555555555
		vs = append(vs, uint256.NewInt(v&mask), uint256.NewInt((0xaaaaaaaaaaaaaaaa-ones)&mask))
	}
	return append(vs, uint256.NewInt(dearestFactor&mask))
}
