package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"fhevm/node"
	"fhevm/node/network"
)

// recomputation measures a transfer together with the decryption of the balance that it
// leaves, one by one: by parties that take the word of the node that wallets ask; then by
// parties with a node of their own, which computes and squashes everything once more, on
// the same processor.
func (l *load) recomputation(ctx context.Context, dir string, parties *workers, r *recorder) (err error) {
	believed, err := l.movements(ctx)
	if err != nil {
		return err
	}
	folder := network.Folder(filepath.Join(dir, "own"))
	address, err := folder.Coprocessor()
	if err != nil {
		return err
	}
	if err := folder.Adopt(network.Folder(filepath.Join(dir, "node"))); err != nil {
		return err
	}
	own, err := startLoad(ctx, node.Config{Network: folder, Remote: true, Attach: &node.Attach{URL: l.node.RPC(), Confirmations: -1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stop()) }()
	n := len(*parties)
	parties.stop()
	if *parties, err = serveParties(ctx, dir, n, l.node.RPC(), own.node.API(), address.String()); err != nil {
		return err
	}
	if err := l.regain(ctx); err != nil {
		return err
	}
	recomputed, err := l.movements(ctx)
	if err != nil {
		return err
	}
	cores := fmt.Sprintf(" on %d cores", runtime.NumCPU())
	return errors.Join(
		r.add("uint64 transfer and user decryption,"+cores, median(believed), "ms", 0),
		r.add("uint64 transfer and user decryption, parties recompute,"+cores, median(recomputed), "ms", 0))
}

// movements are transfers of nothing, which leave balances as they are, each with the
// milliseconds from its transaction until its sender knows the balance.
func (l *load) movements(ctx context.Context) (times []float64, err error) {
	for i, h := range l.holders[:lone] {
		input, err := l.encrypt(ctx, h, 0)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		if err := l.send(ctx, prepared{h, l.holders[i+1], input}); err != nil {
			return nil, err
		}
		if err := l.decrypt(ctx, h); err != nil {
			return nil, err
		}
		times = append(times, ms(time.Since(start)))
	}
	return times, nil
}

// regainTime is how long parties that begin anew may take to be reached, and their node
// to compute what there is.
const regainTime = 10 * time.Minute

// regain waits until all balances are decrypted again.
func (l *load) regain(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, regainTime)
	defer cancel()
	for {
		if err = l.together(ctx, l.holders); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}
