package chain

import (
	"errors"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// TestAdmission: a node that takes no more encrypted computation refuses just the
// transactions that order some, over real JSON-RPC, whichever method they come by.
func TestAdmission(t *testing.T) {
	var overloaded atomic.Bool
	n, err := Open(Config{Genesis: testGenesis(), Admit: func(orders func() bool) error {
		if overloaded.Load() && orders() {
			return &Overload{Delay: 90*time.Second + 1, Retry: 30 * time.Second}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	w := newWallet(t, n, 0)
	if w.client, err = ethclient.Dial("http://" + listen(t, n)); err != nil {
		t.Fatal(err)
	}
	at := w.deployToken()
	w.mint(at, w.Address)

	overloaded.Store(true)
	_, encoding := input(t, at, w.Address)
	mint, err := token.Pack("mint", w.Address, [32]byte{}, encoding)
	if err != nil {
		t.Fatal(err)
	}
	order := w.sign(&at, new(big.Int), mint, 8_000_000)
	raw, err := order.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	c := w.client.Client()
	for method, arg := range map[string]any{
		"eth_sendRawTransaction":     "0x" + common.Bytes2Hex(raw),
		"eth_sendRawTransactionSync": "0x" + common.Bytes2Hex(raw),
		"eth_sendTransaction":        map[string]any{"from": w.Address, "to": at, "input": "0x" + common.Bytes2Hex(mint), "gas": "0x7a1200"},
	} {
		checkRefused(t, method, c.CallContext(ctx, nil, method, arg))
	}
	w.nonce--

	// What orders nothing goes on: a payment, a deployment, a read, another call of
	// the same contract.
	w.send(&nowhere, nil, 21_000)
	w.deploy(common.FromHex("60006000f3")) // returns no code
	read, err := token.Pack("owner")
	if err != nil {
		t.Fatal(err)
	}
	w.send(&at, read, 100_000)

	overloaded.Store(false)
	w.mint(at, w.Address)
	if pending, err := w.client.PendingTransactionCount(ctx); err != nil || pending != 0 {
		t.Errorf("%d transactions are left in the pool, %v", pending, err)
	}
	if _, _, err := w.client.TransactionByHash(ctx, order.Hash()); err == nil {
		t.Error("a refused transaction was kept")
	}
}

func checkRefused(t *testing.T, method string, err error) {
	t.Helper()
	var code rpc.Error
	var data rpc.DataError
	if !errors.As(err, &code) || !errors.As(err, &data) || code.ErrorCode() != -32005 {
		t.Errorf("%s: %v", method, err)
		return
	}
	got, _ := data.ErrorData().(map[string]any)
	if got["delaySeconds"] != 91.0 || got["retryAfterSeconds"] != 30.0 {
		t.Errorf("%s: data %v", method, data.ErrorData())
	}
}

// TestAdmissionInDoubt: a transaction whose effect the simulation cannot know
// counts as one that orders.
func TestAdmissionInDoubt(t *testing.T) {
	n := open(t, "")
	a := newAdmission(Config{Genesis: testGenesis()}, n.Client().Client())
	w := newWallet(t, n, 0)
	if a.orders(ctx, w.sign(&nowhere, nil, nil, 21_000)) {
		t.Error("a payment orders computation")
	}
	unsigned := types.NewTx(&types.DynamicFeeTx{To: &nowhere})
	delegating := types.MustSignNewTx(w.Key, a.signer, &types.SetCodeTx{AuthList: []types.SetCodeAuthorization{{}}})
	for name, tx := range map[string]*types.Transaction{"unsigned": unsigned, "delegating": delegating} {
		if !a.orders(ctx, tx) {
			t.Errorf("a transaction that is %s orders nothing", name)
		}
	}
}
