package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/node/network"

	"github.com/holiman/uint256"
)

// engine measures bootstraps and operations.
func engine(ctx context.Context, f network.Folder, r *recorder) error {
	key, err := f.EvaluationKey()
	if err != nil {
		return err
	}
	e := tfhe.NewEngine(key, 0)
	defer e.Close()
	pk, err := f.PublicKey()
	if err != nil {
		return err
	}
	if err := bootstraps(ctx, e, pk, r); err != nil {
		return err
	}
	ev := radix.NewEvaluator(tfhe.Default, e)
	if err := operations(ctx, ev, pk, r); err != nil {
		return err
	}
	return transfer(ctx, ev, pk, r)
}

func bootstraps(ctx context.Context, e *tfhe.Engine, pk *tfhe.PublicKey, r *recorder) error {
	p := e.Params()
	lut := p.NewLUT(func(m int) uint64 { return uint64(m) << tfhe.DeltaLog })
	src, err := slots(p, pk, 256)
	if err != nil {
		return err
	}
	jobs := make([]tfhe.Job, len(src))
	for i := range jobs {
		jobs[i] = tfhe.Job{Src: src[i], LUT: lut, Dst: []tfhe.LWE{p.NewLWE()}}
	}
	one, err := median(21, func() error { return e.Bootstrap(ctx, jobs[:1]) })
	if err != nil {
		return err
	}
	r.add("bootstrap latency, alone", ms(one), "ms", 7.5)
	all, err := median(5, func() error { return e.Bootstrap(ctx, jobs) })
	r.add("bootstrap throughput, batched", float64(len(jobs))/all.Seconds(), "bootstraps/s", 400)
	return err
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

// encrypted expands fresh inputs of one type.
func encrypted(ctx context.Context, ev *radix.Evaluator, pk *tfhe.PublicKey, types ...fhe.Type) ([]*radix.Ciphertext, error) {
	list := &fhe.InputList{Types: types}
	n := 0
	for _, t := range types {
		n += t.Slots()
	}
	var err error
	if list.Mask, list.Bodies, err = pk.Encrypt(make([]uint8, n)); err != nil {
		return nil, err
	}
	return ev.Expand(ctx, list)
}

func operations(ctx context.Context, ev *radix.Evaluator, pk *tfhe.PublicKey, r *recorder) error {
	args, err := encrypted(ctx, ev, pk, fhe.Bool, fhe.Uint64, fhe.Uint64)
	if err != nil {
		return err
	}
	for _, op := range []fhe.Op{fhe.Add, fhe.Sub, fhe.Mul, fhe.Eq, fhe.Lt, fhe.Min, fhe.And, fhe.Select} {
		row, err := op.Operator()
		if err != nil {
			return err
		}
		operands := []radix.Operand{radix.Encrypted(args[1]), radix.Encrypted(args[2])}
		if row.Shape == fhe.Choose {
			operands = append([]radix.Operand{radix.Encrypted(args[0])}, operands...)
		}
		runs := 5
		if op == fhe.Mul {
			runs = 1
		}
		took, err := median(runs, func() error {
			_, err := ev.Eval(ctx, op, fhe.Uint64, operands...)
			return err
		})
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("uint64 %s latency (%d bootstraps)", row.Name, row.Bootstraps(fhe.Uint64, false)), ms(took), "ms", 0)
	}
	return nil
}

// transfer measures the operations of one confidential transfer: compare,
// select against zero, subtract, add.
func transfer(ctx context.Context, ev *radix.Evaluator, pk *tfhe.PublicKey, r *recorder) error {
	args, err := encrypted(ctx, ev, pk, fhe.Uint64, fhe.Uint64, fhe.Uint64)
	if err != nil {
		return err
	}
	from, to, amount := radix.Encrypted(args[0]), radix.Encrypted(args[1]), radix.Encrypted(args[2])
	zero, err := ev.Eval(ctx, fhe.Trivial, fhe.Uint64, radix.Clear(new(uint256.Int)))
	if err != nil {
		return err
	}
	took, err := median(5, func() error {
		may, err := ev.Eval(ctx, fhe.Le, fhe.Uint64, amount, from)
		if err != nil {
			return err
		}
		sent, err := ev.Eval(ctx, fhe.Select, fhe.Uint64, radix.Encrypted(may[0]), amount, radix.Encrypted(zero[0]))
		if err != nil {
			return err
		}
		if _, err := ev.Eval(ctx, fhe.Sub, fhe.Uint64, from, radix.Encrypted(sent[0])); err != nil {
			return err
		}
		_, err = ev.Eval(ctx, fhe.Add, fhe.Uint64, to, radix.Encrypted(sent[0]))
		return err
	})
	r.add("confidential transfer uint64, operations", ms(took), "ms", 0)
	return err
}

// squashing measures what a decryption asks of the coprocessor.
func squashing(ctx context.Context, f network.Folder, r *recorder) error {
	d, err := f.Description()
	if err != nil {
		return err
	}
	key, err := f.SquashKey(d.Committee.Epoch.SquashKey)
	if err != nil {
		return err
	}
	defer key.Close()
	evalKey, err := f.EvaluationKey()
	if err != nil {
		return err
	}
	pk, err := f.PublicKey()
	if err != nil {
		return err
	}
	e, err := squash.NewEngine(evalKey.Params(), evalKey.KeySwitchKey(), key)
	if err != nil {
		return err
	}
	in, err := slots(evalKey.Params(), pk, 16)
	if err != nil {
		return err
	}
	one, err := median(5, func() error { _, err := e.Squash(ctx, in[:1]); return err })
	if err != nil {
		return err
	}
	r.add("squash latency, one 4-bit block", ms(one), "ms", 0)
	all, err := median(3, func() error { _, err := e.Squash(ctx, in); return err })
	r.add("squash latency, uint64", ms(all), "ms", 0)
	return err
}

// keys measures the dealer ceremony and loading what it made.
func keys(_ context.Context, _ network.Folder, r *recorder) error {
	dir, err := os.MkdirTemp("", "fhevm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f := network.Folder(dir)
	start := time.Now()
	if err := f.DealDev(func(string, int, int) {}); err != nil {
		return err
	}
	r.add("dealer ceremony, committee of 4", time.Since(start).Seconds(), "s", 0)
	start = time.Now()
	d, err := f.Description()
	if err != nil {
		return err
	}
	key, err := f.SquashKey(d.Committee.Epoch.SquashKey)
	if err != nil {
		return err
	}
	defer key.Close()
	r.add("squash key: open and check", ms(time.Since(start)), "ms", 0)
	return nil
}
