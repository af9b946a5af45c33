package coprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/coprocessor/internal/logtest"
)

// TestOrdeal has faults of all kinds befall one store, each while it recovers from
// those before.
func TestOrdeal(t *testing.T) {
	for seed := range uint64(6) {
		ordeal(t, seed)
	}
}

func ordeal(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 13))
	log := small(seed)
	want := undisturbedLife(t, log)
	disk := vfs.NewCrashableMem()
	start(t, disk, newPlainEvaluator()).stop(t)
	suffered := fmt.Sprintf("seed %d", seed)
	for range 2 + r.IntN(5) {
		var what string
		disk, what = suffer(t, disk, log, r)
		suffered += ", " + what
	}
	goOn(t, disk, log, want, suffered, fromChain(log))
}

// suffer leads a life that a fault ends, and returns the disk that is left.
func suffer(t *testing.T, disk *vfs.MemFS, log *logtest.Log, r *rand.Rand) (*vfs.MemFS, string) {
	t.Helper()
	writes, kill := r.Int64N(150), r.IntN(2) == 0
	switch r.IntN(4) {
	case 0:
		fill(t, disk, log, writes)
		return crashed(disk, kill), fmt.Sprintf("full after %d writes and then crashed (kill: %v)", writes, kill)
	case 1:
		// Digests of pruned results are cut, not changed: a changed one is known only when
		// the result is computed again, and stops the machine.
		what := tamper(t, disk, r, "bhnwplrfxyqu", 1+r.IntN(4), false)
		repaired(t, disk, what)
		return disk, what
	default:
		return interrupted(t, disk, log, writes, kill), fmt.Sprintf("crashed before write %d (kill: %v)", writes, kill)
	}
}

// interrupted leads a life until a crash before a write.
func interrupted(t *testing.T, disk *vfs.MemFS, log *logtest.Log, writes int64, kill bool) (left *vfs.MemFS) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ahead atomic.Int64
	ahead.Store(1 << 40)
	m := start(t, watched(disk, func(errorfs.Op) error {
		if ahead.Add(-1) == 0 {
			left = crashed(disk, kill)
			cancel()
		}
		return nil
	}), newPlainEvaluator(), withSquasher, fromChain(log))
	ahead.Store(writes + 1)
	err := life(ctx, m, log.Blocks)
	m.stop(t)
	if left != nil {
		return left
	}
	if err != nil {
		t.Error(err)
	}
	return crashed(disk, kill)
}
