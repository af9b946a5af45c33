package main

import (
	"context"
	"runtime"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
	"fhevm/node/network"
)

// machine is this machine's engine with operands for every operation.
type machine struct {
	engine  *tfhe.Engine
	workers int
	*radix.Evaluator
	public *tfhe.PublicKey
	inputs map[fhe.Type][]*radix.Ciphertext
	zero   *radix.Ciphertext // public, uint64
}

// newMachine loads f's keys and starts a worker on each core.
func newMachine(ctx context.Context, f network.Folder) (*machine, error) {
	key, err := f.EvaluationKey()
	if err != nil {
		return nil, err
	}
	public, err := f.PublicKey()
	if err != nil {
		return nil, err
	}
	m := &machine{workers: runtime.GOMAXPROCS(0), public: public, inputs: make(map[fhe.Type][]*radix.Ciphertext)}
	m.engine = tfhe.NewEngine(key, m.workers)
	m.Evaluator = radix.NewEvaluator(tfhe.Default, m.engine)
	zero, err := m.Eval(ctx, fhe.Trivial, fhe.Uint64, radix.Clear(new(uint256.Int)))
	if err != nil {
		return nil, err
	}
	m.zero = zero[0]
	return m, nil
}

// input is the i-th ciphertext of type t. It is encrypted when first used.
func (m *machine) input(ctx context.Context, t fhe.Type, i int) (radix.Operand, error) {
	for len(m.inputs[t]) <= i {
		list := &fhe.InputList{Types: []fhe.Type{t}}
		var err error
		if list.Mask, list.Bodies, err = m.public.Encrypt(make([]uint8, t.Slots())); err != nil {
			return radix.Operand{}, err
		}
		fresh, err := m.Expand(ctx, list)
		if err != nil {
			return radix.Operand{}, err
		}
		m.inputs[t] = append(m.inputs[t], fresh...)
	}
	return radix.Encrypted(m.inputs[t][i]), nil
}

// prepare returns o as a function that may run many times at once.
func (m *machine) prepare(ctx context.Context, o operation) (func() error, error) {
	if o.run != nil {
		return o.run(ctx, m)
	}
	row, err := o.op.Operator()
	if err != nil {
		return nil, err
	}
	types := row.Signature(o.typ, o.operands)
	operands := make([]radix.Operand, len(types))
	for i, t := range types {
		if operands[i], err = m.input(ctx, t, i); err != nil {
			return nil, err
		}
	}
	if o.clear != nil {
		operands[len(operands)-1] = radix.Clear(o.clear)
	}
	return func() error { _, err := m.Eval(ctx, o.op, o.typ, operands...); return err }, nil
}

// transfer is what a confidential transfer computes as contracts write it:
// move the amount if the balance covers it, else zero.
func transfer(ctx context.Context, m *machine) (func() error, error) {
	var arg [3]radix.Operand
	for i := range arg {
		var err error
		if arg[i], err = m.input(ctx, fhe.Uint64, i); err != nil {
			return nil, err
		}
	}
	from, to, amount, zero := arg[0], arg[1], arg[2], radix.Encrypted(m.zero)
	return func() error {
		covered, err := m.Eval(ctx, fhe.Ge, fhe.Uint64, from, amount)
		if err != nil {
			return err
		}
		sent, err := m.Eval(ctx, fhe.Select, fhe.Uint64, radix.Encrypted(covered[0]), amount, zero)
		if err != nil {
			return err
		}
		if _, err := m.Eval(ctx, fhe.Sub, fhe.Uint64, from, radix.Encrypted(sent[0])); err != nil {
			return err
		}
		_, err = m.Eval(ctx, fhe.Add, fhe.Uint64, to, radix.Encrypted(sent[0]))
		return err
	}, nil
}

// selectZero is a choice between a value and a public zero.
func selectZero(ctx context.Context, m *machine) (func() error, error) {
	value, err := m.input(ctx, fhe.Uint64, 0)
	if err != nil {
		return nil, err
	}
	control, err := m.input(ctx, fhe.Bool, 0)
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := m.Eval(ctx, fhe.Select, fhe.Uint64, control, value, radix.Encrypted(m.zero))
		return err
	}, nil
}

// slots makes n ciphertexts of public-key encryptions.
func slots(p *tfhe.Params, pk *tfhe.PublicKey, n int) ([]tfhe.LWE, error) {
	plain := make([]uint8, n)
	for i := range plain {
		plain[i] = uint8(i % tfhe.PlaintextModulus)
	}
	mask, bodies, err := pk.Encrypt(plain)
	if err != nil {
		return nil, err
	}
	out := make([]tfhe.LWE, n)
	for i := range out {
		out[i] = p.NewLWE()
		if err := p.ExtractSlot(out[i], mask, bodies, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}
