package e2e

import (
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"

	"github.com/ethereum/go-ethereum/common"
)

// acl has an account make a call of the ACL.
func (n *node) acl(from account, method string, args ...any) {
	n.t.Helper()
	n.send(from, acl, pack(aclABI, method, args...))
}

// TestTokenDelegation: bob reads carol's balance while she lets him; the owner
// denies and pauses, and carol voids her permits.
func TestTokenDelegation(t *testing.T) {
	k := deploy(startDev(t))
	k.mint(carol, 321)
	balance := k.balanceOf(carol)
	ask := func(d *sdk.Decryption, want threshold.Code) {
		t.Helper()
		values, err := k.wallet.UserDecrypt(k.ctx, d)
		if codeOf(err) != want || want == "" && (err != nil || values[0].Uint64() != 321) {
			t.Errorf("got %v, %v, want %q", values, err, want)
		}
	}
	asBob := func() *sdk.Decryption {
		now := k.head().Time
		d, err := k.wallet.Parameters().NewDecryption(sdk.Reading{
			Origin: "the tests", User: fhe.Address(bob.Address), Delegator: fhe.Address(carol.Address),
			Contracts: []fhe.Address{fhe.Address(tokenAddress)}, Handles: []fhe.Handle{balance}, From: now, Until: now + 3600,
		})
		k.must(err)
		d.Sign(secretOf(bob))
		return d
	}
	ask(asBob(), threshold.NotDelegated)
	k.acl(carol, "delegateForUserDecryption", bob.Address, tokenAddress, uint64(time.Now().Add(time.Hour).Unix()))
	ask(asBob(), "")
	k.acl(alice, "blockAccount", bob.Address)
	ask(asBob(), threshold.Denied)
	k.acl(alice, "unblockAccount", bob.Address)
	k.acl(carol, "revokeDelegationForUserDecryption", bob.Address, tokenAddress)
	ask(asBob(), threshold.NotDelegated)

	own := k.permit(carol, tokenAddress, balance)
	k.acl(carol, "invalidateDecryptionSignaturesBefore", common.Big0)
	ask(own, threshold.PermitInvalidated)
	k.acl(alice, "addPauser", alice.Address)
	k.acl(alice, "pause")
	ask(k.permit(carol, tokenAddress, balance), threshold.Paused)
	k.acl(alice, "unpause")
	ask(k.permit(carol, tokenAddress, balance), "")
}
