package committee

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
)

// TestRecountEpochs: who goes on without the store, or with an old one, does not know
// what an epoch was handed on with: it opens nothing more beside one that follows it.
func TestRecountEpochs(t *testing.T) {
	n := newNetwork(t, 89)
	n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, 7)}, nil))
	before := vfs.NewMem()
	n.records[1].Close()
	clone(t, n.disks[1], before, "store")
	n.start(t, 1)
	n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, 8)}, nil))
	later := n.next(t, 0)
	n.inForce(later.cfg.Secret.Committee)
	n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, 9)}, nil))
	n.records[1].Close()
	whole := n.disks[1]
	for name, spoil := range map[string]func(vfs.FS){
		"no store":  func(fs vfs.FS) { fs.RemoveAll("party/store") },
		"old store": func(fs vfs.FS) { clone(t, before, fs, "store") },
	} {
		n.disks[1] = vfs.NewCrashableMem()
		clone(t, whole, n.disks[1], "")
		spoil(n.disks[1])
		book := n.book(1)
		book.Recount = true
		n.keep(t, 1, book)
		for range 2 {
			n.mustStop(t, n.watch(t, func(*Config) {}), 4)
		}
		if s := n.next(t, 0).Standing(); s.Openings != lease+4+2 || s.Limit != s.Allowed {
			t.Errorf("%s: the new epoch counts %d of %d", name, s.Openings, s.Limit)
		}
		n.records[1].Close()
	}
}

// TestRecountCeilings: what an epoch was handed on with below what it opened since was
// taken back, and what is handed on is never below the count.
func TestRecountCeilings(t *testing.T) {
	s, err := openStore(vfs.NewMem(), "db", false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	e := threshold.Epoch{Number: 1}
	for attempt, n := range []uint64{5, 20, 40} {
		if err := s.setNumber(ceilingKey(e, fhe.Digest{byte(attempt)}), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.recount(e, 30, 10); err != nil {
		t.Fatal(err)
	}
	if n, err := s.limit(e, 1<<40); err != nil || n != 20 {
		t.Errorf("stops at %d, want 20: it may have opened no more than that: %v", n, err)
	}
	if n, err := s.handOver(e, fhe.Digest{9}); err != nil || n != 30 {
		t.Errorf("hands on %d, want what it counts: %v", n, err)
	}
}

// TestServingIsTakenOver: an epoch's count that is on record is on the disk at the next
// start, so that the record of the next serving stands for what the store has.
func TestServingIsTakenOver(t *testing.T) {
	n := newNetwork(t, 90)
	for range 3 { // each time a crash between the record and the store
		if err := n.records[1].log.AppendServing(&audit.Serving{Epoch: 2, Openings: 100}); err != nil {
			t.Fatal(err)
		}
		n.records[1].Close()
		n.start(t, 1)
		if got, err := n.records[1].store.openings(threshold.Epoch{Number: 2}); err != nil || got != 100 {
			t.Errorf("the epoch counts %d: %v", got, err)
		}
	}
}
