package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// counter is a tfhe.Bootstrapper that only counts.
type counter struct{ fhe.Cost }

func (c *counter) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	c.Bootstraps += len(jobs)
	c.Depth++
	return nil
}

// small has the plaintext space of tfhe.Default, which is all that circuits
// depend on.
var small = tfhe.Params{GLWEDim: 1, PolySize: 2 * tfhe.PlaintextModulus}

// count costs forms of the operator table.
func count(forms []fhe.Form) (map[fhe.Form]fhe.Cost, error) {
	var (
		mu    sync.Mutex
		costs = make(map[fhe.Form]fhe.Cost)
		first error
	)
	parallel.For(len(forms), func(i int) {
		cost, err := worst(forms[i])
		mu.Lock()
		defer mu.Unlock()
		costs[forms[i]] = cost
		if err != nil && first == nil {
			first = err
		}
	})
	return costs, first
}

// worst is the largest cost over clear values.
func worst(f fhe.Form) (most fhe.Cost, err error) {
	row, err := f.Op.Operator()
	if err != nil {
		return most, err
	}
	switch row.Shape {
	case fhe.Draw:
		return worstDraw(f)
	case fhe.Table:
		return lookupCost(row, f.Type)
	}
	for _, clear := range clears(f) {
		var c counter
		e := radix.NewEvaluator(small, &c)
		if err := evaluate(e, row, f, clear); err != nil {
			return most, fmt.Errorf("count %s on %s: %w", row.Name, f.Type, err)
		}
		most.Bootstraps = max(most.Bootstraps, c.Bootstraps)
		most.Depth = max(most.Depth, c.Depth)
	}
	return most, nil
}

// evaluate takes clear values of operands, by their places.
func evaluate(e *radix.Evaluator, row fhe.Operator, f fhe.Form, clear [3]*uint256.Int) error {
	var operands []radix.Operand
	for i, t := range row.Signature(f.Type, int(f.Count)) {
		if row.Shape == fhe.Convert {
			t = f.From
		}
		if f.Clear>>i&1 == 1 {
			operands = append(operands, radix.Clear(masked(clear[i], t)))
		} else {
			operands = append(operands, radix.Encrypted(ciphertext(t)))
		}
	}
	_, err := e.Eval(context.Background(), f.Op, f.Type, operands...)
	return err
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

// masked is v modulo 2^t.Bits().
func masked(v *uint256.Int, t fhe.Type) *uint256.Int {
	mask := new(uint256.Int).Lsh(uint256.NewInt(1), uint(t.Bits()))
	mask.SubUint64(mask, 1)
	return mask.And(mask, v)
}

// dearest are the dearest 64-bit factors that long searches by small changes from
// random starts have found; of 128 or 256 bits, the second makes the dearer bound.
var dearest = [...]uint64{0xcd5666a55659559a, 0x69555a5955658b2b}

// clears are clear values of operands, by their places: one value for all, or of
// mulDiv a factor and a divisor, of a choice two values.
func clears(f fhe.Form) (out [][3]*uint256.Int) {
	if f.Op == fhe.Select {
		return [][3]*uint256.Int{choice()}
	}
	if f.Op != fhe.MulDiv {
		for _, v := range clearValues(f) {
			out = append(out, [3]*uint256.Int{v, v, v})
		}
		return out
	}
	for _, factor := range factors(f) {
		for _, divisor := range divisors(f) {
			out = append(out, [3]*uint256.Int{nil, factor, divisor})
		}
	}
	return out
}

// choice is two values whose blocks are all pairs of different ones in turn: blocks
// of one pair share a bootstrap, and equal ones need none.
func choice() [3]*uint256.Int {
	const first, second = 0xfea540, 0x934e39 // 3 3 3 2 2 2 1 1 1 0 0 0, 2 1 0 3 1 0 3 2 0 3 2 1
	v, w := new(uint256.Int), new(uint256.Int)
	for range 11 { // of 24 bits each
		v.Lsh(v, 24).Or(v, uint256.NewInt(first))
		w.Lsh(w, 24).Or(w, uint256.NewInt(second))
	}
	return [3]*uint256.Int{nil, v, w}
}

// factors are clear factors of mulDiv, of which wide types afford few.
func factors(f fhe.Form) (vs []*uint256.Int) {
	if f.Clear&2 == 0 {
		return []*uint256.Int{nil}
	}
	if bits := f.Type.Bits(); bits == 8 || bits == 16 && f.Clear == 2 {
		for b := range uint64(256) {
			vs = append(vs, repeated(0x0101010101010101*b))
		}
	}
	random := rand.New(rand.NewPCG(2, uint64(f.Type)))
	for range min(64, 1024/f.Type.Bits()) {
		vs = append(vs, repeated(0xaaaaaaaaaaaaaaaa-random.Uint64()&0x5555555555555555))
	}
	for _, factor := range dearest {
		vs = append(vs, repeated(factor))
	}
	return vs
}

// clearValues are those among which the dearest is looked for: all that repeat
// one byte, which are all of 8 bits, and some pseudo-random ones, of any digits
// and of digits 1 and 2: the fuller a factor's recoding, the dearer. What is shifted
// is dear if its blocks vary.
func clearValues(f fhe.Form) (vs []*uint256.Int) {
	switch f.Op {
	case fhe.Div, fhe.Rem:
		return divisors(f)
	}
	if f.Clear == 0 {
		return []*uint256.Int{nil}
	}
	bytes, randoms := 256, 128
	if f.Type.Bits() > 64 {
		bytes, randoms = 16, 8
	}
	for b := range bytes {
		vs = append(vs, repeated(0x0101010101010101*uint64(b)))
	}
	random := rand.New(rand.NewPCG(1, uint64(f.Type)))
	for range randoms {
		v := random.Uint64()
		ones := v & 0x5555555555555555
		vs = append(vs, repeated(v), repeated(0xaaaaaaaaaaaaaaaa-ones))
		if f.Type.Bits() > 64 {
			vs = append(vs, &uint256.Int{v, random.Uint64(), random.Uint64(), random.Uint64()})
		}
	}
	for _, factor := range dearest {
		vs = append(vs, repeated(factor))
	}
	switch f.Op {
	case fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr:
		vs = append(vs, varied()...)
	}
	return vs
}

// varied are numbers whose blocks make de Bruijn sequences, either way and begun at several places:
// all their windows of two, three or four blocks differ, as far as there are as many.
// Where a clear value is shifted, what equal windows become is computed once.
func varied() (vs []*uint256.Int) {
	for n := 2; n <= 4; n++ {
		digits := deBruijn(n)
		for begin := 0; begin < len(digits); begin += len(digits) / 16 {
			v, back := new(uint256.Int), new(uint256.Int)
			for i := range 128 {
				d := uint256.NewInt(digits[(begin+i)%len(digits)])
				v.Lsh(v, 2).Or(v, d)
				back.Or(back, d.Lsh(d, uint(2*i)))
			}
			vs = append(vs, v, back)
		}
	}
	return vs
}

// deBruijn is the first cyclic sequence of base-4 digits, in the order of dictionaries,
// in which each n of them follow each other once.
func deBruijn(n int) (digits []uint64) {
	mask := uint64(1)<<(2*n) - 1
	seen := make(map[uint64]bool)
	for window := mask; len(digits) <= int(mask); {
		d := uint64(0)
		for d < 3 && seen[(window<<2|d)&mask] {
			d++
		}
		window = (window<<2 | d) & mask
		seen[window] = true
		digits = append(digits, d)
	}
	return digits
}

// divisors are clear values of a division. Its cost follows from the width of a
// clear divisor: a quotient and a remainder of half the blocks each are the
// dearest, or for a product, of all. Divisors of one width differ little; among
// those here are the least and the largest.
func divisors(f fhe.Form) (vs []*uint256.Int) {
	if f.Clear == 0 || f.Op == fhe.MulDiv && f.Clear&4 == 0 {
		return []*uint256.Int{nil}
	}
	bits := f.Type.Bits()
	switch {
	case f.Op == fhe.MulDiv && bits > 64:
		return []*uint256.Int{repeated(0xb6db6db6db6db6db)} // any of all bits
	case f.Op == fhe.MulDiv:
		return ofWidths(bits/2, bits/2+1, bits-1, bits)
	case f.Clear == 1: // a clear dividend saves next to nothing, whatever it is
		return ofWidths(bits)[1:]
	case bits > 64:
		return ofWidths(bits/2, bits/2+1, bits)[1:]
	}
	var widths []int
	for w := range bits {
		widths = append(widths, w+1)
	}
	return ofWidths(widths...)
}

// ofWidths are zero, and for each width the largest number of so many bits, the
// least odd one and one between.
func ofWidths(widths ...int) []*uint256.Int {
	vs := []*uint256.Int{new(uint256.Int)}
	for _, w := range widths {
		top := new(uint256.Int).Lsh(uint256.NewInt(1), uint(w-1))
		vs = append(vs, new(uint256.Int).Or(top, uint256.NewInt(1)), new(uint256.Int).SubUint64(top.Lsh(top, 1), 1))
		vs = append(vs, new(uint256.Int).Rsh(repeated(0xb6db6db6db6db6db), uint(256-w)))
	}
	return vs
}

// repeated is the number of 256 bits that repeats w.
func repeated(w uint64) *uint256.Int { return &uint256.Int{w, w, w, w} }
