package contracts

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

var allContracts = common.Address(AllContracts)

// block begins another block.
func (n *network) block(number int64, time uint64) {
	n.config.BlockNumber, n.config.Time = big.NewInt(number), time
}

// TestDelegation: alice lets bob read what she and the app hold, for a time.
func TestDelegation(t *testing.T) {
	n := newNetwork(t)
	n.block(10, 1000)
	mine, apps, ours := fhe.Handle{1}, fhe.Handle{2}, fhe.Handle{3}
	n.transaction(func(tx *transaction) {
		for h, holders := range map[fhe.Handle][]common.Address{mine: {alice}, apps: {app}, ours: {alice, app}} {
			tx.must(executorAccount, n.acl, "allowTransient", h, carol)
			for _, a := range holders {
				tx.must(carol, n.acl, "allow", h, a)
			}
		}
	})
	may := func(contract common.Address, h fhe.Handle) bool {
		return n.must(carol, n.acl, "isHandleDelegatedForUserDecryption", alice, bob, contract, h).(bool)
	}
	if may(app, ours) {
		t.Error("without a delegation")
	}
	tx := n.transaction(func(tx *transaction) {
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, app, uint64(2000))
	})
	want := map[string]any{"delegator": alice, "delegate": bob, "contractAddress": app,
		"delegationCounter": uint64(1), "oldExpirationDate": uint64(0), "newExpirationDate": uint64(2000)}
	if e := n.acl.events(t, tx.logs, "DelegatedForUserDecryption"); len(e) != 1 || fmt.Sprint(e[0]) != fmt.Sprint(want) {
		t.Errorf("events %v", e)
	}
	if got := n.must(carol, n.acl, "getUserDecryptionDelegationExpirationDate", alice, bob, app); got != uint64(2000) {
		t.Errorf("ends at %v", got)
	}
	for time, want := range map[uint64]bool{1000: true, 2000: true, 2001: false} {
		n.block(11, time)
		if may(app, ours) != want {
			t.Errorf("at %d: %v", time, !want)
		}
	}
	n.block(11, 1000)
	if may(app, mine) || may(app, apps) || may(carol, ours) {
		t.Error("a right or the contract is missing")
	}
	if n.must(carol, n.acl, "isHandleDelegatedForUserDecryption", bob, alice, app, ours).(bool) {
		t.Error("a delegation works in both directions")
	}
	tx = n.transaction(func(tx *transaction) { tx.must(alice, n.acl, "revokeDelegationForUserDecryption", bob, app) })
	if e := n.acl.events(t, tx.logs, "RevokedDelegationForUserDecryption"); len(e) != 1 || e[0]["delegationCounter"] != uint64(2) || e[0]["oldExpirationDate"] != uint64(2000) {
		t.Errorf("events %v", e)
	}
	if may(app, ours) {
		t.Error("after the delegation was revoked")
	}
}

// TestDelegationForAllContracts: it has a life of its own beside one for a
// single contract.
func TestDelegationForAllContracts(t *testing.T) {
	n := newNetwork(t)
	n.block(10, 1000)
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, carol)
		tx.must(carol, n.acl, "allow", h, alice)
		tx.must(carol, n.acl, "allow", h, app)
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, allContracts, uint64(3000))
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, app, uint64(2000))
	})
	may := func(contract common.Address) bool {
		return n.must(carol, n.acl, "isHandleDelegatedForUserDecryption", alice, bob, contract, h).(bool)
	}
	n.block(11, 2500)
	if !may(app) || may(carol) || may(allContracts) {
		t.Error("the delegation for all contracts does not work for contracts that hold the handle, and for them alone")
	}
	if got := n.must(carol, n.acl, "WILDCARD_DELEGATION_ADDRESS"); got != allContracts {
		t.Errorf("all contracts are %v", got)
	}
	n.must(alice, n.acl, "revokeDelegationForUserDecryption", bob, allContracts)
	if may(app) {
		t.Error("after the delegation was revoked")
	}
	n.block(12, 1500)
	if !may(app) {
		t.Error("the delegation for the contract was revoked, too")
	}
}

// TestDelegationThroughNoParty: the committee takes neither the delegator nor the delegate for the contract of a
// permit, though a delegation for all contracts names no contract and both may hold rights.
func TestDelegationThroughNoParty(t *testing.T) {
	n := newNetwork(t)
	n.block(10, 1000)
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, carol)
		for _, a := range []common.Address{alice, bob, app} {
			tx.must(carol, n.acl, "allow", h, a)
		}
		tx.must(alice, n.acl, "delegateForUserDecryption", bob, allContracts, uint64(3000))
	})
	for contract, want := range map[common.Address]bool{app: true, alice: false, bob: false} {
		if got := n.must(carol, n.acl, "isHandleDelegatedForUserDecryption", alice, bob, contract, h); got != want {
			t.Errorf("through %s: %v", contract, got)
		}
	}
}

func TestDelegationRules(t *testing.T) {
	n := newNetwork(t)
	n.block(10, 1000)
	delegate := func(want string, to, contract common.Address, until uint64) {
		t.Helper()
		n.fails(want, alice, n.acl, "delegateForUserDecryption", to, contract, until)
	}
	triple := fmt.Sprintf("%s, %s, %s", alice, bob, app)
	delegate(fmt.Sprintf("SenderCannotBeContractAddress(%s)", alice), bob, alice, 2000)
	delegate(fmt.Sprintf("SenderCannotBeDelegate(%s)", alice), alice, app, 2000)
	delegate(fmt.Sprintf("DelegateCannotBeContractAddress(%s)", app), app, app, 2000)
	delegate(fmt.Sprintf("DelegateCannotBeWildcard(%s)", allContracts), allContracts, app, 2000)
	delegate("ExpirationDateInThePast()", bob, app, 1000)
	n.fails("NotDelegatedYet("+triple+")", alice, n.acl, "revokeDelegationForUserDecryption", bob, app)
	n.must(alice, n.acl, "delegateForUserDecryption", bob, app, uint64(2000))
	sameBlock := "AlreadyDelegatedOrRevokedInSameBlock(" + triple + ", 10)"
	delegate(sameBlock, bob, app, 3000)
	n.fails(sameBlock, alice, n.acl, "revokeDelegationForUserDecryption", bob, app)
	n.must(alice, n.acl, "delegateForUserDecryption", bob, carol, uint64(2000)) // another triple
	n.block(11, 1001)
	delegate("ExpirationDateAlreadySetToSameValue("+triple+", 2000)", bob, app, 2000)
	n.must(alice, n.acl, "delegateForUserDecryption", bob, app, uint64(1500)) // shorter is allowed
	delegate("AlreadyDelegatedOrRevokedInSameBlock("+triple+", 11)", bob, app, 3000)
	n.block(12, 1002)
	n.must(alice, n.acl, "revokeDelegationForUserDecryption", bob, app)
	n.fails("AlreadyDelegatedOrRevokedInSameBlock("+triple+", 12)", alice, n.acl, "revokeDelegationForUserDecryption", bob, app)
}

// TestMulticall: several changes at once, as the sender, all or none.
func TestMulticall(t *testing.T) {
	n := newNetwork(t)
	n.block(10, 1000)
	pack := func(method string, args ...any) []byte {
		t.Helper()
		call, err := n.acl.abi.Pack(method, args...)
		if err != nil {
			t.Fatal(err)
		}
		return call
	}
	until := func(contract common.Address) any {
		return n.must(carol, n.acl, "getUserDecryptionDelegationExpirationDate", alice, bob, contract)
	}
	good := pack("delegateForUserDecryption", bob, app, uint64(2000))
	bad := pack("delegateForUserDecryption", bob, carol, uint64(1))
	n.fails("ExpirationDateInThePast()", alice, n.acl, "multicall", [][]byte{good, bad})
	if until(app) != uint64(0) {
		t.Error("half of the calls took effect")
	}
	n.must(alice, n.acl, "multicall", [][]byte{good, pack("delegateForUserDecryption", bob, carol, uint64(2000))})
	if until(app) != uint64(2000) || until(carol) != uint64(2000) {
		t.Errorf("until %v and %v", until(app), until(carol))
	}
	// Nesting gives nobody another name or right.
	h := fhe.Handle{1}
	for want, call := range map[string][]byte{
		fmt.Sprintf("SenderNotAllowed(%s)", alice): pack("allow", h, alice),
		n.refusal(n.acl, alice):                    pack("blockAccount", bob),
	} {
		n.fails(want, alice, n.acl, "multicall", [][]byte{call})
		n.fails(want, alice, n.acl, "multicall", [][]byte{pack("multicall", [][]byte{call})})
	}
}

// delegator is the interface of test/Delegator.sol.
const delegator = `[
	{"type":"function","name":"delegate","inputs":[{"name":"to","type":"address"},{"name":"contracts","type":"address[]"},{"name":"until","type":"uint64"}],"outputs":[]},
	{"type":"function","name":"delegateForEver","inputs":[{"name":"to","type":"address"},{"name":"contracts","type":"address[]"}],"outputs":[]},
	{"type":"function","name":"revoke","inputs":[{"name":"to","type":"address"},{"name":"contracts","type":"address[]"}],"outputs":[]},
	{"type":"function","name":"read","inputs":[{"name":"to","type":"address"},{"name":"contractAddress","type":"address"},{"name":"handle","type":"bytes32"}],
	 "outputs":[{"name":"until","type":"uint64"},{"name":"delegated","type":"bool"},{"name":"decryptable","type":"bool"},{"name":"denied","type":"bool"}]}
]`

// TestLibraryDelegates: a contract delegates by the library, one by one and
// several at once.
func TestLibraryDelegates(t *testing.T) {
	n := newNetwork(t)
	raw, err := os.ReadFile("testdata/Delegator.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Bytecode string }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	wallet := n.deploy(&Artifact{Name: "Delegator", ABI: delegator, Bytecode: unhex(t, file.Bytecode)})
	h := fhe.Handle{1}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, carol)
		tx.must(carol, n.acl, "allow", h, wallet.Address)
		tx.must(carol, n.acl, "allow", h, app)
	})
	check := func(contract common.Address, until uint64, delegated, denied bool) {
		t.Helper()
		want := []any{until, delegated, contract == app, denied} // nobody else holds a right
		if got, err := n.try(carol, wallet, "read", bob, contract, h); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	one, two := []common.Address{app}, []common.Address{app, carol}
	for i, step := range []struct {
		method string
		args   []any
		app    uint64
		carol  uint64
	}{
		{"delegate", []any{bob, one, uint64(5000)}, 5000, 0},
		{"delegate", []any{bob, two, uint64(6000)}, 6000, 6000},
		{"revoke", []any{bob, one}, 0, 6000},
		{"delegate", []any{bob, one, uint64(7000)}, 7000, 6000},
		{"revoke", []any{bob, two}, 0, 0},
		{"delegateForEver", []any{bob, one}, math.MaxUint64, 0},
		{"revoke", []any{bob, one}, 0, 0},
		{"delegateForEver", []any{bob, two}, math.MaxUint64, math.MaxUint64},
		{"revoke", []any{bob, two}, 0, 0},
	} {
		n.block(int64(10+i), 1000)
		n.must(alice, wallet, step.method, step.args...)
		check(app, step.app, step.app != 0, false)
		check(carol, step.carol, false, false)
	}
	check(wallet.Address, 0, false, false) // its own values through itself
	n.must(owner, n.acl, "blockAccount", bob)
	check(app, 0, false, true)
}
