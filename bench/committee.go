package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"fhevm/fhe"
	"fhevm/node"
	"fhevm/node/demo"
	"fhevm/node/network"

	"golang.org/x/sync/errgroup"
)

// lone is the number of decryptions one by one; the other holders ask at once.
const lone = 8

// committee measures decryptions of 64-bit values through parties, processes of this
// program, that have made their keys themselves.
func (o *options) committee(ctx context.Context, _ network.Folder, r *recorder) error {
	for _, c := range []struct {
		parties int
		measure func(context.Context, *load, *recorder) error
	}{{network.DevParties, decryptions}, {7, warm}} {
		if !o.only.has(keygenRow(c.parties)) {
			continue
		}
		if err := withCommittee(ctx, c.parties, r, c.measure); err != nil {
			return err
		}
	}
	return nil
}

// withCommittee makes a network's keys by n parties, and measures decryptions of a
// node that they serve.
func withCommittee(ctx context.Context, n int, r *recorder, measure func(context.Context, *load, *recorder) error) (err error) {
	dir, err := os.MkdirTemp("", "fhevm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := generation(ctx, dir, n, r); err != nil {
		return err
	}
	folder := network.Folder(filepath.Join(dir, "node"))
	if err := folder.Adopt(network.Folder(filepath.Join(party(dir, 0), "network"))); err != nil {
		return err
	}
	l, err := startLoad(ctx, node.Config{Network: folder, Remote: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	parties, err := serveParties(ctx, dir, n, l.node.RPC(), l.node.API(), "")
	defer func() { parties.stop() }()
	if err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if err := measure(ctx, l, r); err != nil || n != network.DevParties {
		return err
	}
	return l.recomputation(ctx, dir, &parties, r)
}

// serveParties starts the committee's processes, which ask the node at an API; own is the
// address of its coprocessor where they take its word alone.
func serveParties(ctx context.Context, dir string, n int, rpc, api, own string) (w workers, err error) {
	for i := range n {
		if err := w.start(ctx, nil, "-serve", party(dir, i), "-rpc", rpc, "-api", api, "-own", own); err != nil {
			return w, fmt.Errorf("start party %d: %w", i+1, err)
		}
	}
	return w, nil
}

// decryptions measures balances: the first time, when their squash is still to be
// made; again, when it is kept; and many at once.
func decryptions(ctx context.Context, l *load, r *recorder) error {
	first, err := l.oneByOne(ctx, l.holders[:lone])
	if err != nil {
		return err
	}
	again, err := l.oneByOne(ctx, l.holders[:lone])
	if err != nil {
		return err
	}
	cores := fmt.Sprintf(" on %d cores", runtime.NumCPU())
	if err := errors.Join(
		r.add("uint64 user decryption, not squashed yet,"+cores, median(first), "ms", 2500),
		r.add("uint64 user decryption, squashed before,"+cores, median(again), "ms", 150)); err != nil {
		return err
	}
	rest := l.holders[lone:]
	start := time.Now()
	if err := l.together(ctx, rest); err != nil {
		return err
	}
	fresh := time.Since(start).Seconds() / float64(len(rest))
	start = time.Now()
	if err := l.together(ctx, l.holders); err != nil {
		return err
	}
	kept := time.Since(start).Seconds() / float64(len(l.holders))
	return errors.Join(
		r.add(fmt.Sprintf("%d user decryptions, %d at once, not squashed yet, against one by one", len(rest), atOnce), median(first)/1000/fresh, "x", 5),
		r.add(fmt.Sprintf("%d user decryptions, %d at once, squashed before, against one by one", len(l.holders), atOnce), median(again)/1000/kept, "x", 5))
}

// warm measures balances whose squash is kept, by a committee of 7.
func warm(ctx context.Context, l *load, r *recorder) error {
	if _, err := l.oneByOne(ctx, l.holders[:lone]); err != nil {
		return err
	}
	times, err := l.oneByOne(ctx, l.holders[:lone])
	if err != nil {
		return err
	}
	return r.add(fmt.Sprintf("uint64 user decryption, committee of 7, squashed before, on %d cores", runtime.NumCPU()), median(times), "ms", 0)
}

// oneByOne returns the milliseconds of each.
func (l *load) oneByOne(ctx context.Context, holders []*demo.Account) (times []float64, err error) {
	for _, h := range holders {
		start := time.Now()
		if err := l.decrypt(ctx, h); err != nil {
			return nil, err
		}
		times = append(times, ms(time.Since(start)))
	}
	return times, nil
}

// atOnce is how many users' requests a node takes at a time; the others wait here.
const atOnce = 12

func (l *load) together(ctx context.Context, holders []*demo.Account) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, h := range slices.Clone(holders) {
		group.Go(func() error { return l.decrypt(ctx, h) })
	}
	return group.Wait()
}

func (l *load) decrypt(ctx context.Context, h *demo.Account) error {
	handle, err := l.token.Handle(ctx, "confidentialBalanceOf", h.Address())
	if err != nil {
		return err
	}
	value, err := h.Decrypt(ctx, l.wallet, fhe.Address(l.token.Address), handle)
	if err == nil && value.Uint64() != minted {
		err = fmt.Errorf("a balance is %v, want %d", value, minted)
	}
	return err
}

// serveParty is the life of a party's process.
func (o *options) serveParty(ctx context.Context) error {
	return node.RunParty(ctx, node.PartyConfig{
		Network: network.Folder(filepath.Join(o.serve, "network")), Identity: filepath.Join(o.serve, "party.identity"), DataDir: filepath.Join(o.serve, "data"),
		RPC: o.rpc, APIs: []string{o.api}, Own: o.own, Confirmations: -1, Ready: func(address, _ string) { fmt.Println("ready at", address) },
	})
}
