package store

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// prefixes returns what the log's tables hold after each number of blocks.
func prefixes(t *testing.T, blocks []fhe.Batch) []string {
	s := openMem(t)
	out := []string{dump(t, s, logTables+"nl")}
	for i := range blocks {
		appendAll(t, s, blocks[i:i+1])
		out = append(out, dump(t, s, logTables+"nl"))
	}
	return out
}

// checkPrefix opens what a crash left of a store in which acked blocks had
// been appended, and perhaps one more. All of a block must be there, or nothing.
func checkPrefix(t *testing.T, fs vfs.FS, want []string, acked int) {
	t.Helper()
	s := open(t, fs)
	defer s.Close()
	got := dump(t, s, logTables+"nl")
	if got != want[acked] && (acked+1 == len(want) || got != want[acked+1]) {
		t.Fatalf("after a crash behind block %d the store holds\n%s", acked, got)
	}
}

// TestCrash takes the disk as a crash may leave it, after every append and
// while the next is under way.
func TestCrash(t *testing.T) {
	blocks := random(6).Blocks
	want := prefixes(t, blocks)
	disk := vfs.NewCrashableMem()
	s := open(t, disk)
	defer s.Close()
	for acked := range blocks {
		for _, kept := range []int{0, 50, 100} {
			r := rand.New(rand.NewPCG(uint64(acked), uint64(kept)))
			checkPrefix(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: r}), want, acked)
		}
		done := make(chan error)
		go func() { done <- s.Append(&blocks[acked]) }()
		during := disk.CrashClone(vfs.CrashCloneCfg{})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		checkPrefix(t, during, want, acked)
	}
}

// TestCrashWhileReverting takes the disk as a crash may leave it while blocks are
// appended and undone at random. What is there is the log before or after what
// was under way.
func TestCrashWhileReverting(t *testing.T) {
	for seed := range uint64(5) {
		crashWhileReverting(t, seed)
	}
}

func crashWhileReverting(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 11))
	var log []fhe.Batch
	disk := vfs.NewCrashableMem()
	s := open(t, disk)
	for step := range 30 {
		before, change := log, func() error { return nil }
		if len(log) > 0 && r.IntN(3) == 0 {
			log = log[:r.IntN(len(log))]
			to := uint64(len(log))
			change = func() error { return s.Revert(to) }
		} else if other := random(100*seed + uint64(step)).Blocks; len(log) < len(other) {
			next := other[len(log)]
			next.Hash[0] ^= byte(step)
			log = append(slices.Clone(log), next)
			change = func() error { return s.Append(&next) }
		}
		done := make(chan error)
		go func() { done <- change() }()
		during := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		checkOneOf(t, during, before, log)
		if r.IntN(4) == 0 { // go on with what a crash leaves
			left := disk.CrashClone(vfs.CrashCloneCfg{})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			disk, s = left, open(t, left)
			checkOneOf(t, left.CrashClone(vfs.CrashCloneCfg{}), log, log)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkOneOf demands that fs holds one of two logs.
func checkOneOf(t *testing.T, fs vfs.FS, logs ...[]fhe.Batch) {
	t.Helper()
	s := open(t, fs)
	defer s.Close()
	got := dump(t, s, logTables)
	for _, log := range logs {
		fresh := openMem(t)
		appendAll(t, fresh, log)
		if got == dump(t, fresh, logTables) {
			return
		}
	}
	t.Fatalf("after a crash the store holds\n%s", got)
}

// TestDiskErrors lets the n-th write or sync to the disk fail, for every n. The
// error must come back, nothing may be half stored, and the store must refuse
// to go on as if nothing had been.
func TestDiskErrors(t *testing.T) {
	blocks := random(7).Blocks
	want := prefixes(t, blocks)
	for n := int32(0); ; n++ {
		disk := vfs.NewCrashableMem()
		if err := open(t, disk).Close(); err != nil {
			t.Fatal(err)
		}
		fault := errorfs.OnIndex(1 << 30)
		s := open(t, errorfs.Wrap(disk, onLog(fault)))
		fault.Store(n)
		acked, failed := 0, error(nil)
		for acked < len(blocks) && failed == nil {
			if failed = s.Append(&blocks[acked]); failed == nil {
				acked++
			}
		}
		if failed == nil {
			if n < int32(len(blocks)) {
				t.Fatalf("only %d faults reached the log of %d blocks", n, len(blocks))
			}
			if s.Close() == nil {
				return
			}
			continue // the fault met Close
		}
		if !errors.Is(s.Append(&blocks[acked]), failed) || s.Put([]ID{{}}, nil, nil) == nil || s.Close() == nil {
			t.Fatal("the store went on after a failed write")
		}
		checkPrefix(t, disk.CrashClone(vfs.CrashCloneCfg{}), want, acked)
	}
}

// onLog limits a fault to writes and syncs of Pebble's write-ahead log, which
// happen while a caller waits.
func onLog(fault errorfs.Injector) errorfs.Injector {
	return errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData:
			return fault.MaybeError(op)
		}
		return nil
	})
}

// TestReadErrors makes every read fail: methods must say so, not report
// absence.
func TestReadErrors(t *testing.T) {
	disk, log := vfs.NewMem(), random(8)
	s := open(t, disk)
	appendAll(t, s, log.Blocks)
	if err := errors.Join(s.db.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	reads := errorfs.ErrInjected.If(errorfs.Reads)
	toggle := &errorfs.Toggle{Injector: reads}
	fs := errorfs.Wrap(disk, toggle)
	s, err := Open(fs, "db", logtest.Domain, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := unwanted(t, s, log)
	toggle.On()
	defer toggle.Off()
	if b, err := s.Binding(h); err == nil {
		t.Errorf("Binding returned %v", b)
	}
	if err := s.Revert(1); err == nil {
		t.Error("Revert read nothing")
	}
	next := fhe.Batch{Number: uint64(len(log.Blocks)) + 1, Entries: []fhe.Entry{{Wanted: &h}}}
	if err := s.Append(&next); err == nil {
		t.Error("Append read nothing")
	}
}

// unwanted is a handle of log that it does not want.
func unwanted(t *testing.T, s *Store, log *logtest.Log) fhe.Handle {
	t.Helper()
	for _, b := range log.Blocks {
		for _, e := range b.Entries {
			if e.Operation == nil {
				continue
			}
			wanted, err := s.Wanted(e.Operation.Result)
			if err != nil {
				t.Fatal(err)
			}
			if !wanted {
				return e.Operation.Result
			}
		}
	}
	t.Fatal("the log wants everything")
	return fhe.Handle{}
}
