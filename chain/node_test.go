package chain

import (
	"context"
	"math/big"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
)

var testGenesis = DevGenesis(fhe.Digest{1: 1}, Committee{Epoch: 1, Quorum: 3, Signers: []common.Address{{1}, {2}, {3}, {4}}})

func open(t testing.TB, dir string) *Node {
	t.Helper()
	n, err := Open(Config{DataDir: dir, Genesis: testGenesis, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// wallet signs for development account 0 and counts its nonces.
type wallet struct {
	t      testing.TB
	client *ethclient.Client
	DevAccount
	nonce uint64
}

func newWallet(t testing.TB, n *Node, i int) *wallet {
	w := &wallet{t: t, client: n.Client(), DevAccount: DevAccounts()[i]}
	w.nonce, _ = w.client.PendingNonceAt(context.Background(), w.Address)
	return w
}

func (w *wallet) sign(to *common.Address, value int64, data []byte, gas uint64) *types.Transaction {
	tx := types.MustSignNewTx(w.Key, types.LatestSignerForChainID(big.NewInt(contracts.DevChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(contracts.DevChainID), Nonce: w.nonce, To: to, Value: big.NewInt(value), Data: data, Gas: gas,
		GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	w.nonce++
	return tx
}

// send sends and returns the receipt, which must be there at once.
func (w *wallet) send(to *common.Address, value int64, data []byte, gas uint64) *types.Receipt {
	w.t.Helper()
	tx := w.sign(to, value, data, gas)
	if err := w.client.SendTransaction(context.Background(), tx); err != nil {
		w.t.Fatal(err)
	}
	receipt, err := w.client.TransactionReceipt(context.Background(), tx.Hash())
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

func TestSend(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	for range 3 {
		r := w.send(&common.Address{9}, 1, nil, 21_000)
		t.Log(r.BlockNumber, r.Status)
	}
	addr, err := n.Listen("127.0.0.1:0")
	t.Log(addr, err)
	code, err := CreationCode(contracts.ConfidentialToken, "Token", "TKN")
	r := w.send(nil, 0, code, 8_000_000)
	t.Log(r.Status, r.GasUsed, err, len(r.Logs))
}
