package coprocessor

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
)

// TestPrunedIsComputedAgain prunes all that may be pruned behind every block, and
// then has the log want values whose operands were pruned: their digests are
// those of a machine that never pruned.
func TestPrunedIsComputedAgain(t *testing.T) {
	for seed := range uint64(3) {
		log := program(500 + seed)
		all := make(map[fhe.Handle]bool)
		for h := range log.Kinds {
			all[h] = true
		}
		late := fhe.Batch{Number: uint64(len(log.Blocks)) + 1}
		for h := range all {
			late.Entries = append(late.Entries, fhe.Entry{Wanted: &h})
		}
		blocks := append(log.Blocks[:len(log.Blocks):len(log.Blocks)], late)

		calm := start(t, vfs.NewMem(), newPlainEvaluator())
		calm.feed(t, blocks...)
		calm.drain(t)
		want := calm.digests(t, blocks)
		calm.stop(t)

		m := start(t, vfs.NewMem(), newPlainEvaluator(), withSquasher)
		pruned := uint64(0)
		for _, b := range blocks {
			m.feed(t, b)
			m.drain(t)
			for range 2 { // also while nothing waits and while all is there
				p, err := m.prune(t.Context(), everything)
				if err != nil {
					t.Fatal(err)
				}
				pruned += p.Packed.Records
			}
			for _, h := range wantedIn([]fhe.Batch{b}) {
				if _, err := m.Ciphertext(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				if _, err := m.Squashed(t.Context(), h); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := m.digests(t, blocks); !maps.Equal(got, want) {
			t.Errorf("seed %d: other digests after pruning", seed)
		}
		if pruned == 0 || m.Stats().Pruned < pruned || m.Stats().Damaged > 0 {
			t.Errorf("seed %d: %d packed results were pruned: %+v", seed, pruned, m.Stats())
		}
		m.verify(t, seed)
		m.stop(t)
	}
}

// TestTidy lets a running machine prune by itself, beside its computations.
func TestTidy(t *testing.T) {
	log := program(520)
	want := undisturbed(t, log)
	m := start(t, vfs.NewMem(), newPlainEvaluator())
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- m.Tidy(ctx, 1) }()
	for _, b := range log.Blocks {
		m.feed(t, b)
	}
	m.drain(t)
	next := uint64(len(log.Blocks))
	for deadline := time.Now().Add(5 * time.Minute); m.Stats().Pruned == 0; next++ {
		if time.Now().After(deadline) {
			t.Fatal("nothing was pruned")
		}
		m.feed(t, fhe.Batch{Number: next + 1})
		m.drain(t)
	}
	if got := m.digests(t, log.Blocks); !maps.Equal(got, want) {
		t.Error("other digests beside pruning")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := m.Tidy(ctx, 1); err != nil {
		t.Errorf("with a context at its end: %v", err)
	}
	m.stop(t)
	if err := m.Tidy(t.Context(), 1); err != nil {
		t.Errorf("after the end: %v", err)
	}
}
