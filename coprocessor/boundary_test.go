package coprocessor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// kept returns the contents whose bare ciphertexts are stored.
func (m *machine) kept(t *testing.T) []store.ID {
	t.Helper()
	ids, err := m.store.AllBare()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestBoundary uses one value in the transaction that made it and in another.
// The first takes it as it is, the second from storage: other ciphertexts of the
// same plaintext. What came from storage stays at hand.
func TestBoundary(t *testing.T) {
	l := logtest.New()
	list, values := randomList(rand.New(rand.NewPCG(1, 0)))
	x := l.Input(list, values...)[0]
	sum := l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x)
	here := l.Operation(fhe.Add, fhe.Uint8, false, 0, sum, x)
	l.Transaction()
	there := l.Operation(fhe.Add, fhe.Uint8, false, 0, sum, x)
	again := l.Operation(fhe.Add, fhe.Uint8, false, 0, sum, x)
	l.Want(here, there, again)

	spy := newSpy(newPlainEvaluator())
	m := startWith(t, []fhe.Batch{l.Seal(0)}, spy)
	m.drain(t)
	digests := m.digests(t, l.Blocks)
	if digests[here] == digests[there] || digests[there] != digests[again] {
		t.Error("the boundary bits do not tell ciphertexts apart, or more than they do")
	}
	if spy.calls["add"] != 3 || spy.calls["unpack"] != 2 {
		t.Errorf("%v, want 3 sums, and x and their first unpacked once", spy.calls)
	}
	if ids := m.kept(t); len(ids) > 0 {
		t.Errorf("%d bare ciphertexts are kept for nobody", len(ids))
	}
	checkPlaintexts(t, m, l, digests)
	m.stop(t)
}

// TestBareAgain needs a value as it was made, after all of the first transaction
// that made it is done.
func TestBareAgain(t *testing.T) {
	l := logtest.New()
	list, values := randomList(rand.New(rand.NewPCG(2, 0)))
	x := l.Input(list, values...)[0]
	sum := func() fhe.Handle { return l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x) }
	first := sum()
	l.Want(first)
	spy := newSpy(newPlainEvaluator())
	m := startWith(t, []fhe.Batch{l.Seal(0)}, spy)
	m.drain(t)
	before := m.digests(t, l.Blocks)

	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, sum())
	l.Want(y)
	m.feed(t, l.Seal(0))
	m.drain(t)
	after := m.digests(t, l.Blocks)
	if spy.calls["add"] != 2 || after[first] != before[first] {
		t.Errorf("%v, want the sum twice, both times the same", spy.calls)
	}
	if ids := m.kept(t); len(ids) > 0 {
		t.Errorf("%d bare ciphertexts are kept for nobody", len(ids))
	}
	checkPlaintexts(t, m, l, after)
	m.stop(t)
}

// TestInputIsNeverBare marks an input as made in the transaction: it has one
// form, whatever the mark says.
func TestInputIsNeverBare(t *testing.T) {
	l := logtest.New()
	list, values := randomList(rand.New(rand.NewPCG(3, 0)))
	x := l.Input(list, values...)[0]
	l.Made(x)
	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, x)
	l.Want(y)
	m := startWith(t, []fhe.Batch{l.Seal(0)}, newPlainEvaluator())
	m.drain(t)
	l.Made(x)
	z := l.Operation(fhe.Not, fhe.Uint8, false, 0, x)
	l.Want(z)
	m.feed(t, l.Seal(0)) // x is ready now
	m.drain(t)
	checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
	m.stop(t)
}

// TestSweep finds bare ciphertexts that a crash left and nothing needs.
func TestSweep(t *testing.T) {
	disk := vfs.NewMem()
	s, err := store.Open(disk, "db", logtest.Domain, discard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(3) {
		if err := s.Put(store.ID{i}, []byte{1}, []byte{2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m := start(t, disk, newPlainEvaluator())
	for limit := time.Now().Add(time.Minute); len(m.kept(t)) > 0 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	if ids := m.kept(t); len(ids) > 0 {
		t.Errorf("%d bare ciphertexts are left", len(ids))
	}
	m.stop(t)
}
