package coprocessor

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// TestTwoResults uses both results of one operation, in its transaction and later:
// it is computed once, and both are values of one packed form.
func TestTwoResults(t *testing.T) {
	l := logtest.New()
	list := plainList([]fhe.Type{fhe.Uint8, fhe.Uint8}, []uint64{200, 100})
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
	if ids := m.kept(t); len(ids) > 0 {
		t.Errorf("%d bare ciphertexts are kept for nobody", len(ids))
	}
	m.stop(t)
}

// TestDrawAndLookup orders what takes more than operands.
func TestDrawAndLookup(t *testing.T) {
	l := logtest.New()
	list, values := randomList(rand.New(rand.NewPCG(3, 3)))
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
