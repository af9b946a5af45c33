package coprocessor

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// withSquasher gives every machine of a test the same squashing key.
func withSquasher(c *Config) { c.Squasher = &hashSquasher{key: fhe.Digest{9}} }

// everything is a pruning that keeps no more than it must.
var everything = store.Pruning{Policy: store.Policy{Bare: true}}

// life takes a machine through everything that writes: appending, computing,
// settling, squashing, pruning, reverting, and all of it again on what is left. It goes
// on where the machine is.
func life(ctx context.Context, m *machine, blocks []fhe.Batch) error {
	cursor, _, err := m.Cursor()
	if err != nil {
		return err
	}
	half := max(len(blocks)/2, int(cursor.Number))
	if err := grow(ctx, m, blocks[cursor.Number:half]); err != nil {
		return err
	}
	if err := m.Revert(uint64(half - 1)); err != nil {
		return err
	}
	if err := grow(ctx, m, blocks[half-1:]); err != nil {
		return err
	}
	for _, h := range wantedIn(blocks) {
		if _, err := m.Squashed(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func grow(ctx context.Context, m *machine, blocks []fhe.Batch) error {
	for _, b := range blocks {
		if err := m.Append(b); err != nil {
			return err
		}
	}
	if err := m.Drain(ctx); err != nil {
		return err
	}
	if wanted := wantedIn(blocks); len(wanted) > 0 {
		if _, err := m.Squashed(ctx, wanted[0]); err != nil {
			return err
		}
	}
	if _, err := m.prune(ctx, everything); err != nil {
		return err
	}
	return m.store.Compact(ctx) // so that tables, files of values and manifests are written
}

// wantedIn lists the handles that blocks want, each once.
func wantedIn(blocks []fhe.Batch) (wanted []fhe.Handle) {
	for _, b := range blocks {
		for _, e := range b.Entries {
			if e.Wanted != nil && !slices.Contains(wanted, *e.Wanted) {
				wanted = append(wanted, *e.Wanted)
			}
		}
	}
	return wanted
}

// outcomes are the digests of every wanted handle, packed and squashed.
type outcomes struct{ packed, squashed map[fhe.Handle]fhe.Digest }

func (m *machine) outcomes(t testing.TB, blocks []fhe.Batch) outcomes {
	t.Helper()
	o := outcomes{make(map[fhe.Handle]fhe.Digest), make(map[fhe.Handle]fhe.Digest)}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // only ends a test that hangs
	defer cancel()
	for _, h := range wantedIn(blocks) {
		packed, err := m.digest(ctx, h, fhe.OfCiphertext)
		if err != nil {
			t.Fatal(err)
		}
		if o.squashed[h], err = m.digest(ctx, h, fhe.OfSquashed); err != nil {
			t.Fatal(err)
		}
		o.packed[h] = packed
	}
	return o
}

func (o outcomes) equal(p outcomes) bool {
	return maps.Equal(o.packed, p.packed) && maps.Equal(o.squashed, p.squashed)
}

// undisturbedLife is what a life ends with, and the chain to which it is followed.
func undisturbedLife(t *testing.T, log *logtest.Log) outcomes {
	m := start(t, vfs.NewMem(), newPlainEvaluator(), withSquasher)
	defer m.stop(t)
	m.feed(t, log.Blocks...)
	m.drain(t)
	return m.outcomes(t, log.Blocks)
}

// goOn opens a disk, goes on from its cursor to the end of the log, and compares
// with an undisturbed run. Every record must be right then.
func goOn(t *testing.T, fs vfs.FS, log *logtest.Log, want outcomes, when any, change ...func(*Config)) {
	t.Helper()
	m := start(t, fs, newPlainEvaluator(), append(change, withSquasher)...)
	defer m.stop(t)
	cursor, _, err := m.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	m.feed(t, log.Blocks[cursor.Number:]...)
	m.drain(t)
	if !m.outcomes(t, log.Blocks).equal(want) {
		t.Errorf("%v: other digests after the restart", when)
	}
	m.verify(t, when)
}

func (m *machine) verify(t testing.TB, when any) {
	t.Helper()
	report, err := m.store.Verify(t.Context(), func(string, int, int) {})
	if err != nil || report.Found > 0 {
		t.Errorf("%v: the store is not sound: %+v, %v", when, report, err)
	}
}

// small is a program whose every write can be tried.
func small(seed uint64) *logtest.Log {
	r := rand.New(rand.NewPCG(seed, 0))
	return logtest.Random(r, logtest.Shape{Blocks: 4, Operations: 5, Wants: 2, Types: []fhe.Type{fhe.Bool}, Inputs: plaintest.RandomList})
}

// watched calls at before each write, sync, creation and removal on the disk.
func watched(fs vfs.FS, at func(op errorfs.Op) error) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose || op.Kind == errorfs.OpLock {
			return nil
		}
		return at(op)
	}))
}

// TestCrashAnywhere cuts the power, or kills the process, before each write that
// reaches the disk in a life: with nothing, or all, of what was not synced
// kept. What is on the disk must lead to the right end.
func TestCrashAnywhere(t *testing.T) {
	for seed := range uint64(2) {
		if n := crashAnywhere(t, seed); n < 50 {
			t.Errorf("seed %d: only %d writes to crash before", seed, n)
		}
	}
}

func crashAnywhere(t *testing.T, seed uint64) (points int) {
	log := small(seed)
	want := undisturbedLife(t, log)
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex
	var crashes []*vfs.MemFS
	start(t, disk, newPlainEvaluator()).stop(t) // there is nothing to lose before
	m := start(t, watched(disk, func(errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		// Not something between: a directory's entries that are kept without
		// earlier ones are nothing that a file system with a journal leaves.
		crashes = append(crashes, crashed(disk, len(crashes)%2 > 0))
		return nil
	}), newPlainEvaluator(), withSquasher)
	if err := life(t.Context(), m, log.Blocks); err != nil {
		t.Fatal(err)
	}
	m.stop(t)
	for i, fs := range crashes {
		goOn(t, fs, log, want, i)
	}
	return len(crashes)
}

// crashed is a disk after a kill, which all that was written outlives, or after a power
// cut, which takes along what was not synced.
func crashed(disk *vfs.MemFS, kill bool) *vfs.MemFS {
	if kill {
		return copied(disk)
	}
	return disk.CrashClone(vfs.CrashCloneCfg{})
}

// fullDisk refuses whatever takes space, from the n-th time on, until the
// reserve is removed.
type fullDisk struct{ left, refused atomic.Int64 }

func (f *fullDisk) at(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpRemove:
		if strings.HasSuffix(op.Path, "reserve") {
			f.left.Store(1 << 40)
		}
	case errorfs.OpCreate, errorfs.OpFilePreallocate, errorfs.OpLink, errorfs.OpRename, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFileWriteAt:
		if f.left.Add(-1) < 0 {
			f.refused.Add(1)
			return syscall.ENOSPC
		}
	}
	return nil
}

// TestFullDisk fills the disk before each write of a life. The node must say
// so and stop without a panic, and go on where there is space again.
func TestFullDisk(t *testing.T) {
	fullDiskAnywhere(t, 3)
}

func fullDiskAnywhere(t *testing.T, seed uint64) {
	log := small(seed)
	want := undisturbedLife(t, log)
	for n := int64(seed % 3); ; n += 3 {
		disk := vfs.NewMem()
		start(t, disk, newPlainEvaluator()).stop(t)
		if !fill(t, disk, log, n) {
			return
		}
		goOn(t, disk, log, want, n)
	}
}

// fill leads a life on a disk that is full after so many writes, and reports whether it
// was too small.
func fill(t *testing.T, disk vfs.FS, log *logtest.Log, writes int64) bool {
	t.Helper()
	var full fullDisk
	full.left.Store(1 << 40)
	m := start(t, watched(disk, full.at), newPlainEvaluator(), withSquasher, fromChain(log))
	full.left.Store(writes)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		m.ran <- <-m.ran // Run has ended
		cancel()
	}()
	err := life(ctx, m, log.Blocks)
	refused := full.refused.Load() > 0
	full.left.Store(1 << 40)
	if err := m.Close(); err != nil {
		t.Errorf("write %d: close: %v", writes, err)
	}
	err = errors.Join(err, <-m.ran)
	if err != nil && (!refused || !errors.Is(err, store.ErrFull) && !errors.Is(err, context.Canceled)) {
		t.Errorf("write %d: %v", writes, err)
	}
	return refused
}

// TestOpenOnFullDisk opens a store where there is no space even for that, with
// its reserve and then without.
func TestOpenOnFullDisk(t *testing.T) {
	disk := vfs.NewMem()
	start(t, disk, newPlainEvaluator()).stop(t)
	for n := range int64(3) {
		var full fullDisk
		full.left.Store(n)
		_, err := Open(Config{Domain: logtest.Domain, Dir: "db", FS: watched(disk, full.at), Evaluator: newPlainEvaluator()})
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("opened on a full disk: %v", err)
		}
	}
	start(t, disk, newPlainEvaluator()).stop(t)
}
