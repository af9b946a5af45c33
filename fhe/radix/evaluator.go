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
	unpack *tfhe.LUT
}

// NewEvaluator prepares all tables for p, 16 KB each for tfhe.Default.
func NewEvaluator(p tfhe.Params, b tfhe.Bootstrapper) *Evaluator {
	e := &Evaluator{params: p, boot: b, luts: make(map[*table]*tfhe.LUT, len(tables)), unpack: p.NewUnpackLUT()}
	for _, t := range tables {
		e.luts[t] = t.lut(&p)
	}
	return e
}

// Operand is an operand of an operation: either encrypted or clear. A clear
// value of a signed type is in two's complement of the type's width.
type Operand struct {
	Encrypted *Ciphertext
	Clear     *uint256.Int
}

// Encrypted is the operand c.
func Encrypted(c *Ciphertext) Operand { return Operand{Encrypted: c} }

// Clear is the public operand v.
func Clear(v *uint256.Int) Operand { return Operand{Clear: v} }

// Eval computes op on type t, which is the type of the first result, except for
// fhe.Compare, fhe.Member and fhe.Measure, where it is that of the first operand.
// The results share no memory with the operands, which are left alone.
//
// It fails on operands that op does not take and when ctx ends or the
// Bootstrapper fails. Draw and Table have methods of their own.
func (e *Evaluator) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...Operand) ([]*Ciphertext, error) {
	row, err := op.Operator()
	if err != nil {
		return nil, err
	}
	out, err := e.eval(ctx, row, t, operands)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", row.Name, t, err)
	}
	return out, nil
}

func (e *Evaluator) eval(ctx context.Context, row fhe.Operator, t fhe.Type, operands []Operand) ([]*Ciphertext, error) {
	if err := e.check(row, t, operands); err != nil {
		return nil, err
	}
	p, err := compile(row, t, operands)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, p, blocks(operands))
}

func (e *Evaluator) check(row fhe.Operator, t fhe.Type, operands []Operand) error {
	if !row.On(t) || circuits[row.Op] == nil {
		return errors.New("operation is not defined on this type")
	}
	if n := len(operands); n > fhe.MaxList || n != len(row.Signature(t, n)) || n < row.LeastOperands() {
		return fmt.Errorf("%d operands", n)
	}
	encrypted := 0
	for i, want := range row.Signature(t, len(operands)) {
		o := operands[i]
		if o.Encrypted != nil {
			encrypted++
			if row.Shape == fhe.Convert {
				want = o.Encrypted.Type
			}
		}
		clear := row.Clear && !(row.Shape == fhe.Choose && i == 0)
		if err := e.checkOperand(o, want, clear); err != nil {
			return fmt.Errorf("operand %d: %w", i, err)
		}
	}
	if (encrypted == 0) != (row.Shape == fhe.Encrypt) {
		return fmt.Errorf("%d encrypted operands", encrypted)
	}
	return nil
}

func (e *Evaluator) checkOperand(o Operand, want fhe.Type, clear bool) error {
	switch {
	case (o.Encrypted == nil) == (o.Clear == nil):
		return errors.New("want either a ciphertext or a clear value")
	case o.Clear != nil && !clear:
		return errors.New("takes no clear operand")
	case o.Clear != nil && o.Clear.BitLen() > want.Bits():
		return fmt.Errorf("clear value has %d bits, %s has %d", o.Clear.BitLen(), want, want.Bits())
	case o.Clear != nil:
		return nil
	case o.Encrypted.Type != want:
		return fmt.Errorf("is %s, want %s", o.Encrypted.Type, want)
	}
	return o.Encrypted.checkShape(e.params.BigDim() + 1)
}

// blocks lists the blocks of all encrypted operands; they are the first sources
// of a circuit.
func blocks(operands []Operand) (all []tfhe.LWE) {
	for _, o := range operands {
		if o.Encrypted != nil {
			all = append(all, o.Encrypted.Blocks...)
		}
	}
	return all
}

// job prepares a bootstrap of src by t.
func (e *Evaluator) job(t *table, src tfhe.LWE) tfhe.Job {
	j := tfhe.Job{Src: src, LUT: e.luts[t], Dst: make([]tfhe.LWE, len(t.fs))}
	for i := range j.Dst {
		j.Dst[i] = e.params.NewLWE()
	}
	return j
}
