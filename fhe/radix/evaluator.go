package radix

import (
	"context"
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Evaluator computes on ciphertexts. It is immutable and safe for concurrent
// use.
type Evaluator struct {
	params tfhe.Params
	boot   tfhe.Bootstrapper
	luts   map[*table]*tfhe.LUT
}

// NewEvaluator prepares all tables for p: 2 MB for tfhe.Default.
func NewEvaluator(p tfhe.Params, b tfhe.Bootstrapper) *Evaluator {
	e := &Evaluator{params: p, boot: b, luts: make(map[*table]*tfhe.LUT, len(tables))}
	for _, t := range tables {
		e.luts[t] = t.lut(&p)
	}
	return e
}

// Eval computes op on type t, which is the type of the result except for
// fhe.Compare, where it is the operands'. args are the encrypted operands in
// order; clear is the right operand where that is clear, else nil. The result
// shares no memory with args, which are left alone.
//
// It fails on operands that op does not take and when ctx ends or the
// Bootstrapper fails.
func (e *Evaluator) Eval(ctx context.Context, op fhe.Op, t fhe.Type, args []*Ciphertext, clear *uint256.Int) (*Ciphertext, error) {
	row, err := op.Operator()
	if err != nil {
		return nil, err
	}
	if err := e.checkOperands(row, t, args, clear); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", row.Name, t, err)
	}
	out := &Ciphertext{Type: row.Result(t)}
	if out.Blocks, err = e.eval(ctx, op, t, args, clear); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", row.Name, t, err)
	}
	return out, nil
}

func (e *Evaluator) checkOperands(row fhe.Operator, t fhe.Type, args []*Ciphertext, clear *uint256.Int) error {
	if err := checkClear(row, t, clear); err != nil {
		return err
	}
	want := row.Operands(t, clear != nil)
	if len(args) != len(want) {
		return fmt.Errorf("%d encrypted operands, want %d", len(args), len(want))
	}
	for i, a := range args {
		if row.Shape != fhe.Convert && a.Type != want[i] {
			return fmt.Errorf("operand %d is %s, want %s", i, a.Type, want[i])
		}
		if err := a.checkShape(e.params.BigDim() + 1); err != nil {
			return fmt.Errorf("operand %d: %w", i, err)
		}
	}
	return nil
}

func checkClear(row fhe.Operator, t fhe.Type, clear *uint256.Int) error {
	switch {
	case !row.On(t):
		return errors.New("operation is not defined on this type")
	case clear == nil && row.Shape == fhe.Encrypt:
		return errors.New("clear value is missing")
	case clear != nil && !row.Clear:
		return errors.New("takes no clear operand")
	case clear != nil && clear.BitLen() > t.Bits():
		return fmt.Errorf("clear value has %d bits", clear.BitLen())
	}
	return nil
}

func (e *Evaluator) eval(ctx context.Context, op fhe.Op, t fhe.Type, args []*Ciphertext, clear *uint256.Int) ([]tfhe.LWE, error) {
	p, err := compile(op, t, args, clear)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, p, blocks(args))
}

// blocks lists the blocks of all operands; they are the first sources of a
// circuit.
func blocks(args []*Ciphertext) (all []tfhe.LWE) {
	for _, a := range args {
		all = append(all, a.Blocks...)
	}
	return all
}
