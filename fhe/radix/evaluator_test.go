package radix

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

func TestEvalRefuses(t *testing.T) {
	x8, x16, bit := Encrypted(plain(fhe.Uint8, number(1))), Encrypted(plain(fhe.Uint16, number(1))), Encrypted(plain(fhe.Bool, number(1)))
	one := Clear(uint256.NewInt(1))
	wide := Clear(uint256.NewInt(1 << 8))
	for name, c := range map[string]struct {
		op       fhe.Op
		t        fhe.Type
		operands []Operand
	}{
		"unknown operation":       {63, fhe.Uint8, []Operand{x8, x8}},
		"unknown type":            {fhe.Add, 1, []Operand{x8, x8}},
		"add on bool":             {fhe.Add, fhe.Bool, []Operand{bit, bit}},
		"no operand":              {fhe.Add, fhe.Uint8, nil},
		"one operand":             {fhe.Add, fhe.Uint8, []Operand{x8}},
		"three operands":          {fhe.Add, fhe.Uint8, []Operand{x8, x8, x8}},
		"mixed types":             {fhe.Add, fhe.Uint8, []Operand{x8, x16}},
		"two clear":               {fhe.Add, fhe.Uint8, []Operand{one, one}},
		"neither":                 {fhe.Add, fhe.Uint8, []Operand{x8, {}}},
		"both":                    {fhe.Add, fhe.Uint8, []Operand{x8, {Encrypted: x8.Encrypted, Clear: one.Clear}}},
		"wide clear value":        {fhe.Add, fhe.Uint8, []Operand{x8, wide}},
		"clear for not":           {fhe.Not, fhe.Uint8, []Operand{one}},
		"trivial without value":   {fhe.Trivial, fhe.Uint8, nil},
		"trivial of a ciphertext": {fhe.Trivial, fhe.Uint8, []Operand{x8}},
		"trivial bool of 256":     {fhe.Trivial, fhe.Bool, []Operand{wide}},
		"integer condition":       {fhe.Select, fhe.Uint8, []Operand{x8, x8, x8}},
		"cast of unknown type":    {fhe.Cast, fhe.Uint8, []Operand{Encrypted(&Ciphertext{Type: 9})}},
		"cast without an operand": {fhe.Cast, fhe.Uint8, nil},
		"random values":           {fhe.Rand, fhe.Uint8, nil},
	} {
		if _, err := newPlain().Eval(t.Context(), c.op, c.t, c.operands...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEvalReportsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, y := Encrypted(plain(fhe.Uint8, number(1))), Encrypted(plain(fhe.Uint8, number(2)))
	if _, err := newPlain().Eval(ctx, fhe.And, fhe.Uint8, x, y); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Eval leaves operands alone, and results share no memory with them.
func TestEvalCopies(t *testing.T) {
	e := newPlain()
	for _, f := range narrow(16) {
		values := make([]*big.Int, len(f.types))
		for i := range values {
			values[i] = number(1)
		}
		operands := f.operands(values, func(_ int, t fhe.Type, v *big.Int) *Ciphertext { return plain(t, v) })
		digests := func() (all []fhe.Digest) {
			for _, o := range operands {
				if o.Encrypted != nil {
					all = append(all, o.Encrypted.Digest())
				}
			}
			return all
		}
		before := digests()
		out, err := e.Eval(t.Context(), f.row.Op, f.t, operands...)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		for _, c := range out {
			for _, b := range c.Blocks {
				for i := range b {
					b[i]++
				}
			}
		}
		if !slices.Equal(before, digests()) {
			t.Errorf("%v: operands changed", f)
		}
	}
}

// Public operands enter circuits as constants; a block that only looks public
// does not.
func TestPublicOperands(t *testing.T) {
	e := newPlain()
	out, err := e.Eval(t.Context(), fhe.Trivial, fhe.Uint8, Clear(uint256.NewInt(5)))
	if err != nil {
		t.Fatal(err)
	}
	five := out[0]
	mul, and := newForm(fhe.Mul, fhe.Uint8, 0).row, newForm(fhe.And, fhe.Uint8, 0).row
	p, err := compile(mul, fhe.Uint8, []Operand{Encrypted(five), Encrypted(five)})
	if err != nil || len(p.layers) != 0 {
		t.Errorf("product of public values has %d layers, %v", len(p.layers), err)
	}
	x := Encrypted(plain(fhe.Uint8, number(77)))
	sum, err := e.Eval(t.Context(), fhe.Add, fhe.Uint8, Encrypted(five), x)
	if err != nil || reveal(t, sum[0]).Uint64() != 82 {
		t.Errorf("5 + 77: %v", err)
	}
	for _, body := range []uint64{4 * tfhe.Delta, tfhe.Delta / 2} {
		five.Blocks[0][len(five.Blocks[0])-1] = body
		if p, err := compile(and, fhe.Uint8, []Operand{Encrypted(five), x}); err != nil || len(p.layers) == 0 {
			t.Errorf("block %#x taken for public, %v", body, err)
		}
	}
}
