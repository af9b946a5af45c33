package main

import (
	"context"
	"os"
	"time"

	"fhevm/node/network"
)

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
	if err := r.add("dealer ceremony, committee of 4", time.Since(start).Seconds(), "s", 0); err != nil {
		return err
	}
	d, err := f.Description()
	if err != nil {
		return err
	}
	start = time.Now()
	key, err := f.SquashKey(d.Committee.Epoch.SquashKey)
	if err != nil {
		return err
	}
	defer key.Close()
	return r.add("squash key: open and check", ms(time.Since(start)), "ms", 0)
}
