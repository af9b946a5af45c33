package chain

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient/gethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

// trivial is the encoding of an operation on no operands, with its result.
func trivial(t *testing.T, typ fhe.Type, value uint64) ([]byte, string) {
	t.Helper()
	d := fhe.Derivation{Domain: testGenesis().Domain(), Op: fhe.Trivial, Type: typ, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(value))}}
	b, err := d.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	r := d.Results()[0]
	return b, string(make([]byte, 64)) + string(r.Handle[:]) + string(r.Digest[:]) // no bootstraps, no depth
}

// Calls, estimates, the builder, another node's import and tracers all meet the
// same precompile.
func TestPrecompileEverywhere(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	encoding, want := trivial(t, fhe.Uint64, 7)
	msg := ethereum.CallMsg{From: w.Address, To: &precompiles.OperationAddress, Data: encoding}
	if got, err := w.client.CallContract(ctx, msg, nil); err != nil || string(got) != want {
		t.Errorf("eth_call gives %x, %v", got, err)
	}
	at := w.deployToken()
	r, _, _ := w.mint(at, w.Address)
	checkEstimate(t, w, at, r)
	checkAccessList(t, w, at)
	checkImport(t, n)
	checkTraces(t, w, r.TxHash)
}

// checkEstimate demands that an estimate covers the bootstraps that a mint
// orders, and that the estimate suffices.
func checkEstimate(t *testing.T, w *wallet, at common.Address, mined *types.Receipt) {
	t.Helper()
	handle, encoding := input(t, at, w.Address)
	data, err := token.Pack("mint", w.Address, [32]byte(handle), encoding)
	if err != nil {
		t.Fatal(err)
	}
	gas, err := w.client.EstimateGas(ctx, ethereum.CallMsg{From: w.Address, To: &at, Data: data})
	if err != nil || gas < precompiles.InputGas(len(encoding), []fhe.Type{fhe.Uint64}) {
		t.Fatalf("estimate is %d, %v; the first mint used %d", gas, err, mined.GasUsed)
	}
	if r := w.send(&at, data, gas); r.Status != types.ReceiptStatusSuccessful {
		t.Errorf("the estimate of %d gas does not suffice", gas)
	}
}

// checkAccessList asks for the access list of a mint, which names the system
// contracts and no precompile, and sends the mint with it.
func checkAccessList(t *testing.T, w *wallet, at common.Address) {
	t.Helper()
	handle, encoding := input(t, at, w.Address)
	data, err := token.Pack("mint", w.Address, [32]byte(handle), encoding)
	if err != nil {
		t.Fatal(err)
	}
	msg := ethereum.CallMsg{From: w.Address, To: &at, Data: data}
	list, gas, problem, err := gethclient.New(w.client.Client()).CreateAccessList(ctx, msg)
	if err != nil || problem != "" {
		t.Fatalf("%q, %v", problem, err)
	}
	listed := make(map[common.Address]bool)
	for _, entry := range *list {
		listed[entry.Address] = true
	}
	for a, want := range map[fhe.Address]bool{
		contracts.ACLAddress: true, contracts.ExecutorAddress: true, contracts.InputVerifierAddress: true,
		contracts.OperationsPrecompile: false, contracts.InputsPrecompile: false,
	} {
		if listed[common.Address(a)] != want {
			t.Errorf("access list %v: %s is in it: %v", list, a, !want)
		}
	}
	id := big.NewInt(contracts.DevChainID)
	tx := types.MustSignNewTx(w.Key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: w.nonce, To: &at, Data: data, Gas: gas * 11 / 10,
		GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei), AccessList: *list,
	})
	w.nonce++
	if err := w.client.SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	if r := w.receipt(tx.Hash()); r.Status != types.ReceiptStatusSuccessful {
		t.Error("a mint with its access list reverted")
	}
}

// checkImport replays the whole chain on a second node.
func checkImport(t *testing.T, n *Node) {
	t.Helper()
	follower := open(t, "")
	for number := uint64(1); number <= n.eth.BlockChain().CurrentBlock().Number.Uint64(); number++ {
		if err := follower.sealer.commit(n.eth.BlockChain().GetBlockByNumber(number)); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := n.eth.BlockChain().CurrentBlock(), follower.eth.BlockChain().CurrentBlock(); a.Hash() != b.Hash() {
		t.Errorf("heads are %s and %s", a.Hash(), b.Hash())
	}
}

func checkTraces(t *testing.T, w *wallet, tx common.Hash) {
	t.Helper()
	const script = `{seen: 0, enter: function(f) { if (isPrecompiled(f.getTo()) && toHex(f.getTo()).endsWith("5d")) this.seen++ },
		exit: function() {}, fault: function() {}, step: function() {}, result: function() { return "operations " + (this.seen > 0) }}`
	for tracer, want := range map[string]string{
		"callTracer": `"to":"0x000000000000000000000000000000000000005d"`, "prestateTracer": strings.ToLower(common.Address(contracts.ACLAddress).Hex()),
		"4byteTracer": "0x", script: `"operations true"`,
	} {
		var out json.RawMessage
		err := w.client.Client().CallContext(ctx, &out, "debug_traceTransaction", tx, map[string]any{"tracer": tracer})
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%.20s gives %.200s, %v", tracer, out, err)
		}
	}
}

// Solidity's check for code passes, and the accounts are not empty.
func TestPrecompileAccounts(t *testing.T) {
	client := open(t, "").Client()
	for _, a := range []common.Address{precompiles.OperationAddress, precompiles.InputAddress} {
		code, err := client.CodeAt(ctx, a, nil)
		if err != nil || len(code) == 0 {
			t.Errorf("%s has code %x, %v", a, code, err)
		}
		if balance, err := client.BalanceAt(ctx, a, nil); err != nil || balance.Cmp(big.NewInt(1)) != 0 {
			t.Errorf("%s has %s wei, %v", a, balance, err)
		}
	}
}
