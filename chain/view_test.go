package chain

import (
	"reflect"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
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
