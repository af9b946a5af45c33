package coprocessor

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/fhe"
)

// TestTwoResults uses both results of one operation, in its transaction and later:
// it is computed once, and both are values of one packed form.
func TestTwoResults(t *testing.T) {
	l := logtest.New()
	list := plaintest.List([]fhe.Type{fhe.Uint8, fhe.Uint8}, []uint64{200, 100})
	in := l.Input(list, 200, 100)
	both := l.Derive(fhe.TryAdd, fhe.Uint8, nil, l.Operand(in[0]), l.Operand(in[1]))
	sum, fits := both[0], both[1]
	here := l.Operation(fhe.Select, fhe.Uint8, false, 0, fits, sum, in[0])
	l.Transaction()
	there := l.Operation(fhe.Not, fhe.Bool, false, 0, fits)
	l.Want(fits, here, there) // never the sum itself

	spy := newSpy(newPlainEvaluator())
	m := startWith(t, []fhe.Batch{l.Seal(0)}, spy)
	m.drain(t)
	if spy.calls["tryAdd"] != 1 {
		t.Errorf("%v, want one sum", spy.calls)
	}
	digests := m.digests(t, l.Blocks)
	checkPlaintexts(t, m, l, digests)
	if s, err := m.Status(sum); err != nil || s.State != Ready || s.Digest != digests[fits] {
		t.Errorf("the sum is %s, of digest %s, want that of the flag, %s; %v", s.State, s.Digest, digests[fits], err)
	}
	m.keepsNothing(t)
	m.stop(t)
}

// TestDrawAndLookup orders what takes more than operands.
func TestDrawAndLookup(t *testing.T) {
	l := logtest.New()
	list, values := plaintest.RandomList(rand.New(rand.NewPCG(3, 3)))
	x := l.Input(list, values...)[0]
	seed := fhe.ClearOperand(uint256.NewInt(0x1234))
	table := make([]byte, 2*fhe.TableSize)
	for i := range fhe.TableSize {
		table[2*i], table[2*i+1] = byte(3*i), byte(5*i)
	}
	want := map[fhe.Handle]uint64{
		l.Derive(fhe.Rand, fhe.Uint8, nil, seed)[0]:                                                              0x34,
		l.Derive(fhe.RandBounded, fhe.Uint16, nil, seed, fhe.ClearOperand(uint256.NewInt(1000)))[0]:              0x1234 % 1000,
		l.Derive(fhe.Lookup, fhe.Uint16, table, l.Operand(x))[0]:                                                 uint64(byte(3*values[0]))<<8 | uint64(byte(5*values[0])),
		l.Derive(fhe.Lookup2, fhe.Uint8, bytes.Repeat([]byte{77}, fhe.TableSize), l.Operand(x), l.Operand(x))[0]: 77,
	}
	for h, v := range want {
		l.Values[h] = v
		l.Want(h)
	}
	m := startWith(t, []fhe.Batch{l.Seal(0)}, newPlainEvaluator())
	m.drain(t)
	checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
	m.stop(t)
}

// TestOneOfTwoResults uses one result of a checked sum in its transaction, and
// nothing else of it.
func TestOneOfTwoResults(t *testing.T) {
	for k, typ := range []fhe.Type{fhe.Uint8, fhe.Bool} {
		l := logtest.New()
		in := l.Input(plaintest.List([]fhe.Type{fhe.Uint8, fhe.Uint8}, []uint64{200, 100}), 200, 100)
		both := l.Derive(fhe.TryAdd, fhe.Uint8, nil, l.Operand(in[0]), l.Operand(in[1]))
		l.Want(l.Operation(fhe.Not, typ, false, 0, both[k]))
		m := startWith(t, []fhe.Batch{l.Seal(0)}, newPlainEvaluator())
		m.drain(t)
		checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
		m.keepsNothing(t)
		m.stop(t)
	}
}

// TestWaitForSecondResult waits for a flag while the sum is computed.
func TestWaitForSecondResult(t *testing.T) {
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 200)
	fits := l.Derive(fhe.TryAdd, fhe.Uint8, nil, l.Operand(x), fhe.ClearOperand(uint256.NewInt(100)))[1]
	l.Want(fits)
	gate := make(chan struct{})
	m := start(t, vfs.NewMem(), gated{newSpy(newPlainEvaluator()), gate})
	m.feed(t, l.Seal(0))
	done := make(chan error)
	go func() { done <- m.Wait(t.Context(), fits) }()
	for !m.waiters.any() {
		runtime.Gosched()
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s, err := m.Status(fits); err != nil || len(s.Operands) != 1 || s.Operands[0] != x {
		t.Errorf("operands %v, want the encrypted one; %v", s.Operands, err)
	}
	m.stop(t)
}

func (w *waiters) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.on) > 0
}

// TestTwoResultsFail lets a checked sum fail: both results do, and what is ordered
// on them before and after. A retry mends all.
func TestTwoResultsFail(t *testing.T) {
	e := newSpy(newPlainEvaluator())
	e.refuse = func(op fhe.Op, _ *uint256.Int) error {
		if op == fhe.TryAdd {
			return errors.New("unlucky")
		}
		return nil
	}
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 200)
	both := l.Derive(fhe.TryAdd, fhe.Uint8, nil, l.Operand(x), fhe.ClearOperand(uint256.NewInt(100)))
	// A checked sum of the failed one: its flag fails although nobody wants its sum.
	more := l.Derive(fhe.TrySub, fhe.Uint8, nil, l.Operand(both[0]), l.Operand(x))
	l.Want(both[1], more[1])
	disk := vfs.NewMem()
	m := start(t, disk, e)
	m.feed(t, l.Seal(0))
	m.drain(t)
	late := l.Derive(fhe.TryMul, fhe.Uint8, nil, l.Operand(both[0]), l.Operand(x))
	l.Want(late[1])
	m.feed(t, l.Seal(0))
	m.drain(t)
	for _, h := range append(append(both, more...), late...) {
		if s, err := m.Status(h); err != nil || s.State != Failed || s.Failure.Handle != both[0] {
			t.Errorf("%s, %s, is %s: %v, %v", l.Kinds[h], h.Type(), s.State, s.Failure, err)
		}
	}
	m.stop(t)

	m = start(t, disk, newPlainEvaluator())
	if err := m.Retry(); err != nil {
		t.Fatal(err)
	}
	m.drain(t)
	checkPlaintexts(t, m, l, m.digests(t, l.Blocks))
	m.stop(t)
}
