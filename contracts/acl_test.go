package contracts

import (
	"fmt"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

var executorAccount = common.Address(ExecutorAddress)

// rights states which rights an account should hold on a handle.
type rights struct{ transient, persistent bool }

func (tx *transaction) wantRights(want rights, h fhe.Handle, account common.Address) {
	tx.t.Helper()
	got := rights{
		tx.must(bob, tx.acl, "allowedTransient", h, account).(bool),
		tx.must(bob, tx.acl, "persistAllowed", h, account).(bool),
	}
	if got != want {
		tx.t.Errorf("rights of %s are %+v, want %+v", account, got, want)
	}
	if any := tx.must(bob, tx.acl, "isAllowed", h, account).(bool); any != (want.transient || want.persistent) {
		tx.t.Errorf("isAllowed = %v for rights %+v", any, want)
	}
}

func TestTransientRightEndsWithTransaction(t *testing.T) {
	n := newNetwork(t)
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.wantRights(rights{transient: true}, h, alice)
		tx.wantRights(rights{}, h, bob)
		tx.wantRights(rights{}, fhe.Handle{2}, alice)
	})
	n.transaction(func(tx *transaction) { tx.wantRights(rights{}, h, alice) })
}

func TestRightsPassOn(t *testing.T) {
	n := newNetwork(t)
	h := fhe.Handle{1}
	tx := n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.must(alice, n.acl, "allowTransient", h, bob)
		tx.must(bob, n.acl, "allow", h, carol)
	})
	events := n.acl.events(t, tx.logs, "Allowed")
	if want := map[string]any{"caller": bob, "account": carol, "handle": [32]byte(h)}; len(events) != 1 || fmt.Sprint(events[0]) != fmt.Sprint(want) {
		t.Errorf("events %v, want one of %v", events, want)
	}
	n.transaction(func(tx *transaction) {
		tx.wantRights(rights{}, h, bob)
		tx.wantRights(rights{persistent: true}, h, carol)
		tx.must(carol, n.acl, "allow", h, alice)
	})
	n.transaction(func(tx *transaction) { tx.wantRights(rights{persistent: true}, h, alice) })
}

// allowBoth does what two calls of allow do, and no more.
func TestAllowBoth(t *testing.T) {
	n := newNetwork(t)
	h := fhe.Handle{1}
	tx := n.transaction(func(tx *transaction) {
		tx.fails(fmt.Sprintf("SenderNotAllowed(%s)", alice), alice, n.acl, "allowBoth", h, bob)
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.must(alice, n.acl, "allowBoth", h, bob)
	})
	one := fmt.Sprint([]map[string]any{
		{"caller": alice, "account": alice, "handle": [32]byte(h)}, {"caller": alice, "account": bob, "handle": [32]byte(h)},
	})
	if got := fmt.Sprint(n.acl.events(t, tx.logs, "Allowed")); got != one {
		t.Errorf("events %v, want %v", got, one)
	}
	n.transaction(func(tx *transaction) {
		tx.wantRights(rights{persistent: true}, h, alice)
		tx.wantRights(rights{persistent: true}, h, bob)
		tx.wantRights(rights{}, h, carol)
		for i := range 5 { // beyond the first five holders
			holder := common.Address{19: byte(i + 1)}
			tx.must(alice, n.acl, "allowBoth", h, holder)
			tx.must(holder, n.acl, "allowBoth", h, alice)
			tx.wantRights(rights{persistent: true}, h, holder)
		}
	})
}

func TestRightsNeedARight(t *testing.T) {
	n := newNetwork(t)
	h := fhe.Handle{1}
	denied := fmt.Sprintf("SenderNotAllowed(%s)", alice)
	n.fails(denied, alice, n.acl, "allow", h, alice)
	n.fails(denied, alice, n.acl, "allowBoth", h, alice)
	n.fails(denied, alice, n.acl, "allowTransient", h, alice)
	n.fails(denied, alice, n.acl, "allowForDecryption", [][32]byte{h})
	n.fails(denied, alice, n.acl, "allow", fhe.Handle{}, alice)
	// The executor lends every handle but owns none.
	n.fails(fmt.Sprintf("SenderNotAllowed(%s)", executorAccount), executorAccount, n.acl, "allow", h, alice)
}

func TestAllowForDecryption(t *testing.T) {
	n := newNetwork(t)
	mine, other := fhe.Handle{1}, fhe.Handle{2}
	open := func(h fhe.Handle) bool { return n.must(bob, n.acl, "isAllowedForDecryption", h).(bool) }
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", mine, alice)
		tx.fails(fmt.Sprintf("SenderNotAllowed(%s)", alice), alice, n.acl, "allowForDecryption", [][32]byte{mine, other})
	})
	if open(mine) {
		t.Error("a refused list opened a handle")
	}
	tx := n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", mine, alice)
		tx.must(alice, n.acl, "allowForDecryption", [][32]byte{mine})
	})
	if !open(mine) || open(other) {
		t.Error("the wrong handles are open")
	}
	events := n.acl.events(t, tx.logs, "AllowedForDecryption")
	if len(events) != 1 || events[0]["caller"] != alice || fmt.Sprint(events[0]["handlesList"]) != fmt.Sprint([][32]byte{mine}) {
		t.Errorf("events %v", events)
	}
}

func TestCleanTransientStorage(t *testing.T) {
	n := newNetwork(t)
	n.transaction(func(tx *transaction) {
		for i := range byte(5) {
			tx.must(executorAccount, n.acl, "allowTransient", fhe.Handle{i}, alice)
			tx.must(executorAccount, n.acl, "allowTransient", fhe.Handle{i}, alice) // twice is once
		}
		tx.must(alice, n.acl, "allow", fhe.Handle{3}, alice)
		tx.must(bob, n.acl, "cleanTransientStorage")
		for i := range byte(5) {
			tx.wantRights(rights{persistent: i == 3}, fhe.Handle{i}, alice)
		}
		tx.must(executorAccount, n.acl, "allowTransient", fhe.Handle{1}, alice)
		tx.wantRights(rights{transient: true}, fhe.Handle{1}, alice)
		tx.must(bob, n.acl, "cleanTransientStorage")
		tx.wantRights(rights{}, fhe.Handle{1}, alice)
	})
}
