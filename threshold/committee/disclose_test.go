package committee

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/fhe"
	"fhevm/threshold"
)

func openTestStore(t *testing.T, fs vfs.FS) *store {
	t.Helper()
	s, err := openStore(fs, "store", false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// one is a value of one block that nobody has opened.
func one(who, i int) []disclosure {
	name := fhe.Digest{byte(who), byte(i), 1}
	return []disclosure{{fhe.Handle(name), name, []threshold.Session{threshold.Session(name)}}}
}

// TestDisclosedTogether: disclosures that come while the disk is at work are on it after
// one more sync.
func TestDisclosedTogether(t *testing.T) {
	var armed atomic.Bool
	var syncs atomic.Int32
	held, gate := make(chan struct{}), make(chan struct{})
	s := openTestStore(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			if syncs.Add(1) == 1 {
				held <- struct{}{}
				<-gate
			}
		}
		return nil
	})))
	armed.Store(true)
	const many = 20
	var disclosing sync.WaitGroup
	add := func(i int) {
		if fresh, _, err := s.disclose(threshold.Epoch{Number: 1}, one(0, i), 100); fresh != 1 || err != nil {
			t.Errorf("%d fresh, %v", fresh, err)
		}
	}
	disclosing.Go(func() { add(0) })
	<-held
	for i := range many {
		disclosing.Go(func() { add(1 + i) })
	}
	for written := uint64(0); written < 1+many; runtime.Gosched() {
		s.mu.Lock()
		written = s.wrote
		s.mu.Unlock()
	}
	close(gate)
	disclosing.Wait()
	if n, err := s.openings(threshold.Epoch{Number: 1}); n != 1+many || err != nil || syncs.Load() != 2 {
		t.Errorf("%d openings in %d syncs, %v", n, syncs.Load(), err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestDisclosedOnDisk: whoever is told that openings are on disk finds them there after a
// crash, also those that another disclosed a moment before, and the count that it got.
func TestDisclosedOnDisk(t *testing.T) {
	disk, e := vfs.NewCrashableMem(), threshold.Epoch{Number: 1}
	s := openTestStore(t, disk)
	var disclosing sync.WaitGroup
	for who := range 6 {
		disclosing.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(who), 2))
			for i := range 10 {
				o := one(who%3, i) // two disclose the same
				_, total, err := s.disclose(e, o, 100)
				if err != nil {
					t.Error(err)
				}
				crashed := openTestStore(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}))
				count, err := crashed.openings(e)
				if bound, _ := crashed.get(handleKey('d', e, o[0].handle)); !bytes.Equal(bound, o[0].digest[:]) || count < total || err != nil {
					t.Errorf("opening %d of %d: bound to %x, %d counted, %d told, %v", i, who, bound, count, total, err)
				}
				if err := crashed.close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	disclosing.Wait()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}
