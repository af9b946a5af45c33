package e2e

import (
	"testing"

	"fhevm/contracts"
	"fhevm/threshold"

	"github.com/ethereum/go-ethereum/common"
)

func (n *node) snapshot() (id string) {
	n.t.Helper()
	n.must(n.chain.Client().CallContext(n.ctx, &id, "evm_snapshot"))
	return id
}

func (n *node) revert(id string) {
	n.t.Helper()
	var ok bool
	n.must(n.chain.Client().CallContext(n.ctx, &ok, "evm_revert", id))
	if !ok {
		n.t.Fatalf("snapshot %s is not there", id)
	}
}

// TestRevert: values of undone blocks are nobody's, those before stay, and both
// survive a kill. What is done again gives the same values.
func TestRevert(t *testing.T) {
	data := t.TempDir()
	k := deploy(startDev(t, "--data", data))
	k.mint(alice, 1000)
	id := k.snapshot()
	k.transfer(alice, bob, 300)
	k.check(ledger{alice.Address: 700, bob.Address: 300})
	undone := k.permit(bob, tokenAddress, k.balanceOf(bob))
	k.revert(id)
	gone := func() {
		t.Helper()
		if values, err := k.wallet.UserDecrypt(k.ctx, undone); codeOf(err) != threshold.NotAllowed {
			t.Errorf("an undone value is %v, %v", values, err)
		}
		if s := k.status(undone.Request.Handles[0], 0); s.State != "unknown" {
			t.Errorf("an undone handle is %s", s.State)
		}
	}
	gone()
	k.kill()
	k = &token{startDev(t, "--data", data)}
	gone()
	k.check(ledger{alice.Address: 1000})
	k.transfer(alice, bob, 200)
	k.check(ledger{alice.Address: 800, bob.Address: 200})
}

// TestEpochRetired: the parties stop when the owner retires their epoch, and not
// because there is a next one.
func TestEpochRetired(t *testing.T) {
	k := deploy(startDev(t))
	k.mint(alice, 5)
	registry, at := parsed(contracts.KeyRegistry), common.Address(contracts.KeyRegistryAddress)
	k.send(alice, at, pack(registry, "activateEpoch", []common.Address{{1}}, common.Big1))
	k.check(ledger{alice.Address: 5})
	id := k.snapshot()
	k.send(alice, at, pack(registry, "retireEpoch", common.Big1))
	if v, err := k.reveal(alice); codeOf(err) != threshold.EpochNotActive {
		t.Errorf("the balance is %d, %v", v, err)
	}
	k.revert(id)
	k.check(ledger{alice.Address: 5})
}
