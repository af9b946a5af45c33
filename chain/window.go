package chain

import (
	"context"
	"fmt"
	"sync"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"golang.org/x/sync/errgroup"
)

// Catching up reads so many headers in one request, and so many blocks' receipts
// at a time.
const (
	maxWindow   = 64
	maxReceipts = 8
)

// remoteBlocks are the blocks of a remote chain that count, with the logs of the
// system contracts at some addresses.
type remoteBlocks struct {
	*Remote
	sources map[sourceKey]source
	senders []common.Address // of the logs

	mu     sync.Mutex
	last   uint64 // the present last block
	window map[uint64]*blockReceipts
	first  uint64 // where a long catching up began
}

type blockReceipts struct {
	*block
	receipts types.Receipts
}

// Feed reads the chain's blocks, with system contracts of a network of the given
// domain at the given addresses.
func (r *Remote) Feed(at contracts.Addresses, domain fhe.Domain) *Feed {
	return NewFeed(&remoteBlocks{
		Remote: r, sources: sources(at, domain),
		senders: []common.Address{common.Address(at.ACL), common.Address(at.Executor), common.Address(at.InputVerifier)},
	})
}

// Changed implements Blocks.
func (r *remoteBlocks) Changed() <-chan struct{} { return r.changed.wait() }

// Last implements Blocks. What the chain has called finalized stays so: an
// endpoint of several machines may not have heard of it everywhere.
func (r *remoteBlocks) Last(ctx context.Context) (uint64, error) {
	var number uint64
	err := r.again(ctx, "last block", func(ctx context.Context) error {
		if err := r.recognise(ctx); err != nil {
			return err
		}
		h, err := r.cfg.Depth.last(ctx, r.client)
		if err != nil {
			return err
		}
		number = h.Number.Uint64()
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cfg.Depth == Finalized {
		number = max(number, r.last)
	}
	r.last, r.window, r.first = number, nil, 0
	return number, err
}

// Hash implements Blocks.
func (r *remoteBlocks) Hash(ctx context.Context, number uint64) (hash fhe.Digest, err error) {
	err = r.again(ctx, fmt.Sprintf("block %d", number), func(ctx context.Context) error {
		b, err := r.block(ctx, number)
		if err == nil {
			hash = fhe.Digest(b.hash)
		}
		return err
	})
	return hash, err
}

// Batch implements Blocks.
func (r *remoteBlocks) Batch(ctx context.Context, number uint64) (b fhe.Batch, parent fhe.Digest, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.window[number] == nil {
		if err := r.again(ctx, fmt.Sprintf("block %d", number), func(ctx context.Context) error { return r.fill(ctx, number) }); err != nil {
			return b, parent, err
		}
	}
	found := r.window[number]
	delete(r.window, number)
	b, err = batch(r.sources, found.header, found.receipts)
	return b, fhe.Digest(found.header.ParentHash), err
}

// fill reads the window of blocks from number on.
func (r *remoteBlocks) fill(ctx context.Context, number uint64) error {
	headers, err := r.blocks(ctx, number, min(maxWindow, r.last-number+1))
	if err != nil {
		return err
	}
	window := make([]*blockReceipts, len(headers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReceipts)
	for i, h := range headers {
		window[i] = &blockReceipts{block: h}
		if !r.mayHold(h.header.Bloom) {
			continue
		}
		g.Go(func() (err error) {
			window[i].receipts, err = r.receipts(ctx, h)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	r.window = make(map[uint64]*blockReceipts, len(window))
	for i, w := range window {
		r.window[number+uint64(i)] = w
	}
	r.report(number + uint64(len(window)) - 1)
	return nil
}

// mayHold reports whether a block's bloom filter, to which its hash commits,
// leaves it open that a system contract logged something.
func (r *remoteBlocks) mayHold(bloom types.Bloom) bool {
	for _, a := range r.senders {
		if bloom.Test(a.Bytes()) {
			return true
		}
	}
	return false
}

// report tells how far a catching up of more than a window is.
func (r *remoteBlocks) report(read uint64) {
	if r.first == 0 {
		r.first = read + 1
		return
	}
	r.cfg.Progress(read+1-r.first, r.last+1-r.first)
}
