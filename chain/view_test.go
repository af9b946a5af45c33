package chain

import (
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

func TestViewOfGenesis(t *testing.T) {
	n := open(t, "")
	v := NewView(n.Client())
	if id, err := v.ChainID(ctx); err != nil || id != contracts.DevChainID {
		t.Errorf("chain id is %d, %v", id, err)
	}
	b, err := v.Finalized(ctx)
	if err != nil || b.Number != 0 {
		t.Fatalf("final block is %+v, %v", b, err)
	}
	if kind, err := b.Network(ctx); err != nil || kind != Dev {
		t.Errorf("network is %q, %v", kind, err)
	}
	if id, err := b.KeyID(ctx); err != nil || id != testGenesis().KeyID {
		t.Errorf("key id is %s, %v", id, err)
	}
	if c, err := b.Committee(ctx); err != nil || !reflect.DeepEqual(c, testGenesis().Committee) {
		t.Errorf("committee is %+v, %v", c, err)
	}
}

// A view of one block does not change when the chain goes on.
func TestViewOfRights(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	at := w.deployToken()
	v := NewView(n.Client())
	before, err := v.Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, _, _ := w.mint(at, w.Address)
	after, err := v.Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	balance := wantedBy(t, n, r.BlockNumber.Uint64())
	for _, account := range []fhe.Address{fhe.Address(w.Address), fhe.Address(at)} {
		if ok, err := after.PersistAllowed(ctx, balance, account); err != nil || !ok {
			t.Errorf("after the mint, the right of %s is %v, %v", account, ok, err)
		}
		if ok, err := before.PersistAllowed(ctx, balance, account); err != nil || ok {
			t.Errorf("before the mint, the right of %s is %v, %v", account, ok, err)
		}
	}
	if ok, err := after.PersistAllowed(ctx, balance, fhe.Address(nowhere)); err != nil || ok {
		t.Errorf("the right of a stranger is %v, %v", ok, err)
	}
	if ok, err := after.PubliclyDecryptable(ctx, balance); err != nil || ok {
		t.Errorf("the balance is public: %v, %v", ok, err)
	}
}

// Requesting the total supply marks it for everyone.
func TestViewOfPublicMark(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	at := w.deployToken()
	w.mint(at, w.Address)
	data, err := token.Pack("requestTotalSupply")
	if err != nil {
		t.Fatal(err)
	}
	r := w.send(&at, data, 1_000_000)
	b, err := NewView(n.Client()).Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	supply := wantedBy(t, n, r.BlockNumber.Uint64())
	if ok, err := b.PubliclyDecryptable(ctx, supply); err != nil || !ok {
		t.Errorf("the supply is public: %v, %v", ok, err)
	}
}

// call makes a call of a system contract, which must not revert.
func (w *wallet) call(s contracts.System, method string, args ...any) *types.Receipt {
	w.t.Helper()
	data, err := mustABI(s.Artifact).Pack(method, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	at := common.Address(s.Proxy)
	r := w.send(&at, data, 5_000_000)
	if r.Status != types.ReceiptStatusSuccessful {
		w.t.Fatalf("%s reverted", method)
	}
	return r
}

// system is the system contract with the given artifact.
func system(a *contracts.Artifact) contracts.System {
	all := contracts.Systems()
	return all[slices.IndexFunc(all, func(s contracts.System) bool { return s.Artifact == a })]
}

// What the owner and users say about decryptions is read from one block: not
// before it was said.
func TestViewOfGovernance(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	v, acl := NewView(n.Client()), system(contracts.ACL)
	at := func() *Block {
		b, err := v.Finalized(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := at()
	w.call(acl, "blockAccount", nowhere)
	w.call(acl, "invalidateDecryptionSignaturesBefore", common.Big1)
	w.call(acl, "addPauser", w.Address)
	w.call(acl, "pause")
	after := at()
	for b, want := range map[*Block]bool{before: false, after: true} {
		if got, err := b.Paused(ctx); err != nil || got != want {
			t.Errorf("block %d: paused %v, %v", b.Number, got, err)
		}
		if got, err := b.Denied(ctx, fhe.Address(nowhere)); err != nil || got != want {
			t.Errorf("block %d: denied %v, %v", b.Number, got, err)
		}
		if got, err := b.InvalidatedBefore(ctx, fhe.Address(w.Address)); err != nil || got != 1 != !want {
			t.Errorf("block %d: permits before %d are void, %v", b.Number, got, err)
		}
	}
	if got, err := after.Denied(ctx, fhe.Address(w.Address)); err != nil || got {
		t.Errorf("another account is denied: %v, %v", got, err)
	}
}

func TestViewOfDelegations(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	acl := system(contracts.ACL)
	until := uint64(1 << 40)
	delegate, one, other := fhe.Address{1}, fhe.Address{2}, fhe.Address{3}
	check := func(contract fhe.Address, want uint64) {
		t.Helper()
		b, err := NewView(n.Client()).Finalized(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.DelegatedUntil(ctx, fhe.Address(w.Address), delegate, contract); err != nil || got != want {
			t.Errorf("for %s until %d, want %d, %v", contract, got, want, err)
		}
	}
	check(one, 0)
	w.call(acl, "delegateForUserDecryption", common.Address(delegate), common.Address(one), until)
	check(one, until)
	check(other, 0)
	w.call(acl, "delegateForUserDecryption", common.Address(delegate), common.Address(contracts.AllContracts), until+1)
	check(one, until+1)
	check(other, until+1)
	w.call(acl, "revokeDelegationForUserDecryption", common.Address(delegate), common.Address(contracts.AllContracts))
	check(one, until)
	check(other, 0)
}

// The committee is the registry's current one, and the key is everybody's or
// nobody's.
func TestViewOfRegistry(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	v := NewView(n.Client())
	next := Committee{Epoch: 2, Quorum: 1, Signers: []common.Address{{7}, {8}}}
	w.call(system(contracts.KeyRegistry), "activateEpoch", next.Signers, big.NewInt(int64(next.Quorum)))
	b, err := v.Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := b.Committee(ctx); err != nil || !reflect.DeepEqual(c, next) {
		t.Errorf("committee is %+v, %v", c, err)
	}
	checkPositions(t, b, map[uint64]uint64{1: 3, 2: 0, 3: 0}, fhe.Address{3})
	checkPositions(t, b, map[uint64]uint64{1: 0, 2: 2, 3: 0}, fhe.Address{8})
	w.call(system(contracts.KeyRegistry), "retireEpoch", common.Big1)
	checkPositions(t, b, map[uint64]uint64{1: 3}, fhe.Address{3})
	if b, err = v.Finalized(ctx); err != nil {
		t.Fatal(err)
	}
	checkPositions(t, b, map[uint64]uint64{1: 0}, fhe.Address{3})
	executor := system(contracts.FHEVMExecutor)
	setup := testGenesis().setup(executor.Artifact)
	setup.constructor[2] = [32]byte{9} // another key
	w.call(executor, "upgradeToAndCall", w.create(executor.Artifact, setup.constructor...), []byte{})
	if b, err = v.Finalized(ctx); err != nil {
		t.Fatal(err)
	}
	if id, err := b.KeyID(ctx); err == nil || !strings.Contains(err.Error(), "makes handles for key") {
		t.Errorf("key id is %s, %v", id, err)
	}
}

func checkPositions(t *testing.T, b *Block, want map[uint64]uint64, signer fhe.Address) {
	t.Helper()
	for epoch, at := range want {
		if got, err := b.Position(ctx, epoch, signer); err != nil || got != at {
			t.Errorf("block %d: in epoch %d %s has place %d, %v, want %d", b.Number, epoch, signer, got, err, at)
		}
	}
}

// A view knows when its block has been undone, also when another has its number.
func TestViewOfUndoneBlock(t *testing.T) {
	n := open(t, "")
	id := takeSnapshot(t, n)
	rpcCall[any](t, n, "evm_mine")
	b, err := NewView(n.Client()).Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	check := func(want bool) {
		t.Helper()
		if got, err := b.Final(ctx); err != nil || got != want {
			t.Errorf("final: %v, %v", got, err)
		}
	}
	check(true)
	revertTo(t, n, id)
	check(false)
	rpcCall[any](t, n, "evm_mine")
	check(false)
	if _, err := b.Paused(ctx); err == nil {
		t.Error("an undone block is read")
	}
}

// wantedBy is the last value that a block wants.
func wantedBy(t *testing.T, n *Node, number uint64) (h fhe.Handle) {
	t.Helper()
	for _, e := range collect(t, n.Feed(), number, number)[0].Entries {
		if e.Wanted != nil {
			h = *e.Wanted
		}
	}
	if h.IsZero() {
		t.Fatalf("block %d wants nothing", number)
	}
	return h
}
