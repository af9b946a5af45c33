package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
)

// restless is a chain, of hashes alone, whose top is replaced by other blocks
// while it is read: any call may find it changed since the last.
type restless struct {
	rng     *rand.Rand
	changes int // that are left
	hashes  []fhe.Digest
	parent  map[fhe.Digest]fhe.Digest
	changed chan struct{}
}

func newRestless(seed uint64) *restless {
	r := &restless{rng: rand.New(rand.NewPCG(seed, 21)), changes: 300, hashes: make([]fhe.Digest, 1), changed: make(chan struct{})}
	r.parent = map[fhe.Digest]fhe.Digest{}
	return r
}

func (r *restless) move() {
	if r.changes == 0 || r.rng.IntN(5) > 0 {
		return
	}
	r.changes--
	stay := len(r.hashes)
	if r.rng.IntN(2) == 0 {
		stay = max(1, stay-r.rng.IntN(8))
	}
	r.hashes = r.hashes[:stay]
	for range r.rng.IntN(6) {
		var h fhe.Digest
		binary.BigEndian.PutUint64(h[:], r.rng.Uint64())
		r.parent[h] = r.hashes[len(r.hashes)-1]
		r.hashes = append(r.hashes[:len(r.hashes):len(r.hashes)], h)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *restless) Changed() <-chan struct{} { return r.changed }

func (r *restless) Last(context.Context) (uint64, error) {
	r.move()
	return uint64(len(r.hashes) - 1), nil
}

func (r *restless) Hash(_ context.Context, number uint64) (fhe.Digest, error) {
	r.move()
	if number >= uint64(len(r.hashes)) {
		return fhe.Digest{}, fmt.Errorf("hash of block %d: %w", number, ErrUndone)
	}
	return r.hashes[number], nil
}

func (r *restless) Batch(_ context.Context, number uint64) (fhe.Batch, fhe.Digest, error) {
	r.move()
	if number >= uint64(len(r.hashes)) {
		return fhe.Batch{}, fhe.Digest{}, fmt.Errorf("batch of block %d: %w", number, ErrUndone)
	}
	h := r.hashes[number]
	return fhe.Batch{Number: number, Hash: h}, r.parent[h], nil
}

// However a chain changes between any two reads, what a sink holds is a chain at
// every moment, and in the end that one.
func TestFeedOfRestlessBlocks(t *testing.T) {
	for seed := range uint64(20) {
		r, m := newRestless(seed), new(memory)
		first := seed % 3 // the sink need not hold the chain from its beginning
		m.before = func(b fhe.Batch) error {
			if n := len(m.held); n > 0 && m.held[n-1].Hash != r.parent[b.Hash] {
				t.Errorf("seed %d: block %d is put on another's parent", seed, b.Number)
			}
			return nil
		}
		feed := NewFeed(r)
		for still := false; !still; {
			still = r.changes == 0
			reachOnce(t, feed, first+uint64(len(m.held)), m)
		}
		if uint64(len(m.held))+first != max(first, uint64(len(r.hashes))) {
			t.Fatalf("seed %d: %d blocks from %d on are held, want up to %d", seed, len(m.held), first, len(r.hashes)-1)
		}
		for _, b := range m.held {
			if b.Hash != r.hashes[b.Number] {
				t.Errorf("seed %d: block %d is held as %s", seed, b.Number, b.Hash)
			}
		}
	}
}

// reachOnce follows until the sink holds what the chain has.
func reachOnce(t *testing.T, f *Feed, next uint64, m *memory) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- f.Follow(ctx, next, m) }()
	err := f.Reach(ctx)
	stop()
	if ending := <-ended; err != nil || !errors.Is(ending, context.Canceled) {
		t.Fatalf("reach: %v; follow ended with %v", err, ending)
	}
}
