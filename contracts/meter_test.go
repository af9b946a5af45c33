package contracts

import (
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"
)

func (n *network) available() int64 {
	n.t.Helper()
	return n.must(bob, n.executor, "availableBootstraps").(*big.Int).Int64()
}

// product orders an encrypted product of 8 bits and returns its cost.
func (tx *transaction) product(a fhe.Handle) (fhe.Handle, fhe.Cost) {
	h := tx.handle(alice, tx.executor, "fheMul", a, a, encrypted)
	return h, fhe.Form{Op: fhe.Mul, Type: fhe.Uint8}.Cost()
}

// The bucket admits while it holds something, may be overdrawn, is refilled with
// every block and never holds more than the burst.
func TestBudgetIsABucket(t *testing.T) {
	n := newBudget(t, 10, 30, 1000)
	var spent int64
	n.transaction(func(tx *transaction) {
		a := tx.encrypt(alice, 3, fhe.Uint8)
		for spent < 30 {
			_, cost := tx.product(a)
			spent += int64(cost.Bootstraps)
		}
		over := spent - 30
		tx.fails(fmt.Sprintf("HCUBlockLimitExceeded(%d)", 1+over/10), alice, n.executor, "fheMul", a, a, encrypted)
		if got := tx.must(bob, n.executor, "availableBootstraps").(*big.Int).Int64(); got != -over {
			t.Errorf("bucket holds %d, want %d", got, -over)
		}
	})
	for want := 30 - spent + 10; want < 60; want += 10 {
		n.nextBlock()
		if got := n.available(); got != min(want, 30) {
			t.Errorf("bucket holds %d, want %d", got, min(want, 30))
		}
	}
}

// What a reverted call ordered is not taken.
func TestBudgetForgetsReverts(t *testing.T) {
	n := newBudget(t, 10, 1000, 5)
	n.transaction(func(tx *transaction) {
		a, want := tx.encrypt(alice, 3, fhe.Uint8), tx.must(bob, n.executor, "availableBootstraps")
		tx.fails("HCUTransactionDepthLimitExceeded()", alice, n.executor, "fheDiv", a, a, encrypted)
		if got := tx.must(bob, n.executor, "availableBootstraps"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("bucket holds %v, want %v", got, want)
		}
	})
}

// Depth adds up along a chain of results and not across independent ones; what an
// earlier transaction made counts as one layer, for it is unpacked.
func TestDepthOfATransaction(t *testing.T) {
	one := fhe.Form{Op: fhe.Mul, Type: fhe.Uint8}.Cost().Depth
	n := newBudget(t, 1000, 1000, uint32(3*one))
	var stored fhe.Handle
	n.transaction(func(tx *transaction) {
		a := tx.encrypt(alice, 3, fhe.Uint8)
		for range 3 {
			tx.product(a)
		}
		x := a
		for range 3 {
			x, _ = tx.product(x)
		}
		tx.fails("HCUTransactionDepthLimitExceeded()", alice, n.executor, "fheMul", a, x, encrypted)
		tx.must(alice, n.acl, "allow", x, alice)
		stored = x
	})
	n.transaction(func(tx *transaction) {
		x, _ := tx.product(stored)
		x, _ = tx.product(x)
		tx.fails("HCUTransactionDepthLimitExceeded()", alice, n.executor, "fheMul", x, x, encrypted)
	})
}

// An input list takes a bootstrap for each of its blocks, once.
func TestInputsCountInTheBudget(t *testing.T) {
	n := newBudget(t, 1, 1000, 1000)
	types := []fhe.Type{fhe.Uint64, fhe.Int8}
	l := newInputList(t, n.binding(app, alice), types...)
	n.transaction(func(tx *transaction) {
		for i, h := range l.handles {
			tx.must(app, n.executor, "verifyInput", h, alice, l.encoding, uint8(types[i]))
		}
		if got := tx.must(bob, n.executor, "availableBootstraps").(*big.Int).Int64(); got != int64(1000-fhe.InputBootstraps(types)) {
			t.Errorf("bucket holds %d", got)
		}
	})
}

func TestBudgetIsAboveZero(t *testing.T) {
	n := newNetwork(t)
	for _, limits := range [][3]uint32{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}} {
		n.fails("InvalidBudget()", owner, n.executor, "setBudget", limits[0], limits[1], limits[2])
	}
}

// Only the owner changes the limits. A smaller burst spills what the bucket holds,
// a larger one does not fill it.
func TestOwnerSetsTheBudget(t *testing.T) {
	n := newBudget(t, 10, 1000, 100)
	n.fails(fmt.Sprintf("NotHostOwner(%s)", bob), bob, n.executor, "setBudget", uint32(1), uint32(1), uint32(1))
	for _, step := range []struct{ burst, want int64 }{{300, 300}, {500, 300}} {
		tx := n.transaction(func(tx *transaction) {
			tx.must(owner, n.executor, "setBudget", uint32(7), uint32(step.burst), uint32(50))
		})
		if e := n.executor.events(t, tx.logs, "BudgetSet"); len(e) != 1 || e[0]["burst"] != uint32(step.burst) {
			t.Errorf("events %v", e)
		}
		if got := n.available(); got != step.want {
			t.Errorf("bucket holds %d, want %d", got, step.want)
		}
	}
	n.nextBlock()
	if got := n.available(); got != 307 {
		t.Errorf("bucket holds %d after a block, want 307", got)
	}
	n.transaction(func(tx *transaction) {
		limits, err := tx.call(bob, n.executor, "budget")
		if fmt.Sprint(limits, err) != "[7 500 50] <nil>" {
			t.Errorf("limits %v, %v", limits, err)
		}
	})
}
