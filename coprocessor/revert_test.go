package coprocessor

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// TestRevertWakes: who waits for a value hears that its block was undone.
func TestRevertWakes(t *testing.T) {
	never := make(chan struct{})
	m := start(t, vfs.NewMem(), gated{newSpy(newPlainEvaluator()), never})
	l := logtest.New()
	m.feed(t, l.Seal(0))
	x := l.Trivial(fhe.Uint8, 1)
	l.Want(x)
	m.feed(t, l.Seal(1))
	waiting, drained := make(chan error), make(chan error)
	for range 3 {
		go func() { waiting <- m.Wait(t.Context(), x) }()
	}
	go func() { drained <- m.Drain(t.Context()) }()
	for m.waiters.calls() < 3 {
		runtime.Gosched()
	}
	if err := m.Revert(1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-waiting; !errors.Is(err, ErrUnknown) {
			t.Errorf("a call that waited says %v", err)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	m.stop(t)
}

// TestRevertVoidsSquash: a squash under way is not handed out once its handle's
// block is undone, and serves the handle if it comes again.
func TestRevertVoidsSquash(t *testing.T) {
	squasher := &hashSquasher{gate: make(chan struct{}), begun: make(chan struct{}, 1)}
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	l := logtest.New()
	m.feed(t, l.Seal(0))
	x := l.Trivial(fhe.Uint8, 77)
	l.Want(x)
	block := l.Seal(1)
	m.feed(t, block)
	asked := make(chan error)
	go func() { _, err := m.Squashed(t.Context(), x); asked <- err }()
	<-squasher.begun
	if err := m.Revert(1); err != nil {
		t.Fatal(err)
	}
	close(squasher.gate)
	if err := <-asked; !errors.Is(err, ErrUnknown) {
		t.Errorf("the squash under way gives %v", err)
	}
	if _, err := m.Squashed(t.Context(), x); !errors.Is(err, ErrUnknown) {
		t.Errorf("the kept squash gives %v", err)
	}
	again := block
	again.Hash[0] ^= 1
	again.Entries = slices.Clone(block.Entries)
	m.feed(t, again)
	if _, err := m.Squashed(t.Context(), x); err != nil || squasher.squashs != 1 {
		t.Errorf("when it comes again: %d squashes, %v", squasher.squashs, err)
	}
	m.stop(t)
}

func TestBlockHash(t *testing.T) {
	m := start(t, vfs.NewMem(), newPlainEvaluator())
	l := logtest.New()
	first := l.Seal(1)
	m.feed(t, first)
	for number, want := range map[uint64]bool{first.Number - 1: false, first.Number: true, first.Number + 1: false} {
		hash, held, err := m.BlockHash(number)
		if err != nil || held != want || held && hash != first.Hash {
			t.Errorf("block %d: %s, %v, %v", number, hash, held, err)
		}
	}
	m.stop(t)
}
