package contracts

import (
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

const year = 365 * 24 * 60 * 60

// TestPause: nobody gets a right, and so nothing is ordered, while reading and
// giving up go on.
func TestPause(t *testing.T) {
	n := newNetwork(t)
	n.config.Time = 1000
	h := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, DevChainID, fhe.Uint8, fhe.Version)
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.must(alice, n.acl, "allow", h, alice)
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, carol, uint64(2000))
		tx.must(owner, n.acl, "addPauser", carol)
	})
	n.fails(fmt.Sprintf("NotPauser(%s)", owner), owner, n.acl, "pause") // the owner names pausers
	tx := n.transaction(func(tx *transaction) { tx.must(carol, n.acl, "pause") })
	if len(n.acl.events(t, tx.logs, "Paused")) != 1 {
		t.Error("no event")
	}
	n.config.BlockNumber = big.NewInt(2)
	list := newInputList(t, n.binding(app, alice), fhe.Uint64)
	n.transaction(func(tx *transaction) {
		const paused = "EnforcedPause()"
		tx.fails(paused, alice, n.acl, "allow", h, bob)
		tx.fails(paused, alice, n.acl, "allowBoth", h, bob)
		tx.fails(paused, alice, n.acl, "allowTransient", h, bob)
		tx.fails(paused, executorAccount, n.acl, "allowTransient", h, bob)
		tx.fails(paused, alice, n.acl, "allowForDecryption", [][32]byte{h})
		tx.fails(paused, alice, n.acl, "delegateForUserDecryption", bob, carol, uint64(3000))
		tx.fails(paused, alice, n.executor, "fheNot", h)
		tx.fails(paused, alice, n.executor, "trivialEncrypt", common.Big1, uint8(fhe.Uint8))
		tx.fails(paused, app, n.executor, "verifyInput", list.handles[0], alice, list.encoding, uint8(fhe.Uint64))
		tx.fails(paused, carol, n.acl, "pause")
		tx.wantRights(rights{persistent: true}, h, alice)
		tx.must(alice, n.acl, "revokeDelegationForUserDecryption", bob, carol)
		tx.must(alice, n.acl, "invalidateDecryptionSignaturesBefore", common.Big0)
		tx.fails(n.refusal(n.acl, carol), carol, n.acl, "unpause")
		tx.must(owner, n.acl, "unpause")
		tx.fails("ExpectedPause()", owner, n.acl, "unpause")
		tx.must(alice, n.acl, "allow", h, bob)
	})
}

func TestPausers(t *testing.T) {
	n := newNetwork(t)
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "addPauser", alice)
	n.fails(fmt.Sprintf("NotPauser(%s)", alice), alice, n.acl, "pause")
	n.fails(fmt.Sprintf("AccountNotPauser(%s)", alice), owner, n.acl, "removePauser", alice)
	tx := n.transaction(func(tx *transaction) {
		tx.must(owner, n.acl, "addPauser", alice)
		tx.fails(fmt.Sprintf("AccountAlreadyPauser(%s)", alice), owner, n.acl, "addPauser", alice)
		tx.fails(n.refusal(n.acl, alice), alice, n.acl, "removePauser", alice)
		tx.must(owner, n.acl, "removePauser", alice)
	})
	if len(n.acl.events(t, tx.logs, "AddPauser")) != 1 || len(n.acl.events(t, tx.logs, "RemovePauser")) != 1 {
		t.Error("events are missing")
	}
	n.fails(fmt.Sprintf("NotPauser(%s)", alice), alice, n.acl, "pause")
}

// TestDenyList: a denied account shares nothing and gets nothing new; others are
// not touched, and denial ends.
func TestDenyList(t *testing.T) {
	n := newNetwork(t)
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.must(alice, n.acl, "allow", h, alice)
	})
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "blockAccount", bob)
	n.fails(fmt.Sprintf("AccountNotBlocked(%s)", alice), owner, n.acl, "unblockAccount", alice)
	tx := n.transaction(func(tx *transaction) {
		tx.must(owner, n.acl, "blockAccount", alice)
		tx.fails(fmt.Sprintf("AccountAlreadyBlocked(%s)", alice), owner, n.acl, "blockAccount", alice)
	})
	if e := n.acl.events(t, tx.logs, "BlockedAccount"); len(e) != 1 || e[0]["account"] != alice {
		t.Errorf("events %v", e)
	}
	n.transaction(func(tx *transaction) {
		denied := fmt.Sprintf("SenderDenied(%s)", alice)
		if !tx.must(bob, n.acl, "isAccountDenied", alice).(bool) || tx.must(bob, n.acl, "isAccountDenied", bob).(bool) {
			t.Error("the wrong account is denied")
		}
		tx.fails(denied, alice, n.acl, "allow", h, bob)
		tx.fails(denied, alice, n.acl, "allowBoth", h, bob)
		tx.fails(denied, alice, n.acl, "allowTransient", h, bob)
		tx.fails(denied, alice, n.acl, "allowForDecryption", [][32]byte{h})
		tx.fails(denied, executorAccount, n.acl, "allowTransient", fhe.Handle{2}, alice)
		tx.fails(denied, alice, n.executor, "trivialEncrypt", common.Big1, uint8(fhe.Uint8))
		tx.encrypt(bob, 1, fhe.Uint8)
		tx.wantRights(rights{persistent: true}, h, alice)
		tx.fails(n.refusal(n.acl, alice), alice, n.acl, "unblockAccount", alice)
		tx.must(owner, n.acl, "unblockAccount", alice)
		tx.must(alice, n.acl, "allow", h, bob)
	})
}

func TestInvalidateDecryptionSignatures(t *testing.T) {
	n := newNetwork(t)
	n.config.Time = 1000
	before := func(account common.Address) string {
		return fmt.Sprint(n.must(carol, n.acl, "decryptionSignatureInvalidatedBefore", account))
	}
	invalidate := func(want string, timestamp int64) {
		t.Helper()
		n.fails(want, alice, n.acl, "invalidateDecryptionSignaturesBefore", big.NewInt(timestamp))
	}
	if before(alice) != "0" {
		t.Error("permits are void from the start")
	}
	n.must(alice, n.acl, "invalidateDecryptionSignaturesBefore", big.NewInt(500))
	tx := n.transaction(func(tx *transaction) {
		tx.must(alice, n.acl, "invalidateDecryptionSignaturesBefore", common.Big0)
	})
	if e := n.acl.events(t, tx.logs, "DecryptionSignaturesInvalidated"); len(e) != 1 || e[0]["account"] != alice || fmt.Sprint(e[0]["beforeTimestamp"]) != "1000" {
		t.Errorf("events %v", e)
	}
	if before(alice) != "1000" || before(bob) != "0" {
		t.Errorf("of alice before %s, of bob before %s", before(alice), before(bob))
	}
	invalidate("InvalidationNotLater(1000, 1000)", 0)
	invalidate("InvalidationNotLater(999, 1000)", 999) // nothing comes back to life
	invalidate(fmt.Sprintf("InvalidationTooLate(%d, %d)", 1000+year+1, 1000+year), 1000+year+1)
	n.must(alice, n.acl, "invalidateDecryptionSignaturesBefore", big.NewInt(1000+year))
}

// TestManyHolders: a handle has any number of holders, the public mark, and none
// that was not given.
func TestManyHolders(t *testing.T) {
	n := newNetwork(t)
	h, other := fhe.Handle{1}, fhe.Handle{2}
	account := func(i int) common.Address { return common.Address{0: 0xaa, 19: byte(i)} }
	const holders = 12
	n.transaction(func(tx *transaction) {
		for i := range 2 * holders {
			tx.must(executorAccount, n.acl, "allowTransient", other, account(i))
			tx.must(account(i), n.acl, "allow", other, account(i)) // numbers every account
		}
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		for i := range holders {
			tx.must(alice, n.acl, "allow", h, account(i))
			tx.must(alice, n.acl, "allow", h, account(i))
			if i == holders/2 {
				tx.must(alice, n.acl, "allowForDecryption", [][32]byte{h})
			}
		}
	})
	n.transaction(func(tx *transaction) {
		for i := range 2 * holders {
			tx.wantRights(rights{persistent: i < holders}, h, account(i))
		}
		tx.wantRights(rights{}, h, alice)
		tx.wantRights(rights{}, h, common.Address{})
		tx.wantRights(rights{}, fhe.Handle{3}, account(0))
		if !tx.must(bob, n.acl, "isAllowedForDecryption", h).(bool) || tx.must(bob, n.acl, "isAllowedForDecryption", other).(bool) {
			t.Error("the wrong handle is public")
		}
	})
}
