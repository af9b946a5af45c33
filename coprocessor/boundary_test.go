package coprocessor

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
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

// keepsNothing demands that no bare ciphertext is stored when all is done.
func (m *machine) keepsNothing(t *testing.T) {
	t.Helper()
	if ids := m.kept(t); len(ids) > 0 {
		t.Errorf("%d bare ciphertexts are kept for nobody", len(ids))
	}
}

// randomInput appends a list of two random values and returns the first, a number.
func randomInput(l *logtest.Log, seed uint64) fhe.Handle {
	list, values := plaintest.RandomList(rand.New(rand.NewPCG(seed, 0)))
	return l.Input(list, values...)[0]
}

// TestBoundary uses one value in the transaction that made it and in another.
// The first takes it as it is, the second from storage: other ciphertexts of the
// same plaintext. What came from storage stays at hand.
func TestBoundary(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 1)
	sum := l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x)
	here := l.Operation(fhe.Xor, fhe.Uint8, false, 0, sum, x)
	l.Transaction()
	there := l.Operation(fhe.Xor, fhe.Uint8, false, 0, sum, x)
	again := l.Operation(fhe.Xor, fhe.Uint8, false, 0, sum, x)
	l.Want(here, there, again)

	spy := newSpy(newPlainEvaluator())
	m := startWith(t, []fhe.Batch{l.Seal(0)}, spy)
	m.drain(t)
	digests := m.digests(t, l.Blocks)
	if digests[here] == digests[there] || digests[there] != digests[again] {
		t.Error("the kinds of operands do not tell ciphertexts apart, or more than they do")
	}
	if spy.calls["add"] != 1 || spy.calls["xor"] != 2 || spy.calls["unpack"] != 2 {
		t.Errorf("%v, want the sum once, both uses of it, and x and the sum unpacked once", spy.calls)
	}
	m.keepsNothing(t)
	checkPlaintexts(t, m, l, digests)
	m.stop(t)
}

// TestBareAgain needs a value as it was made, after all of the first transaction
// that made it is done.
func TestBareAgain(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 2)
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
	m.keepsNothing(t)
	checkPlaintexts(t, m, l, after)
	m.stop(t)
}

// TestInputIsNeverBare marks an input as made in the transaction: it has one
// form, whatever the mark says.
func TestInputIsNeverBare(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 3)
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

// TestBareLate attaches a use of a bare result to a computation that began without
// one: it runs once more.
func TestBareLate(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 4)
	sum := func() fhe.Handle { return l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x) }
	l.Want(sum())
	gate, spy := make(chan struct{}), newSpy(newPlainEvaluator())
	m := start(t, vfs.NewMem(), gated{spy, gate})
	m.feed(t, l.Seal(0))
	for m.Stats().Running != 1 || m.Stats().Done != 1 { // x is there, the sum waits
		runtime.Gosched()
	}
	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, sum())
	l.Want(y)
	m.feed(t, l.Seal(0))
	for m.Stats().Queued != 2 {
		runtime.Gosched()
	}
	close(gate)
	m.drain(t)
	if spy.calls["add"] != 2 || spy.calls["neg"] != 1 {
		t.Errorf("%v, want the sum twice", spy.calls)
	}
	m.keepsNothing(t)
	checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
	m.stop(t)
}

// TestBareOutlivesRestart stops between a value and the use of it in the same
// transaction: it is not computed again.
func TestBareOutlivesRestart(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 5)
	sum := l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x)
	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, sum)
	l.Want(sum, y)
	disk := vfs.NewMem()
	m := start(t, disk, stuck{newPlainEvaluator(), fhe.Neg})
	m.feed(t, l.Seal(0))
	if err := m.Wait(t.Context(), sum); err != nil {
		t.Fatal(err)
	}
	m.stop(t)
	spy := newSpy(newPlainEvaluator())
	m = start(t, disk, spy)
	m.drain(t)
	if spy.calls["add"] != 0 || spy.calls["neg"] != 1 {
		t.Errorf("%v after the restart, want neg alone", spy.calls)
	}
	checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
	m.stop(t)
}

// stuck never ends one operation.
type stuck struct {
	Evaluator
	on fhe.Op
}

func (s stuck) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	if op == s.on {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Evaluator.Eval(ctx, op, t, operands...)
}

// TestMissingBare takes away what the books say is there: that must not be made up
// for by another form.
func TestMissingBare(t *testing.T) {
	l := logtest.New()
	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, l.Operation(fhe.Not, fhe.Uint8, false, 0, randomInput(l, 6)))
	l.Want(y)
	m := startWith(t, []fhe.Batch{l.Seal(0)}, newPlainEvaluator())
	m.drain(t)
	_, id, err := m.status(y)
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.store.Node(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.calculator.operand(t.Context(), n.Operands[0], storeShelf{m.Coprocessor}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("an operand that is not there: %v", err)
	}
	m.stop(t)
}

// TestSecondFailure lets a computation fail that succeeded before: the machine is
// at fault, and what storage holds can still be used.
func TestSecondFailure(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 7)
	sum := func() fhe.Handle { return l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x) }
	first := sum()
	l.Want(first)
	disk := vfs.NewMem()
	m := start(t, disk, newPlainEvaluator())
	m.feed(t, l.Seal(0))
	m.drain(t)
	m.stop(t)

	y := l.Operation(fhe.Neg, fhe.Uint8, false, 0, sum())
	l.Want(y)
	spy := newSpy(newPlainEvaluator())
	spy.refuse = func(op fhe.Op, _ *uint256.Int) error {
		if op == fhe.Add {
			return errors.New("a hiccup")
		}
		return nil
	}
	m = start(t, disk, spy)
	m.feed(t, l.Seal(0))
	if err := <-m.ran; err == nil || !strings.Contains(err.Error(), "succeeded before: a hiccup") {
		t.Errorf("Run ended with %v", err)
	}
	for h, want := range map[fhe.Handle]State{first: Ready, y: Pending} {
		if s, err := m.Status(h); err != nil || s.State != want {
			t.Errorf("%s is %s, %v", l.Kinds[h], s.State, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSweep finds bare ciphertexts that a crash left and nothing needs.
func TestSweep(t *testing.T) {
	disk := vfs.NewMem()
	s, err := store.Open(disk, "db", logtest.Domain, discard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(3) {
		if err := s.Put([]store.ID{{i}}, []byte{1}, [][]byte{{2}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m := start(t, disk, newPlainEvaluator())
	m.isSwept(t)
	for i := range byte(3) { // as if for blocks that are undone
		if err := m.store.Put([]store.ID{{i}}, []byte{1}, [][]byte{{2}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Retry(); err != nil {
		t.Fatal(err)
	}
	m.isSwept(t)
	m.stop(t)
}

func (m *machine) isSwept(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(5 * time.Minute); len(m.kept(t)) > 0 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	m.keepsNothing(t)
}
