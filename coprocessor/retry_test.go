package coprocessor

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// TestRetryOfOne: of two computations that failed one is asked for again while the
// coprocessor is stopped. It is computed at the next start with what needs it; the
// other one stays.
func TestRetryOfOne(t *testing.T) {
	e := newSpy(newPlainEvaluator())
	e.refuse = func(op fhe.Op, _ *uint256.Int) error {
		if op == fhe.Mul {
			return errors.New("a mishap")
		}
		return nil
	}
	l := logtest.New()
	var bad, consumer [2]fhe.Handle
	for i := range bad {
		bad[i] = l.Operation(fhe.Mul, fhe.Uint8, true, uint64(5+i), l.Trivial(fhe.Uint8, 7))
		consumer[i] = l.Operation(fhe.Not, fhe.Uint8, false, 0, bad[i])
	}
	l.Want(consumer[:]...)
	disk := vfs.NewMem()
	m := start(t, disk, e)
	m.feed(t, l.Seal(0))
	m.drain(t)
	m.stop(t)

	s, err := store.OpenExisting(disk, m.cfg.Dir, false, discard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Retry(consumer[1])
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if r.Missing != 1 || len(r.Culprits) != 1 || r.Culprits[0].Handle != bad[1] || r.Culprits[0].Reason != "a mishap" {
		t.Errorf("%+v", r)
	}

	m = start(t, disk, newPlainEvaluator())
	defer m.stop(t)
	m.drain(t)
	ct, err := m.Ciphertext(t.Context(), consumer[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := plaintext(t, ct); got != l.Values[consumer[1]] {
		t.Errorf("the one that was asked for is %d, want %d", got, l.Values[consumer[1]])
	}
	var f *store.Failure
	if _, err := m.Ciphertext(t.Context(), consumer[0]); !errors.As(err, &f) || f.Handle != bad[0] {
		t.Errorf("the other one: %v", err)
	}
}
