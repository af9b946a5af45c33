package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
)

// A follower that is stopped and started at any moment, of a chain whose blocks
// are undone at any moment, ends with exactly the chain's blocks.
func TestFeedFollowsReverts(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := open(t, "")
			r := rand.New(rand.NewPCG(seed, 1))
			m, feed := new(memory), n.Feed()
			stop := func() {}
			var snapshots []string
			for range 80 {
				switch r.IntN(8) {
				case 0, 1, 2, 3:
					rpcCall[any](t, n, "hardhat_mine", 1+r.IntN(4))
				case 4:
					snapshots = append(snapshots, takeSnapshot(t, n))
				case 5:
					if len(snapshots) > 0 {
						at := r.IntN(len(snapshots))
						revertTo(t, n, snapshots[at])
						snapshots = snapshots[:at]
					}
				case 6:
					stop()
					stop = follow(t, feed, m)
				case 7:
					stop()
					stop = func() {}
				}
			}
			stop()
			stop = follow(t, feed, m)
			if err := feed.Reach(ctx); err != nil {
				t.Fatal(err)
			}
			stop()
			checkHeld(t, n, m)
		})
	}
}

// follow feeds m until stop is called, from where it left off.
func follow(t *testing.T, f *Feed, m *memory) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	next := uint64(len(m.held))
	go func() {
		defer close(ended)
		if err := f.Follow(ctx, next, m); !errors.Is(err, context.Canceled) {
			t.Errorf("follow ended with %v", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

func checkHeld(t *testing.T, n *Node, m *memory) {
	t.Helper()
	if last := head(t, n).Number.Uint64(); uint64(len(m.held)) != last+1 {
		t.Fatalf("%d blocks are held, the chain's last is %d", len(m.held), last)
	}
	for i, b := range m.held {
		h, err := n.Client().HeaderByNumber(ctx, big.NewInt(int64(i)))
		if err != nil || b.Hash != fhe.Digest(h.Hash()) || b.Number != uint64(i) {
			t.Fatalf("block %d is held as %d, %s, %v", i, b.Number, b.Hash, err)
		}
	}
}

// Reach waits for the blocks that follow a revert, though the sink held blocks of
// their numbers.
func TestReachAfterRevert(t *testing.T) {
	n := open(t, "")
	m, feed := new(memory), n.Feed()
	id := takeSnapshot(t, n)
	rpcCall[any](t, n, "hardhat_mine", 10)
	stop := follow(t, feed, m)
	if err := feed.Reach(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	revertTo(t, n, id)
	rpcCall[any](t, n, "hardhat_mine", 3)
	waited := make(chan error)
	go func() { waited <- feed.Reach(ctx) }()
	select {
	case err := <-waited:
		t.Fatalf("nobody follows, and the wait ended: %v", err)
	default:
	}
	stop = follow(t, feed, m)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	stop()
	checkHeld(t, n, m)
	limited, cancel := context.WithCancel(ctx)
	cancel()
	if err := feed.Reach(limited); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was given up says %v", err)
	}
}
