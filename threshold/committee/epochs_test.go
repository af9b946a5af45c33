package committee

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold"
)

// TestHandOver: what a party hands on is what it will not exceed, and a party
// that begins with a count goes on from it.
func TestHandOver(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *store {
		s, err := openStore(fs, "db", false, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.close() })
		return s
	}
	s, e := open(), threshold.Epoch{Number: 1, SquashKey: fhe.Digest{2}}
	record := func(s *store, e threshold.Epoch, first byte) (uint64, error) {
		_, total, err := s.disclose(e, []disclosure{{handle: fhe.Handle{first}, digest: fhe.Digest{first}, sessions: []threshold.Session{{first}}}}, 1<<40)
		return total, err
	}
	if n, err := record(s, e, 1); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	handed, err := s.handOver(e, fhe.Digest{1})
	if err != nil || handed != 1+lease {
		t.Fatalf("hands on %d: %v", handed, err)
	}
	if limit, err := s.limit(e, 1<<40); err != nil || limit != handed {
		t.Errorf("the epoch says that it stops at %d: %v", limit, err)
	}
	if err := s.inherit(e, handed-1); err != nil {
		t.Fatal(err)
	}
	if n, err := record(s, e, 2); err != nil || n != handed {
		t.Errorf("the last opening of the lease: %d, %v", n, err)
	}
	if _, err := record(s, e, 3); code(err) != threshold.LimitReached {
		t.Errorf("one more than was handed on: %v", err)
	}
	next := e
	next.Number++
	begin, err := s.begin(next, 0)
	if err != nil || begin != handed {
		t.Errorf("the next epoch begins with %d, want all that the one before may open: %v", begin, err)
	}
	if err := s.inherit(next, handed); err != nil {
		t.Fatal(err)
	}
	if n, err := record(s, next, 4); err != nil || n != handed+1 {
		t.Errorf("the next epoch goes on with %d: %v", n, err)
	}
	if err := s.inherit(next, 5); err != nil {
		t.Fatal(err)
	}
	if n, err := record(s, next, 5); err != nil || n != handed+2 {
		t.Errorf("a smaller count changes it to %d: %v", n, err)
	}
}

// TestTakeBack: failed attempts do not use up an epoch. What one handed on stands
// until it is taken back, is not raised by another meanwhile, and survives restarts.
func TestTakeBack(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *store {
		s, err := openStore(fs, "db", false, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, e, other := open(), threshold.Epoch{Number: 1, SquashKey: fhe.Digest{2}}, threshold.Epoch{Number: 2, SquashKey: fhe.Digest{2}}
	hand := func(e threshold.Epoch, attempt byte, want uint64) {
		t.Helper()
		if n, err := s.handOver(e, fhe.Digest{attempt}); err != nil || n != want {
			t.Errorf("attempt %d hands on %d, want %d: %v", attempt, n, want, err)
		}
	}
	takeBack := func(e threshold.Epoch, attempt byte) {
		t.Helper()
		if err := s.takeBack(e, fhe.Digest{attempt}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(n uint64) {
		t.Helper()
		if err := s.inherit(e, n); err != nil {
			t.Fatal(err)
		}
	}
	hand(e, 1, lease)
	count(5)
	hand(e, 1, lease)
	hand(e, 2, lease)
	hand(other, 1, lease) // it counts apart
	takeBack(e, 1)
	takeBack(e, 1)
	takeBack(other, 2)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.close()
	count(7)
	hand(e, 3, lease)
	takeBack(e, 2)
	takeBack(e, 3)
	if n, open, err := s.handed(e); err != nil || open {
		t.Errorf("a ceiling of %d without an attempt: %v", n, err)
	}
	hand(e, 4, 7+lease)
	hand(other, 3, lease)
}

// lastRequest has an epoch end while a request is in progress.
func lastRequest(t *testing.T, p *Party) {
	e := NewEpochs(nil)
	e.Add(p)
	_, release, err := e.lease(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	removed := false
	go func() {
		e.Remove(1)
		removed = true
	}()
	synctest.Wait()
	if removed {
		t.Error("did not wait for the request in progress")
	}
	if _, _, err := e.lease(t.Context(), 1); code(err) != threshold.EpochNotActive {
		t.Errorf("a request after the end: %v", err)
	}
	release()
	synctest.Wait()
	if !removed {
		t.Error("waits for ever")
	}
}

// TestEpochs: a request goes to the epoch that it names, or to the newest that is
// in force; one that ends refuses new requests and waits for those in progress.
func TestEpochs(t *testing.T) {
	n := newNetwork(t, 60)
	h := n.value(fhe.Uint8, 7)
	q := n.request([]fhe.Handle{h}, nil)
	e := NewEpochs(func(f fhe.Digest) bool { return f == fhe.Digest{9} })
	if _, err := e.UserDecrypt(t.Context(), q); code(err) != threshold.EpochNotActive {
		t.Errorf("without an epoch: %v", err)
	}
	e.Add(n.parties[1])
	own := n.Committee.Members[0].TLS
	if !e.Admits(own) || !e.Admits(fhe.Digest{9}) || e.Admits(fhe.Digest{8}) {
		t.Error("admits the wrong ones")
	}
	if id, ok := e.PartyOf(1, own); !ok || id != 1 {
		t.Error("does not know a party of its epoch")
	}
	if _, ok := e.PartyOf(2, own); ok {
		t.Error("knows a party of an epoch that it does not hold")
	}
	for _, epoch := range []uint64{0, 1} {
		q.Epoch = epoch
		if _, err := e.UserDecrypt(t.Context(), q); err != nil {
			t.Errorf("epoch %d: %v", epoch, err)
		}
	}
	for caller, want := range map[fhe.Digest]threshold.Code{own: "", {9}: threshold.NotMember} {
		if _, err := e.UserDecrypt(context.WithValue(t.Context(), callerKey{}, caller), q); code(err) != want {
			t.Errorf("caller %s: %v", caller, err)
		}
	}
	q.Epoch = 2
	if _, err := e.UserDecrypt(t.Context(), q); code(err) != threshold.EpochNotActive {
		t.Errorf("another epoch: %v", err)
	}
	synctest.Test(t, func(t *testing.T) { lastRequest(t, n.parties[1]) })
	if b := n.Secrets[0].Share.Append(nil); string(b) != string(make([]byte, len(b))) {
		t.Error("the secret is not forgotten")
	}
}
