package chain

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"fhevm/contracts"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/program"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
)

// rpcError calls a method that must fail in the given words.
func rpcError(t testing.TB, n *Node, words, method string, args ...any) {
	t.Helper()
	if err := n.Client().Client().CallContext(ctx, nil, method, args...); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s%v gives %v, want %q", method, args, err, words)
	}
}

// The arguments of evm_mine and hardhat_mine, as their tools write them.
func TestMiningOnDemand(t *testing.T) {
	n := open(t, "")
	start := head(t, n).Time + 1_000_000_000
	for _, c := range []struct {
		method string
		args   []any
		blocks uint64
		time   uint64 // of the last block after start, 0: any
	}{
		{"evm_mine", nil, 1, 0},
		{"evm_mine", []any{start}, 1, 0},
		{"evm_mine", []any{hexutil.Uint64(start + 100)}, 1, 100},
		{"evm_mine", []any{map[string]any{"timestamp": start + 200, "blocks": 3}}, 3, 202},
		{"evm_mine", []any{map[string]any{"blocks": "0x2"}}, 2, 0},
		{"anvil_mine", []any{"0x0"}, 0, 0},
		{"hardhat_mine", nil, 1, 0},
		{"hardhat_mine", []any{"0x5"}, 5, 0},
		{"evm_setNextBlockTimestamp", []any{hexutil.Uint64(start + 10_000)}, 0, 0},
		{"hardhat_mine", []any{"0x4", "0x3c"}, 4, 10_180},
		{"anvil_setNextBlockTimestamp", []any{start + 20_000}, 0, 0},
		{"anvil_mine", []any{2, 10}, 2, 20_010},
	} {
		before := head(t, n).Number.Uint64()
		rpcCall[any](t, n, c.method, c.args...)
		after := head(t, n)
		if got := after.Number.Uint64() - before; got != c.blocks {
			t.Errorf("%s%v makes %d blocks", c.method, c.args, got)
		}
		if got := after.Time - start; c.time != 0 && got != c.time {
			t.Errorf("%s%v: the last block's time is %d, want %d", c.method, c.args, got, c.time)
		}
	}
	rpcError(t, n, "not after the last block's", "evm_setNextBlockTimestamp", start)
	rpcError(t, n, "not after the last block's", "evm_mine", map[string]any{"timestamp": start})
	rpcError(t, n, "or above", "evm_setNextBlockTimestamp", "0xffffffffffffffff")
	rpcError(t, n, "more than 65536", "hardhat_mine", "0x10001")
	rpcError(t, n, "seconds end after", "evm_increaseTime", "0xffffffffffffffff")
}

// Time that a test lets pass is there for transactions and their estimates, and
// passes on.
func TestTimePasses(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	opens := head(t, n).Time + 2_000_000_000
	// Jumps over the revert from the time opens on.
	code := program.New().Push(opens).Op(vm.TIMESTAMP).Op(vm.LT).Op(vm.ISZERO).Bytes()
	over := byte(len(code) + 6)
	body := append(code, byte(vm.PUSH1), over, byte(vm.JUMPI), byte(vm.PUSH0), byte(vm.PUSH0), byte(vm.REVERT), byte(vm.JUMPDEST), byte(vm.STOP))
	at := w.deploy(program.New().ReturnViaCodeCopy(body).Bytes())
	call := map[string]any{"from": w.Address, "to": at}
	rpcError(t, n, "reverted", "eth_estimateGas", call)
	rpcError(t, n, "reverted", "eth_sendTransaction", call)
	if got := rpcCall[int64](t, n, "evm_increaseTime", hexutil.Uint64(1_000_000_000)); got != 1_000_000_000 {
		t.Errorf("%d seconds have passed", got)
	}
	rpcCall[any](t, n, "evm_increaseTime", "1000000000")
	rpcCall[any](t, n, "eth_estimateGas", call)
	rpcCall[any](t, n, "eth_estimateGas", call, "latest")
	hash := rpcCall[common.Hash](t, n, "eth_sendTransaction", call)
	if r := w.receipt(hash); r.Status != types.ReceiptStatusSuccessful {
		t.Error("the transaction reverted")
	}
	rpcCall[any](t, n, "evm_mine")
	if got := head(t, n).Time; got < opens {
		t.Errorf("time fell back to %d", got)
	}
}

// An estimate is for the next block's number, too: what may happen once a block may happen in that one, where
// no other comes by itself.
func TestEstimatesAreForTheNextBlock(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	acl := mustABI(contracts.ACL)
	grant, err := acl.Pack("delegateForUserDecryption", nowhere, common.Address{7}, uint64(1<<40))
	if err != nil {
		t.Fatal(err)
	}
	revoke, err := acl.Pack("revokeDelegationForUserDecryption", nowhere, common.Address{7})
	if err != nil {
		t.Fatal(err)
	}
	change := func(data []byte) map[string]any {
		return map[string]any{"from": w.Address, "to": common.Address(contracts.ACLAddress), "data": hexutil.Bytes(data)}
	}
	for _, data := range [][]byte{grant, revoke, grant} {
		for _, at := range []string{"latest", "pending"} {
			rpcCall[any](t, n, "eth_estimateGas", change(data), at)
		}
		hash := rpcCall[common.Hash](t, n, "eth_sendTransaction", change(data))
		if r := w.receipt(hash); r.Status != types.ReceiptStatusSuccessful {
			t.Error("the transaction reverted")
		}
	}
}

// Without automining transactions wait for a block that is asked for.
func TestAutomine(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	rpcCall[any](t, n, "evm_setAutomine", false)
	first, second := w.sign(&nowhere, new(big.Int), nil, 21_000), w.sign(&nowhere, new(big.Int), nil, 21_000)
	for _, tx := range []*types.Transaction{first, second} {
		if err := n.Client().SendTransaction(ctx, tx); err != nil {
			t.Fatal(err)
		}
	}
	if h := head(t, n); h.Number.Uint64() != 0 || rpcCall[bool](t, n, "hardhat_getAutomine") {
		t.Errorf("block %d is made", h.Number)
	}
	rpcCall[any](t, n, "evm_mine")
	if a, b := w.receipt(first.Hash()), w.receipt(second.Hash()); a.BlockHash != b.BlockHash {
		t.Error("the two are in different blocks")
	}
	rpcCall[any](t, n, "anvil_setAutomine", true)
	w.send(&nowhere, nil, 21_000)
}

func TestIntervalMining(t *testing.T) {
	n := open(t, "")
	socket, err := ethclient.Dial("ws://" + listen(t, n))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heads := make(chan *types.Header, 100)
	sub, err := socket.SubscribeNewHead(ctx, heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	rpcCall[any](t, n, "evm_setIntervalMining", 20)
	for range 3 {
		select {
		case <-heads:
		case <-time.After(5 * time.Minute):
			t.Fatal("no block is made")
		}
	}
	rpcCall[any](t, n, "evm_setIntervalMining", 0)
	rpcCall[any](t, n, "anvil_setIntervalMining", 3600)
	rpcError(t, n, "apart", "evm_setIntervalMining", "0xffffffffffffffff")
	rpcError(t, n, "apart", "anvil_setIntervalMining", "0xffffffffffffffff")
}

// A balance rises by a withdrawal, which every node that checks the chain
// accepts; what a real chain cannot do is refused.
func TestSetBalance(t *testing.T) {
	n := open(t, "")
	rich := new(big.Int).Mul(big.NewInt(1_000_000), big.NewInt(params.Ether))
	rpcCall[any](t, n, "hardhat_setBalance", nowhere, (*hexutil.Big)(rich))
	if got, err := n.Client().BalanceAt(ctx, nowhere, nil); err != nil || got.Cmp(rich) != 0 {
		t.Errorf("the balance is %s, %v", got, err)
	}
	blocks := head(t, n).Number.Uint64()
	rpcCall[any](t, n, "anvil_setBalance", nowhere, (*hexutil.Big)(rich))
	if got := head(t, n).Number.Uint64(); got != blocks {
		t.Error("a balance that is there already makes a block")
	}
	rpcError(t, n, "higher already", "hardhat_setBalance", nowhere, "0x1")
	rpcError(t, n, "whole gwei", "hardhat_setBalance", common.Address{8}, "0x1")
	rpcError(t, n, "whole gwei", "hardhat_setBalance", common.Address{8}, (*hexutil.Big)(new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)))
}

// FuzzMineOrder demands that an argument of evm_mine is an error or a number.
func FuzzMineOrder(f *testing.F) {
	for _, s := range []string{"1", `"0x5"`, `{"timestamp":7,"blocks":"2"}`, `{}`, `{"timestamp":null}`, `"`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var o mineOrder
		if err := o.UnmarshalJSON(b); err == nil && o.Timestamp == nil && len(b) > 0 && b[0] != '{' {
			t.Errorf("%q orders no time", b)
		}
	})
}

// What only a changed chain could do says what to do instead.
func TestRefusals(t *testing.T) {
	n := open(t, "")
	rpcError(t, n, "eth_call", "hardhat_impersonateAccount", nowhere)
	rpcError(t, n, "eth_call", "anvil_impersonateAccount", nowhere)
	rpcError(t, n, "deploy the contract", "hardhat_setCode", nowhere, "0x00")
	rpcError(t, n, "call the contract", "hardhat_setStorageAt", nowhere, "0x0", common.Hash{})
	rpcError(t, n, "send transactions", "anvil_setNonce", nowhere, "0x5")
	rpcError(t, n, "forks no other", "hardhat_reset", map[string]any{"forking": map[string]any{"jsonRpcUrl": "http://localhost:1"}})
	mine := DevAccounts()[1].Address
	if !rpcCall[bool](t, n, "hardhat_impersonateAccount", mine) || !rpcCall[bool](t, n, "hardhat_stopImpersonatingAccount", mine) {
		t.Error("a development account is refused")
	}
	rpcCall[common.Hash](t, n, "eth_sendTransaction", map[string]any{"from": mine, "to": nowhere, "value": "0x1"})
}

func TestReset(t *testing.T) {
	n := open(t, "")
	genesis, id := head(t, n), takeSnapshot(t, n)
	w := newWallet(t, n, 0)
	tx := w.sign(&nowhere, new(big.Int), nil, 21_000)
	if err := n.Client().SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	rpcCall[any](t, n, "evm_increaseTime", 1_000_000_000)
	if !rpcCall[bool](t, n, "hardhat_reset") || head(t, n).Hash() != genesis.Hash() {
		t.Error("blocks are left")
	}
	if rpcCall[bool](t, n, "evm_revert", id) {
		t.Error("a snapshot is left")
	}
	if err := n.Client().SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	if h := head(t, n); h.Number.Uint64() != 1 || h.Time > uint64(time.Now().Unix())+1_000_000 {
		t.Errorf("the head is %d at %d", h.Number, h.Time)
	}
}
