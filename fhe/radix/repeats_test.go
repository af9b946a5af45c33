package radix

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Operands need not have noise of their own: blocks repeat within a value and
// between values, as complements too, and are public or results of the very
// bootstraps that an operation makes. The tests here build such operands, and
// count noise by what ciphertexts are, not by what the builder thinks of them.

// pool is a stock of blocks to build operands of.
type pool struct {
	*rand.Rand
	e     *Evaluator
	bits  []tfhe.LWE // of bools
	ints  []tfhe.LWE
	fresh float64 // how likely a block is a new one
}

func newPool(e *Evaluator, seed uint64) *pool {
	p := &pool{Rand: rand.New(rand.NewPCG(seed, 1)), e: e}
	p.fresh = p.Float64()
	return p
}

// operand draws a value of type t; its blocks are public, new, or any of the
// stock or their complements.
func (p *pool) operand(t fhe.Type) *Ciphertext {
	c := &Ciphertext{Type: t}
	public := p.Float64() / 2 * float64(p.IntN(2))
	for range t.Blocks() {
		switch {
		case p.Float64() < public:
			b := plainParams.NewLWE()
			b.Trivial(tfhe.Delta * uint64(p.IntN(top(t)+1)))
			c.Blocks = append(c.Blocks, b)
		default:
			c.Blocks = append(c.Blocks, p.block(t))
		}
	}
	return c
}

func (p *pool) block(t fhe.Type) tfhe.LWE {
	stock := &p.ints
	if t == fhe.Bool {
		stock = &p.bits
	}
	if len(*stock) == 0 || p.Float64() < p.fresh {
		*stock = append(*stock, plain(t, number(uint64(p.IntN(top(t)+1)))).Blocks[0])
	}
	b := (*stock)[p.IntN(len(*stock))]
	if p.IntN(3) > 0 {
		return b
	}
	not := plainParams.NewLWE()
	not.Trivial(tfhe.Delta * uint64(top(t)))
	not.Sub(not, b)
	return not
}

// keep puts the blocks of c in stock.
func (p *pool) keep(c *Ciphertext) {
	if c.Type == fhe.Bool {
		p.bits = append(p.bits, c.Blocks...)
	} else {
		p.ints = append(p.ints, c.Blocks...)
	}
}

// trueNorm2 is the 2-norm squared of w in independent noise, which masks tell
// apart.
func trueNorm2(w wire, values []tfhe.LWE) (n int) {
	factors := make(map[[2]uint64]int)
	for _, t := range w.terms {
		b := values[t.index]
		key := block{ciphertext: b}.maskKey()
		if key == [2]uint64{b[0], b[1]} {
			factors[key] += t.factor
		} else {
			factors[key] -= t.factor
		}
	}
	delete(factors, [2]uint64{})
	for _, f := range factors {
		n += f * f
	}
	return n
}

// run evaluates f on operands of the pool and checks noise, cost and result.
func (p *pool) run(f form) ([]*Ciphertext, error) {
	values := f.draw(p.Rand)
	operands := f.operands(values, func(i int, t fhe.Type, _ *big.Int) *Ciphertext {
		a := p.operand(t)
		values[i] = value(a)
		return a
	})
	out, n, err := p.evaluate(f, operands)
	if err != nil {
		return nil, err
	}
	if most := f.cost().Bootstraps; n > most {
		return nil, fmt.Errorf("%d bootstraps, %d paid", n, most)
	}
	for i, want := range f.expected(values) {
		if got := value(out[i]); got.Cmp(want) != 0 {
			return nil, fmt.Errorf("%x gives %#x, want %#x", values, got, want)
		}
	}
	return out, nil
}

func (p *pool) evaluate(f form, operands []Operand) ([]*Ciphertext, int, error) {
	prog, err := compile(f.row, f.t, operands)
	if err != nil {
		return nil, 0, err
	}
	x, n := p.e.execution(prog, blocks(operands)), 0
	for _, layer := range prog.layers {
		n += len(layer)
		for _, s := range layer {
			if got := trueNorm2(s.input, x.values); got > tfhe.MaxNorm2 {
				return nil, 0, fmt.Errorf("true 2-norm squared %d, counted %d", got, s.input.norm2())
			}
		}
		if err := x.runLayer(context.Background(), layer, nil); err != nil {
			return nil, 0, err
		}
	}
	return x.results(prog), n, nil
}

// value is what a ciphertext of the plain bootstrapper holds.
func value(c *Ciphertext) *big.Int {
	v := new(big.Int)
	for _, b := range slices.Backward(c.Blocks) {
		v.Lsh(v, messageBits).Or(v, number(b[len(b)-1]/tfhe.Delta))
	}
	return v
}

// Any operation on any operands stays within the noise budget and within what
// its gas pays for, and is right.
func TestRepeatedBlocks(t *testing.T) {
	e, fs := newPlain(), narrow(64)
	for seed := range uint64(400) {
		p := newPool(e, seed)
		for range 40 {
			f := fs[p.IntN(len(fs))]
			if n := f.cost().Bootstraps; n > 50 && p.IntN(n/50+1) > 0 {
				continue
			}
			out, err := p.run(f)
			if err != nil {
				t.Fatalf("seed %d: %v: %v", seed, f, err)
			}
			for _, c := range out {
				p.keep(c)
			}
		}
		p.checkMasks(t)
	}
}

// Products in which rows of one factor repeat: some of its digits are public,
// and equal products stand in neighbouring columns.
func TestPartlyPublicFactors(t *testing.T) {
	p := newPool(newPlain(), 1)
	for _, c := range []struct {
		t      fhe.Type
		digits string // lowest first, e is encrypted
		factor uint64
	}{
		{fhe.Uint64, "eeeeee00e01eeeeee13ee2ee32eeeeeee", 0xb},
		{fhe.Uint32, "eeeeeeeeeeeeeeee", 0x526eb2},
		{fhe.Uint32, "e1ee2ee3e0eeeeee", 0x526eb2},
	} {
		x := plain(c.t, number(0x123456789abcdef0&(1<<c.t.Bits()-1)))
		for i, b := range x.Blocks {
			if d := c.digits[i]; d != 'e' {
				b.Trivial(tfhe.Delta * uint64(d-'0'))
			}
		}
		f := newForm(fhe.Mul, c.t, 2)
		out, n, err := p.evaluate(f, []Operand{Encrypted(x), Clear(uint256.NewInt(c.factor))})
		if err != nil {
			t.Fatalf("%s: %v", c.digits, err)
		}
		want := f.expected([]*big.Int{value(x), number(c.factor)})[0]
		if got := value(out[0]); got.Cmp(want) != 0 || n > f.cost().Bootstraps {
			t.Errorf("%s: got %#x in %d bootstraps, want %#x", c.digits, got, n, want)
		}
	}
}

// Pairing equal blocks, as select makes them of public digits, has the largest
// 2-norm: blocks of one mask are equal or complements. It is within the budget.
func TestPairEqualBlocks(t *testing.T) {
	p := newPool(newPlain(), 1)
	args := []*Ciphertext{plain(fhe.Bool, number(1)), plain(fhe.Uint64, number(math.MaxUint64/3)), plain(fhe.Uint64, number(0))}
	for _, a := range args[1:] {
		for _, b := range a.Blocks {
			b.Trivial(b[len(b)-1])
		}
	}
	results, _, err := p.evaluate(newForm(fhe.Select, fhe.Uint64, 0), []Operand{Encrypted(args[0]), Encrypted(args[1]), Encrypted(args[2])})
	if err != nil {
		t.Fatal(err)
	}
	out := results[0]
	x, y := &source{index: 0}, &source{index: 1}
	norm2 := trueNorm2(pair(x.wire(), y.wire()), out.Blocks)
	if want := (1 + base) * (1 + base); norm2 != want || norm2 > tfhe.MaxNorm2 {
		t.Errorf("2-norm squared %d, want %d and at most %d", norm2, want, tfhe.MaxNorm2)
	}
}

// No operation leaves blocks that differ by a constant, but results would be
// right if one did.
func TestShiftedBlocks(t *testing.T) {
	p := newPool(newPlain(), 1)
	for _, f := range narrow(64) {
		if len(f.types) != 2 || f.t == fhe.Bool || f.clear != 0 || f.types[1] != f.t {
			continue
		}
		x, more, less := plain(f.t, number(0x1219291a0121a421)), &Ciphertext{Type: f.t}, &Ciphertext{Type: f.t}
		one := plainParams.NewLWE()
		one.Trivial(tfhe.Delta)
		for _, b := range x.Blocks {
			y, z := plainParams.NewLWE(), plainParams.NewLWE()
			y.Add(b, one)
			z.Sub(one, b)
			z.Add(z, one)
			more.Blocks, less.Blocks = append(more.Blocks, y), append(less.Blocks, z)
		}
		for _, y := range []*Ciphertext{more, less} {
			out, _, err := p.evaluate(f, []Operand{Encrypted(x), Encrypted(y)})
			if err != nil {
				t.Fatalf("%v: %v", f, err)
			}
			for i, want := range f.expected([]*big.Int{value(x), value(y)}) {
				if got := value(out[i]); got.Cmp(want) != 0 {
					t.Errorf("%v: got %#x, want %#x", f, got, want)
				}
			}
		}
	}
}

// What mul adds up on its way are no blocks that an operand may hold. Else a
// block of 9*x could be charged for 2*y and the very same bootstrap of y again.
func TestInnerSourcesStayInside(t *testing.T) {
	p := newPool(newPlain(), 1)
	f := newForm(fhe.Mul, fhe.Uint32, 2)
	y := plain(fhe.Uint32, number(0x12345678))
	results, _, err := p.evaluate(f, []Operand{Encrypted(y), Clear(uint256.NewInt(2))})
	if err != nil {
		t.Fatal(err)
	}
	twice := results[0]
	x := &Ciphertext{Type: fhe.Uint32, Blocks: append([]tfhe.LWE(nil), y.Blocks...)}
	for i := range len(x.Blocks) - 2 {
		x.Blocks[i+2] = twice.Blocks[i]
		if _, _, err := p.evaluate(f, []Operand{Encrypted(x), Clear(uint256.NewInt(9))}); err != nil {
			t.Error(err)
		}
		x.Blocks[i+2] = y.Blocks[i+2]
	}
}

// checkMasks checks that blocks of one mask are equal or complements.
func (p *pool) checkMasks(t *testing.T) {
	t.Helper()
	seen := make(map[[2]uint64]uint64)
	for _, b := range p.ints {
		body, key := b[len(b)-1], block{ciphertext: b}.maskKey()
		if key == [2]uint64{} {
			continue
		}
		if key != [2]uint64{b[0], b[1]} {
			body = 3*tfhe.Delta - body
		}
		if other, ok := seen[key]; ok && other != body {
			t.Errorf("blocks %x with bodies %#x and %#x", key, body, other)
		}
		seen[key] = body
	}
}

// Two digits of a difference or of a sum, which is one of complements, have one
// number of their sign that needs no bootstrap and has room for a borrow where
// that matters, whatever blocks they are made of.
func TestSignPairs(t *testing.T) {
	c := newCircuit()
	var blocks []wire
	for v := range base {
		blocks = append(blocks, constant(v))
	}
	for range 4 {
		w := c.input(base - 1).wire()
		blocks = append(blocks, w, constant(base-1).minus(w))
	}
	for i := range len(blocks) * len(blocks) * len(blocks) * len(blocks) {
		var x [4]wire
		for j := range x {
			x[j], i = blocks[i%len(blocks)], i/len(blocks)
		}
		d := difference(x[:2], x[2:])
		p := c.signPair(d[0], d[1])
		n := p.norm2()
		if p.hasZero() {
			n++ // a borrow
		}
		if len(c.steps) > 0 || n > tfhe.MaxNorm2 {
			t.Fatalf("digits %v and %v of %v", d[0], d[1], x)
		}
	}
}

// The remainder by zero is the dividend, however few blocks of the zero are secret.
func TestWidenedZeroDivisor(t *testing.T) {
	e := newPlain()
	for _, narrow := range []fhe.Type{fhe.Uint8, fhe.Uint16} {
		zero, err := e.Eval(t.Context(), fhe.Cast, fhe.Uint32, Encrypted(plain(narrow, number(0))))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range []fhe.Type{fhe.Uint32, fhe.Int32} {
			x, y := plain(typ, number(0x89abcdef)), &Ciphertext{Type: typ, Blocks: zero[0].Blocks}
			for op, want := range map[fhe.Op]uint64{fhe.Div: math.MaxUint32, fhe.Rem: 0x89abcdef} {
				out, err := e.Eval(t.Context(), op, typ, Encrypted(x), Encrypted(y))
				if err != nil {
					t.Fatal(err)
				}
				if got := reveal(t, out[0]); got.Uint64() != want {
					t.Errorf("%s of %s by a zero of %s: %#x, want %#x", op, typ, narrow, got, want)
				}
			}
		}
	}
}
