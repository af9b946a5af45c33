package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// undisturbed returns the digests of a run without faults.
func undisturbed(t *testing.T, log *logtest.Log) map[fhe.Handle]fhe.Digest {
	m := start(t, vfs.NewMem(), newPlainEvaluator())
	defer m.stop(t)
	m.feed(t, log.Blocks...)
	m.drain(t)
	return m.digests(t, log.Blocks)
}

// TestCrash kills the machine behind every computation, with none, some and all
// of the unsynced bytes on the disk. Each of these disks is opened again and
// fed on from its cursor; it must end with the digests of an undisturbed run.
func TestCrash(t *testing.T) {
	for seed := range uint64(3) {
		if n := crashBehindWork(t, seed); n < 10 {
			t.Errorf("seed %d: only %d computations to crash behind", seed, n)
		}
	}
}

func crashBehindWork(t *testing.T, seed uint64) (points int) {
	log := program(seed + 50)
	want := undisturbed(t, log)
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex
	var crashes []*vfs.MemFS
	clone := func(Trace) {
		mu.Lock()
		defer mu.Unlock()
		kept := []int{0, 50, 100}[len(crashes)%3]
		crashes = append(crashes, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(seed, uint64(len(crashes))))}))
	}
	m := start(t, disk, newPlainEvaluator(), func(c *Config) { c.Workers = 4; c.Trace = clone })
	m.feed(t, log.Blocks...)
	m.drain(t)
	m.stop(t)
	for i, fs := range crashes {
		resume(t, fs, newPlainEvaluator(), log, want, i)
	}
	return len(crashes)
}

func resume(t *testing.T, fs vfs.FS, e Evaluator, log *logtest.Log, want map[fhe.Handle]fhe.Digest, crash int) {
	t.Helper()
	m := start(t, fs, e)
	defer m.stop(t)
	cursor, _, err := m.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	m.feed(t, log.Blocks[cursor.Number:]...)
	m.drain(t)
	if got := m.digests(t, log.Blocks); !maps.Equal(got, want) {
		t.Errorf("crash %d: other digests after the restart", crash)
	}
}

// TestDiskErrors breaks the write-ahead log at each of its writes and syncs in
// turn. Run must end with the error, and what was on the disk must lead to the right
// end. The program is small: at a fault while Pebble starts its next log, the
// process ends.
func TestDiskErrors(t *testing.T) {
	if broken := diskErrors(t, 60); broken < 8 {
		t.Errorf("only %d runs met the fault", broken)
	}
}

func diskErrors(t *testing.T, seed uint64) (broken int) {
	log := logtest.Random(rand.New(rand.NewPCG(seed, 0)), logtest.Shape{Blocks: 4, Operations: 2, Wants: 1, Types: []fhe.Type{fhe.Bool}})
	want := undisturbed(t, log)
	for n := int32(0); n < 16; n++ {
		disk := vfs.NewCrashableMem()
		start(t, disk, newPlainEvaluator()).stop(t)
		fault := errorfs.OnIndex(1 << 30)
		fs := errorfs.Wrap(disk, onLog(fault))
		m := start(t, fs, newPlainEvaluator())
		fault.Store(n)
		var err error
		for _, b := range log.Blocks {
			if err == nil {
				err = m.Append(b)
			}
		}
		if err == nil {
			err = untilStopped(m)
		}
		if err != nil {
			broken++
			resume(t, disk.CrashClone(vfs.CrashCloneCfg{}), newPlainEvaluator(), log, want, int(n))
		}
		_ = m.Close() // a broken store reports its error once more
	}
	return broken
}

// onLog limits a fault to writes and syncs of Pebble's write-ahead log: faults
// elsewhere end the process or are tried again in the background.
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

// untilStopped returns nil when the machine has drained, or the error with
// which Run ended.
func untilStopped(m *machine) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- m.Drain(ctx) }()
	select {
	case err := <-m.ran:
		return err
	case err := <-drained:
		return err
	}
}

// TestFailure lets one multiplication fail: what needs it fails with its name,
// what does not need it is computed, nothing waits.
func TestFailure(t *testing.T) {
	e := newSpy(newPlainEvaluator())
	e.refuse = func(op fhe.Op, clear *uint256.Int) error {
		if op == fhe.Mul && clear != nil && clear.Uint64() == 13 {
			return errors.New("unlucky number")
		}
		return nil
	}
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 7)
	bad := l.Operation(fhe.Mul, fhe.Uint8, true, 13, x)
	worse := l.Operation(fhe.Add, fhe.Uint8, false, 0, bad, bad)
	worst := l.Operation(fhe.Max, fhe.Uint8, false, 0, x, worse)
	good := l.Operation(fhe.Mul, fhe.Uint8, true, 3, x)
	l.Want(worst, good)
	late := func() fhe.Handle { // ordered after the failure is known
		h := l.Operation(fhe.Neg, fhe.Uint8, false, 0, worst)
		l.Want(h, worse)
		return h
	}
	disk := vfs.NewMem()
	m := start(t, disk, e)
	m.feed(t, l.Seal(0))
	m.drain(t)
	latest := late()
	m.feed(t, l.Seal(0))
	m.drain(t)
	for _, h := range []fhe.Handle{bad, worse, worst, latest} {
		var f *store.Failure
		if _, err := m.Ciphertext(t.Context(), h); !errors.As(err, &f) || f.Handle != bad || f.Reason != "unlucky number" {
			t.Errorf("%s: %v", l.Kinds[h], err)
		}
	}
	var f *store.Failure
	if err := m.Wait(t.Context(), worst); !errors.As(err, &f) {
		t.Errorf("waiting for a failed handle: %v", err)
	}
	if err := m.Wait(t.Context(), good); err != nil {
		t.Error(err)
	}
	m.stop(t)

	// The failure outlives the process, until an operator asks for a retry.
	m = start(t, disk, newPlainEvaluator())
	m.drain(t)
	if s, err := m.Status(worst); err != nil || s.State != Failed || s.Kind != "max" || len(s.Operands) != 2 {
		t.Errorf("after a restart: %+v, %v", s, err)
	}
	if err := m.Retry(); err != nil {
		t.Fatal(err)
	}
	m.drain(t)
	for _, h := range []fhe.Handle{worse, worst, latest} {
		ct, err := m.Ciphertext(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if got := plaintext(t, ct); got != l.Values[h] {
			t.Errorf("%s is %d, want %d", l.Kinds[h], got, l.Values[h])
		}
	}
	m.stop(t)
}

// TestUndefinedOperand orders an operation on a handle that the log never defines.
func TestUndefinedOperand(t *testing.T) {
	l := logtest.New()
	ghost := fhe.NewHandle(fhe.Digest{0xdd}, fhe.Computed, logtest.Domain.ChainID, fhe.Uint8, fhe.Version)
	x := l.Operation(fhe.Add, fhe.Uint8, false, 0, l.Trivial(fhe.Uint8, 1), ghost)
	y := l.Operation(fhe.Not, fhe.Uint8, false, 0, x)
	l.Want(y)
	m := start(t, vfs.NewMem(), newPlainEvaluator())
	m.feed(t, l.Seal(0))
	err := m.Wait(t.Context(), y)
	if err == nil || !strings.Contains(err.Error(), ghost.String()) || !strings.Contains(err.Error(), "not defined") {
		t.Errorf("error %v does not name %s", err, ghost)
	}
	m.drain(t)
	m.stop(t)
}

// TestFailedList lets an expansion fail: all values of the list do.
func TestFailedList(t *testing.T) {
	l := logtest.New()
	list := plaintest.List([]fhe.Type{fhe.Uint8, fhe.Bool}, []uint64{1, 1})
	handles := l.Input(list, 1, 1)
	l.Want(handles...)
	m := start(t, vfs.NewMem(), wrongTypes{newPlainEvaluator()})
	m.feed(t, l.Seal(0))
	for _, h := range handles {
		var f *store.Failure
		if err := m.Wait(t.Context(), h); !errors.As(err, &f) || !strings.Contains(f.Reason, "did not return a uint8") {
			t.Errorf("%s: %v", h, err)
		}
	}
	m.drain(t)
	m.stop(t)
}

// TestAttestedList expands a list that was staged, and lets every value of one
// fail that never came.
func TestAttestedList(t *testing.T) {
	l := logtest.New()
	types := []fhe.Type{fhe.Uint8, fhe.Bool}
	here, list := l.Attested(plaintest.List(types, []uint64{7, 1}), 7, 1)
	absent, _ := l.Attested(plaintest.List(types, []uint64{8, 1}), 8, 1)
	consumer := l.Operation(fhe.Not, fhe.Uint8, false, 0, absent[0])
	l.Want(append(append(absent, consumer), here...)...)
	m := start(t, vfs.NewMem(), newPlainEvaluator())
	if err := m.Stage(list); err != nil {
		t.Fatal(err)
	}
	m.feed(t, l.Seal(0))
	for _, h := range here {
		if err := m.Wait(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		if ct, err := m.Ciphertext(t.Context(), h); err != nil || plaintext(t, ct) != l.Values[h] {
			t.Errorf("%s: %v", h, err)
		}
	}
	for _, h := range append(absent, consumer) {
		var f *store.Failure
		if err := m.Wait(t.Context(), h); !errors.As(err, &f) || !strings.Contains(f.Reason, "encrypt the values again") {
			t.Errorf("%s: %v", h, err)
		}
	}
	m.drain(t)
	m.stop(t)
}

// wrongTypes expands lists to values in another order.
type wrongTypes struct{ Evaluator }

func (w wrongTypes) Expand(ctx context.Context, list *fhe.InputList) ([]*radix.Ciphertext, error) {
	cts, err := w.Evaluator.Expand(ctx, list)
	if err == nil {
		cts[0], cts[1] = cts[1], cts[0]
	}
	return cts, err
}

// TestMachineFault ends the bootstrap engine under a running coprocessor, or
// keeps a key from it: that is no property of the computation and must not be
// recorded as its failure.
func TestMachineFault(t *testing.T) {
	t.Run("closed engine", func(t *testing.T) { testMachineFault(t, tfhe.ErrClosed) })
	t.Run("no key", func(t *testing.T) { testMachineFault(t, tfhe.ErrKey) })
}

func testMachineFault(t *testing.T, fault error) {
	t.Run("computing", func(t *testing.T) {
		e := newSpy(newPlainEvaluator())
		e.refuse = func(fhe.Op, *uint256.Int) error { return fmt.Errorf("layer 1: %w", fault) }
		testFaultOf(t, e, fault)
	})
	t.Run("unpacking", func(t *testing.T) {
		e := newSpy(newPlainEvaluator())
		e.broken = fmt.Errorf("unpack: %w", fault)
		testFaultOf(t, e, fault)
	})
}

func testFaultOf(t *testing.T, e Evaluator, fault error) {
	l := logtest.New()
	x := l.Operation(fhe.Neg, fhe.Uint8, false, 0, randomInput(l, 8))
	l.Want(x)
	disk := vfs.NewMem()
	m := start(t, disk, e)
	m.feed(t, l.Seal(0))
	if err := <-m.ran; !errors.Is(err, fault) {
		t.Fatalf("Run ended with %v", err)
	}
	if s, err := m.Status(x); err != nil || s.State != Pending {
		t.Errorf("%+v, %v", s, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, disk, newPlainEvaluator())
	if err := m.Wait(t.Context(), x); err != nil {
		t.Error(err)
	}
	m.stop(t)
}

// TestRevert undoes blocks while they are computed, and follows another fork.
func TestRevert(t *testing.T) {
	for seed := range uint64(6) {
		reverts(t, seed)
	}
}

func reverts(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	log := program(70 + seed)
	fresh := undisturbed(t, log)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Workers = 2 })
	m.feed(t, log.Blocks...)
	for fork := range byte(3) {
		to := r.Uint64N(uint64(len(log.Blocks)))
		if err := m.Revert(to); err != nil {
			t.Fatal(err)
		}
		if c, ok, err := m.Cursor(); err != nil || ok != (to > 0) || c.Number != to {
			t.Fatalf("cursor %v, want %d; %v", c, to, err)
		}
		other := program(1000*seed + uint64(fork)).Blocks
		for i := range other {
			other[i].Hash[0] ^= fork + 1
		}
		m.feed(t, other[to:]...)
		if err := m.Revert(to); err != nil {
			t.Fatal(err)
		}
		m.feed(t, log.Blocks[to:]...)
	}
	m.drain(t)
	if got := m.digests(t, log.Blocks); !maps.Equal(got, fresh) {
		t.Errorf("seed %d: other digests after reverts", seed)
	}
	m.stop(t)
}
