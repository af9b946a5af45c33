package node

import (
	"errors"
	"math/big"
	"runtime"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/coprocessor"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// TestHysteresis: between half the limit and the limit, a node goes on as it did.
func TestHysteresis(t *testing.T) {
	var delay time.Duration
	a := admission{limit: 100 * time.Second, delay: func() time.Duration { return delay }}
	orders := func() bool { return true }
	for i, step := range []struct {
		seconds time.Duration
		refused bool
	}{{0, false}, {60, false}, {100, false}, {101, true}, {100, true}, {51, true}, {50, false}, {99, false}, {200, true}, {0, false}} {
		delay = step.seconds * time.Second
		err := a.admit(orders)
		if (err != nil) != step.refused {
			t.Errorf("step %d, %v behind: %v", i, delay, err)
		}
		var o *chain.Overload
		if errors.As(err, &o) && (o.Delay != delay || o.Retry != delay-50*time.Second) {
			t.Errorf("step %d: %+v", i, o)
		}
	}
	delay = time.Hour
	if err := a.admit(func() bool { return false }); err != nil {
		t.Errorf("a transaction that orders nothing: %v", err)
	}
	if n := a.refused.Load(); n != 4 {
		t.Errorf("%d are counted as refused, want 4", n)
	}
	none := admission{delay: func() time.Duration { return delay }}
	if err := none.admit(orders); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

// TestBackpressure floods a slow machine: its RPC refuses further work while reads
// and payments go on, takes it again when the flood is done, and all that was
// ordered is computed.
func TestBackpressure(t *testing.T) {
	m := newMachine(t, Config{MaxDelay: 10 * time.Minute})
	c := ethclient.NewClient(m.dial(t))
	key := chain.DevAccounts()[0]
	send := func(nonce uint64, to common.Address) (common.Hash, error) {
		tx := types.MustSignNewTx(key.Key, types.LatestSignerForChainID(big.NewInt(contracts.DevChainID)), &types.DynamicFeeTx{
			ChainID: big.NewInt(contracts.DevChainID), Nonce: nonce, To: &to, Gas: 100_000,
			GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
		})
		return tx.Hash(), c.SendTransaction(t.Context(), tx)
	}
	executor := common.Address(contracts.ExecutorAddress)

	var flood []fhe.Handle
	for v := range uint64(40) {
		flood = append(flood, m.product(v))
	}
	m.seal(t, flood...)
	for m.Stats().Queued < len(flood) { // all is loaded
		runtime.Gosched()
	}
	m.clock.advance(time.Hour)

	_, err := send(0, executor)
	var data rpc.DataError
	if code(err) != limitExceeded || !errors.As(err, &data) {
		t.Fatalf("under the flood: %v", err)
	}
	if d, _ := data.ErrorData().(map[string]any); d["delaySeconds"].(float64) <= 600 {
		t.Errorf("data %v", d)
	}
	if _, err := c.BlockNumber(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
	if _, err := send(0, common.Address{9}); err != nil {
		t.Errorf("a payment: %v", err)
	}
	if s, err := m.Status(t.Context()); err != nil || s.Accepting || s.DelaySeconds <= 600 || s.RefusedTransactions != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	if s := m.Stats(); s.Memory > coprocessor.DefaultMemory || s.Cached > coprocessor.DefaultMemory/8 {
		t.Errorf("memory: %+v", s)
	}

	close(m.evaluator.gate)
	m.drain(t)
	hash, err := send(1, executor)
	if err != nil {
		t.Fatalf("after the flood: %v", err)
	}
	if _, err := c.TransactionReceipt(t.Context(), hash); err != nil {
		t.Errorf("its receipt: %v", err)
	}
	for _, h := range flood {
		if s, err := m.coprocessor.Status(h); err != nil || s.State != coprocessor.Ready {
			t.Errorf("%s is %v, %v", h, s.State, err)
		}
	}
}
