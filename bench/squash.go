package main

import (
	"context"
	"runtime"

	"fhevm/fhe/squash"
	"fhevm/node/network"
)

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
	var perCore float64 // of the last
	for _, c := range []struct {
		name   string
		blocks int
	}{{"squash latency, one 4-bit block", 1}, {"squash latency, uint64", 16}} {
		took, err := repeat(func() error { _, err := e.Squash(ctx, in[:c.blocks]); return err })
		if err != nil {
			return err
		}
		if err := r.add(c.name, took, "ms", 0); err != nil {
			return err
		}
		perCore = took * float64(runtime.GOMAXPROCS(0)) / float64(c.blocks)
	}
	return r.add("squash of uint64, per 4-bit block and core", perCore, "ms", 100)
}
