package radix

import (
	"context"
	"errors"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

func TestEvalRefuses(t *testing.T) {
	x8, x16, bit := plain(fhe.Uint8, 1), plain(fhe.Uint16, 1), plain(fhe.Bool, 1)
	one := uint256.NewInt(1)
	wide := new(uint256.Int).Lsh(one, 8)
	for name, c := range map[string]struct {
		op    fhe.Op
		t     fhe.Type
		args  []*Ciphertext
		clear *uint256.Int
	}{
		"unknown operation":       {3, fhe.Uint8, []*Ciphertext{x8, x8}, nil},
		"unknown type":            {fhe.Add, 1, []*Ciphertext{x8, x8}, nil},
		"add on bool":             {fhe.Add, fhe.Bool, []*Ciphertext{bit, bit}, nil},
		"one operand":             {fhe.Add, fhe.Uint8, []*Ciphertext{x8}, nil},
		"three operands":          {fhe.Add, fhe.Uint8, []*Ciphertext{x8, x8, x8}, nil},
		"clear and two":           {fhe.Add, fhe.Uint8, []*Ciphertext{x8, x8}, one},
		"mixed types":             {fhe.Add, fhe.Uint8, []*Ciphertext{x8, x16}, nil},
		"wide clear value":        {fhe.Add, fhe.Uint8, []*Ciphertext{x8}, wide},
		"clear for not":           {fhe.Not, fhe.Uint8, []*Ciphertext{x8}, one},
		"trivial without value":   {fhe.Trivial, fhe.Uint8, nil, nil},
		"trivial bool of 256":     {fhe.Trivial, fhe.Bool, nil, wide},
		"integer condition":       {fhe.Select, fhe.Uint8, []*Ciphertext{x8, x8, x8}, nil},
		"cast of unknown type":    {fhe.Cast, fhe.Uint8, []*Ciphertext{{Type: 9}}, nil},
		"cast without an operand": {fhe.Cast, fhe.Uint8, nil, nil},
	} {
		if _, err := newPlain().Eval(t.Context(), c.op, c.t, c.args, c.clear); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEvalReportsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := plain(fhe.Uint8, 1)
	if _, err := newPlain().Eval(ctx, fhe.And, fhe.Uint8, []*Ciphertext{x, plain(fhe.Uint8, 2)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Eval leaves operands alone, and results share no memory with them.
func TestEvalCopies(t *testing.T) {
	e := newPlain()
	for _, f := range forms() {
		var args []*Ciphertext
		for _, typ := range f.args {
			args = append(args, plain(typ, 1))
		}
		var clear *uint256.Int
		if f.clear {
			clear = uint256.NewInt(1)
		}
		var before []fhe.Digest
		for _, a := range args {
			before = append(before, a.Digest())
		}
		out, err := e.Eval(t.Context(), f.row.Op, f.t, args, clear)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		for _, b := range out.Blocks {
			for i := range b {
				b[i]++
			}
		}
		for i, a := range args {
			if a.Digest() != before[i] {
				t.Errorf("%v: operand %d changed", f, i)
			}
		}
	}
}

// Public operands enter circuits as constants; a block that only looks public
// does not.
func TestPublicOperands(t *testing.T) {
	e := newPlain()
	five, err := e.Eval(t.Context(), fhe.Trivial, fhe.Uint8, nil, uint256.NewInt(5))
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(fhe.Mul, fhe.Uint8, []*Ciphertext{five, five}, nil)
	if err != nil || len(p.layers) != 0 {
		t.Errorf("product of public values has %d layers, %v", len(p.layers), err)
	}
	x := plain(fhe.Uint8, 77)
	sum, err := e.Eval(t.Context(), fhe.Add, fhe.Uint8, []*Ciphertext{five, x}, nil)
	if err != nil || reveal(t, sum) != 82 {
		t.Errorf("5 + 77: %v", err)
	}
	for _, body := range []uint64{4 * tfhe.Delta, tfhe.Delta / 2} {
		five.Blocks[0][len(five.Blocks[0])-1] = body
		if p, err := compile(fhe.And, fhe.Uint8, []*Ciphertext{five, x}, nil); err != nil || len(p.layers) == 0 {
			t.Errorf("block %#x taken for public, %v", body, err)
		}
	}
}
