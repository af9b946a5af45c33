package main

import (
	"context"
	"runtime"

	"fhevm/coprocessor"
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
	storage coprocessor.Evaluator // packs and unpacks
	public  *tfhe.PublicKey
	random  *tfhe.Rerandomizer
	inputs  map[fhe.Type][]*radix.Ciphertext
}

// newMachine loads f's keys and starts a worker on each core.
func newMachine(f network.Folder) (*machine, error) {
	d, err := f.Description()
	if err != nil {
		return nil, err
	}
	key, err := f.EvaluationKey()
	if err != nil {
		return nil, err
	}
	m := &machine{workers: runtime.GOMAXPROCS(0), inputs: make(map[fhe.Type][]*radix.Ciphertext)}
	if m.public, err = f.PublicKey(); err != nil {
		return nil, err
	}
	m.random = tfhe.NewRerandomizer(m.public)
	m.engine = tfhe.NewEngine(key, m.workers)
	m.engine.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) {
		key, err := f.RandomKey(d.RandomKey)
		if err != nil {
			return nil, err
		}
		return key.BootstrapKey(), nil
	})
	m.Evaluator = radix.NewEvaluator(tfhe.Default, m.engine)
	m.storage = coprocessor.NewEvaluator(m.engine, m.public)
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
