package contracts

import (
	"bytes"
	"fmt"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
)

// governed lists the proxies in the order of Systems.
func (n *network) governed() []contract {
	return []contract{n.acl, n.executor, n.inputs, n.decryption, n.registry}
}

// refusal is how a system contract refuses to be governed by an account.
func (n *network) refusal(c contract, account common.Address) string {
	if c.Address == n.acl.Address {
		return fmt.Sprintf("OwnableUnauthorizedAccount(%s)", account)
	}
	return fmt.Sprintf("NotHostOwner(%s)", account)
}

func TestOwnershipChangesInTwoSteps(t *testing.T) {
	n := newNetwork(t)
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "transferOwnership", alice)
	n.must(owner, n.acl, "transferOwnership", alice)
	if got := n.must(bob, n.acl, "owner"); got != owner {
		t.Errorf("before the step of the new owner it is %v", got)
	}
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "blockAccount", bob)
	n.fails(n.refusal(n.acl, bob), bob, n.acl, "acceptOwnership")
	n.must(owner, n.acl, "transferOwnership", carol) // a slip, corrected
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "acceptOwnership")
	n.must(carol, n.acl, "acceptOwnership")
	if got := n.must(bob, n.acl, "owner"); got != carol {
		t.Errorf("the owner is %v", got)
	}
	n.fails(n.refusal(n.acl, owner), owner, n.acl, "blockAccount", bob)
	n.fails(n.refusal(n.registry, owner), owner, n.registry, "retireEpoch", common.Big1)
	n.must(carol, n.acl, "blockAccount", bob)
}

func TestOwnershipIsNotRenounced(t *testing.T) {
	n := newNetwork(t)
	n.fails("OwnershipCannotBeRenounced()", owner, n.acl, "renounceOwnership")
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "renounceOwnership")
	n.must(owner, n.acl, "transferOwnership", common.Address{}) // offers it to nobody
	n.fails(n.refusal(n.acl, alice), alice, n.acl, "acceptOwnership")
	if got := n.must(bob, n.acl, "owner"); got != owner {
		t.Errorf("the owner is %v", got)
	}
	implementation := common.Address(Systems()[0].Implementation)
	call, err := n.acl.abi.Pack("initialize", common.Address{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.construct(common.Address{19: 0x77}, SystemProxy, implementation, call); err == nil || err.Error() != fmt.Sprintf("OwnableInvalidOwner(%s)", common.Address{}) {
		t.Errorf("an ACL without an owner: %v", err)
	}
}

// TestStrangersDoNotUpgrade: nor does a system contract that is not the owner.
func TestStrangersDoNotUpgrade(t *testing.T) {
	n := newNetwork(t)
	for i, c := range n.governed() {
		next := common.Address(Systems()[i].Implementation)
		for _, stranger := range []common.Address{alice, c.Address, executorAccount, {}} {
			n.fails(n.refusal(c, stranger), stranger, c, "upgradeToAndCall", next, []byte{})
		}
	}
}

// TestUpgradesAreChecked: the owner's slips do not break a proxy.
func TestUpgradesAreChecked(t *testing.T) {
	n := newNetwork(t)
	other := n.deploy(ConfidentialToken, "Token", "TKN")
	for _, c := range n.governed() {
		for _, bad := range []common.Address{alice, other.Address, c.Address} {
			if _, err := n.try(owner, c, "upgradeToAndCall", bad, []byte{}); err == nil {
				t.Errorf("%s was upgraded to %s", c.Address, bad)
			}
		}
	}
	n.must(bob, n.acl, "owner")
	n.must(bob, n.registry, "network")
}

func (n *network) try(from common.Address, c contract, method string, args ...any) (out []any, err error) {
	n.transaction(func(tx *transaction) { out, err = tx.call(from, c, method, args...) })
	return out, err
}

// TestUpgradeKeepsState: a new implementation takes effect and finds everything
// as it was.
func TestUpgradeKeepsState(t *testing.T) {
	n := newNetwork(t)
	n.config.Time = 1000
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.must(alice, n.acl, "allow", h, bob)
		tx.must(alice, n.acl, "allowForDecryption", [][32]byte{h})
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, carol, uint64(2000))
		tx.must(alice, n.acl, "invalidateDecryptionSignaturesBefore", common.Big0)
		tx.must(owner, n.acl, "addPauser", bob)
		tx.must(owner, n.acl, "blockAccount", carol)
		tx.must(bob, n.acl, "pause")
	})
	read := func() (state string) {
		n.transaction(func(tx *transaction) {
			for _, q := range [][]any{
				{"persistAllowed", h, bob}, {"persistAllowed", h, alice}, {"isAllowedForDecryption", h},
				{"getUserDecryptionDelegationExpirationDate", alice, bob, carol}, {"decryptionSignatureInvalidatedBefore", alice},
				{"isPauser", bob}, {"isAccountDenied", carol}, {"paused"}, {"owner"},
			} {
				state += fmt.Sprintln(q[0], tx.must(bob, n.acl, q[0].(string), q[1:]...))
			}
		})
		return state
	}
	before := read()
	next := n.deploy(ACL, bob) // the executor is another: so one sees which code runs
	tx := n.transaction(func(tx *transaction) { tx.must(owner, n.acl, "upgradeToAndCall", next.Address, []byte{}) })
	if got := n.must(bob, n.acl, "getFHEVMExecutorAddress"); got != bob {
		t.Errorf("the old implementation runs: executor %v", got)
	}
	if e := n.acl.events(t, tx.logs, "Upgraded"); len(e) != 1 || e[0]["implementation"] != next.Address {
		t.Errorf("events %v", e)
	}
	if after := read(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	n.fails("InvalidInitialization()", owner, n.acl, "initialize", alice)
}

// TestOwnerMayBeAContract: a timelock or a multisig is one. It takes over, upgrades
// every system contract and sets the budget by calls of its own; who sends the
// transaction is nobody.
func TestOwnerMayBeAContract(t *testing.T) {
	n := newNetwork(t)
	timelock := []common.Address{n.place(1, puppet(vm.CALL))}
	n.must(owner, n.acl, "transferOwnership", timelock[0])
	n.transaction(func(tx *transaction) { tx.allowed(timelock, n.acl, "acceptOwnership") })
	if got := n.must(bob, n.acl, "owner"); got != timelock[0] {
		t.Fatalf("the owner is %v", got)
	}
	for i, c := range n.governed() {
		next := n.again(i)
		for _, stranger := range []common.Address{mallory, owner} {
			n.fails(n.refusal(c, stranger), stranger, c, "upgradeToAndCall", next, []byte{})
		}
		tx := n.transaction(func(tx *transaction) { tx.allowed(timelock, c, "upgradeToAndCall", next, []byte{}) })
		if e := c.events(t, tx.logs, "Upgraded"); len(e) != 1 || e[0]["implementation"] != next {
			t.Errorf("%s: events %v", Systems()[i].Name, e)
		}
	}
	n.fails(n.refusal(n.executor, mallory), mallory, n.executor, "setBudget", uint32(1), uint32(2), uint32(3))
	n.transaction(func(tx *transaction) {
		tx.allowed(timelock, n.executor, "setBudget", uint32(1), uint32(2), uint32(3))
		limits, err := tx.call(bob, n.executor, "budget")
		if fmt.Sprint(limits, err) != "[1 2 3] <nil>" {
			t.Errorf("limits %v, %v", limits, err)
		}
		tx.encrypt(alice, 1, fhe.Uint8)
	})
}

// again is a second implementation of system contract i, with the immutables of the
// first.
func (n *network) again(i int) common.Address {
	n.apps++
	at := common.Address{0: 0xc0, 19: n.apps}
	first := n.config.State.GetCode(common.Address(Systems()[i].Implementation))
	n.config.State.SetCode(at, bytes.ReplaceAll(first, Systems()[i].Implementation[:], at[:]), tracing.CodeChangeUnspecified)
	return at
}

// TestUpgradedExecutorCountsOn: salts are never used again.
func TestUpgradedExecutorCountsOn(t *testing.T) {
	n := newNetwork(t)
	n.transaction(func(tx *transaction) { tx.encrypt(alice, 1, fhe.Uint8); tx.encrypt(alice, 1, fhe.Uint8) })
	next := n.deploy(FHEVMExecutor, common.Address(ACLAddress), common.Address(InputVerifierAddress), keyID)
	n.must(owner, n.executor, "upgradeToAndCall", next.Address, []byte{})
	tx := n.transaction(func(tx *transaction) { tx.encrypt(alice, 1, fhe.Uint8) })
	if salt := n.derivations(tx.logs)[0].Salt; salt != fhe.Digest(word(2)) {
		t.Errorf("salt %s", salt)
	}
}

// TestNothingIsSetUpTwice: neither the proxies nor the implementations behind
// them, and an implementation has no say.
func TestNothingIsSetUpTwice(t *testing.T) {
	n := newNetwork(t)
	for i, c := range n.governed() {
		implementation := contract{common.Address(Systems()[i].Implementation), c.abi}
		args := map[*Artifact][]any{
			ACL:           {alice},
			FHEVMExecutor: {uint32(1), uint32(1), uint32(1)},
			KeyRegistry:   {"dev", [32]byte(keyID), [32]byte{}, common.Big1, signers(n.members), common.Big1},
		}[Systems()[i].Artifact]
		n.fails("InvalidInitialization()", owner, c, "initialize", args...)
		n.fails("InvalidInitialization()", owner, implementation, "initialize", args...)
		n.fails("UUPSUnauthorizedCallContext()", owner, implementation, "upgradeToAndCall", implementation.Address, []byte{})
	}
}

// TestImplementationsHoldNoRights: called directly, they move nothing.
func TestImplementationsHoldNoRights(t *testing.T) {
	n := newNetwork(t)
	at := func(i int) contract {
		return contract{common.Address(Systems()[i].Implementation), n.governed()[i].abi}
	}
	acl, executor, inputs, decryption := at(0), at(1), at(2), at(3)
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.fails(fmt.Sprintf("SenderNotAllowed(%s)", alice), alice, acl, "allow", h, alice)
		tx.must(executorAccount, acl, "allowTransient", h, bob) // in the implementation's own transient storage
		tx.must(bob, acl, "allow", h, bob)
		tx.wantRights(rights{}, h, bob)
		tx.fails(fmt.Sprintf("HCUBlockLimitExceeded(%s)", math.MaxBig256), alice, executor, "trivialEncrypt", common.Big1, uint8(fhe.Uint8))
		list := newInputList(t, n.binding(app, alice), fhe.Uint64)
		tx.fails(fmt.Sprintf("SenderNotExecutor(%s)", executor.Address), app, executor, "verifyInput", list.handles[0], alice, list.encoding, uint8(fhe.Uint64))
		tx.fails(fmt.Sprintf("SenderNotExecutor(%s)", app), app, inputs, "verify", app, alice, list.handles[0], list.encoding)
	})
	d := aDecryption() // signed for the proxy
	if _, err := n.try(bob, decryption, "verify", d.handles, d.result, d.proof(d.signatures(t, n.members[:3]...)...)); err == nil {
		t.Error("the verifier's implementation accepts what was signed for the proxy")
	}
	n.fails(n.refusal(n.acl, owner), owner, acl, "blockAccount", alice)
}

func TestVersions(t *testing.T) {
	n := newNetwork(t)
	for i, c := range n.governed() {
		if got, want := n.must(bob, c, "getVersion"), Systems()[i].Name+" v0.1.0"; got != want {
			t.Errorf("version %v, want %s", got, want)
		}
	}
}
