package chain

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"

	"fhevm/fhe"
)

// ErrUndone says that a block was undone while it was read.
var ErrUndone = errors.New("the block was undone")

// Blocks are the final blocks of a chain. On a development chain final blocks
// may be undone and others take their numbers.
type Blocks interface {
	// Changed is closed when another block is the last, at the latest some time
	// after it. Followers take it before they read.
	Changed() <-chan struct{}
	// Last is the number of the last block.
	Last(context.Context) (uint64, error)
	// Hash is that of a block up to the last; ErrUndone where it is there no more.
	Hash(ctx context.Context, number uint64) (fhe.Digest, error)
	// Batch reads a block up to the last, and the hash of its parent; ErrUndone
	// where it is there no more.
	Batch(ctx context.Context, number uint64) (b fhe.Batch, parent fhe.Digest, err error)
}

// Sink receives the log. What it has taken is durable.
type Sink interface {
	// Append takes the next block.
	Append(fhe.Batch) error
	// Revert undoes all blocks above number, which it holds or which is before
	// the first that it holds.
	Revert(number uint64) error
	// BlockHash is the hash of a block that it holds.
	BlockHash(number uint64) (hash fhe.Digest, held bool, err error)
}

// Feed hands the ordered log of a chain's blocks to one sink. Make it with
// NewFeed; its methods are safe for concurrent use.
type Feed struct {
	blocks Blocks

	mu      sync.Mutex
	waiting []chan struct{} // calls of Reach
	asked   chan struct{}
}

// NewFeed reads the given blocks.
func NewFeed(b Blocks) *Feed { return &Feed{blocks: b, asked: make(chan struct{}, 1)} }

// Follow gives the sink every final block from number next on, in order and
// without a gap, waiting for new ones, until ctx or the sink fails; it returns
// that error. next is the number behind the last block that the sink holds, or
// of the first that it is to hold. A block without entries is given too, so that
// the sink's cursor moves.
//
// Where the chain has undone blocks that the sink holds, now or while nobody
// followed, the sink undoes them first, down to the last that both have.
//
// However slow the sink is, block production does not wait for it.
func (f *Feed) Follow(ctx context.Context, next uint64, sink Sink) error {
	for {
		changed := f.blocks.Changed() // before reading, so that no change slips between
		calls := f.calls()
		var err error
		switch next, err = f.catchUp(ctx, next, sink); {
		case err == nil:
			f.release(calls)
		case !errors.Is(err, ErrUndone): // else the blocks change now
			return err
		}
		select {
		case <-changed:
		case <-f.asked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Block reads one block again that the sink has taken.
func (f *Feed) Block(ctx context.Context, number uint64) (fhe.Batch, error) {
	b, _, err := f.blocks.Batch(ctx, number)
	return b, err
}

// Reach waits until the sink holds the final blocks, and no others, that the
// chain had when the call began, or later ones. Somebody must follow.
func (f *Feed) Reach(ctx context.Context) error {
	reached := make(chan struct{})
	f.mu.Lock()
	f.waiting = append(f.waiting, reached)
	f.mu.Unlock()
	select {
	case f.asked <- struct{}{}:
	default:
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// calls counts the calls of Reach that wait.
func (f *Feed) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}

// release ends the first n of them.
func (f *Feed) release(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, reached := range f.waiting[:n] {
		close(reached)
	}
	f.waiting = f.waiting[n:]
}

// catchUp brings the sink from block next on to the chain's present last block
// and returns the number behind that.
func (f *Feed) catchUp(ctx context.Context, next uint64, sink Sink) (uint64, error) {
	last, err := f.blocks.Last(ctx)
	if err != nil {
		return next, err
	}
	if next, err = f.rewind(ctx, next, last, sink); err != nil {
		return next, err
	}
	for ; next <= last; next++ {
		if err := ctx.Err(); err != nil {
			return next, err
		}
		if err := f.give(ctx, next, sink); err != nil {
			return next, err
		}
	}
	return next, nil
}

// give hands one block to the sink, if it is a child of the block that the sink
// holds below.
func (f *Feed) give(ctx context.Context, number uint64, sink Sink) error {
	b, parent, err := f.blocks.Batch(ctx, number)
	if err != nil {
		return err
	}
	if number > 0 {
		hash, held, err := sink.BlockHash(number - 1)
		if err != nil {
			return err
		}
		if held && hash != parent {
			return fmt.Errorf("deliver block %d: its parent is another: %w", number, ErrUndone)
		}
	}
	if err := sink.Append(b); err != nil {
		return fmt.Errorf("deliver block %d: %w", number, err)
	}
	return nil
}

// rewind has the sink undo the blocks below next that are not on the chain,
// whose last one is given, and returns the number behind those that stay.
func (f *Feed) rewind(ctx context.Context, next, last uint64, sink Sink) (uint64, error) {
	if next == 0 {
		return 0, nil
	}
	undone, err := f.undone(ctx, next-1, last, sink)
	if !undone || err != nil {
		return next, err
	}
	first := sort.Search(int(next-1), func(n int) bool {
		undone, failed := f.undone(ctx, uint64(n), last, sink)
		err = errors.Join(err, failed)
		return undone
	})
	switch {
	case err != nil:
		return next, err
	case first == 0:
		return next, errors.New("block 0 is another: what was made so far belongs to another chain")
	}
	if err := sink.Revert(uint64(first) - 1); err != nil {
		return next, fmt.Errorf("undo the blocks from %d on: %w", first, err)
	}
	return uint64(first), nil
}

// undone reports whether the sink holds a block that is not on the chain. The
// blocks above such a one are not there either.
func (f *Feed) undone(ctx context.Context, number, last uint64, sink Sink) (bool, error) {
	held, ok, err := sink.BlockHash(number)
	if !ok || err != nil {
		return false, err
	}
	if number > last {
		return true, nil
	}
	hash, err := f.blocks.Hash(ctx, number)
	return hash != held, err
}
