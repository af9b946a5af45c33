package chain

import (
	"context"
	"math/big"
	"strings"
	"sync"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/program"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

var ctx = context.Background()

func testGenesis() *Genesis {
	return DevGenesis(fhe.Digest{1: 1}, Committee{Epoch: 1, Quorum: 3, Signers: []common.Address{{1}, {2}, {3}, {4}}})
}

func open(t testing.TB, dir string) *Node {
	t.Helper()
	n, err := Open(Config{DataDir: dir, Genesis: testGenesis(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// wallet signs for a development account and counts its nonces.
type wallet struct {
	DevAccount
	t      testing.TB
	client *ethclient.Client
	nonce  uint64
}

func newWallet(t testing.TB, n *Node, i int) *wallet {
	t.Helper()
	w := &wallet{DevAccount: DevAccounts()[i], t: t, client: n.Client()}
	nonce, err := w.client.NonceAt(ctx, w.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.nonce = nonce
	return w
}

func (w *wallet) sign(to *common.Address, value *big.Int, data []byte, gas uint64) *types.Transaction {
	tx := types.MustSignNewTx(w.Key, types.LatestSignerForChainID(big.NewInt(contracts.DevChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(contracts.DevChainID), Nonce: w.nonce, To: to, Value: value, Data: data, Gas: gas,
		GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	w.nonce++
	return tx
}

// send sends and returns the receipt, which must be there at once.
func (w *wallet) send(to *common.Address, data []byte, gas uint64) *types.Receipt {
	w.t.Helper()
	tx := w.sign(to, new(big.Int), data, gas)
	if err := w.client.SendTransaction(ctx, tx); err != nil {
		w.t.Fatal(err)
	}
	return w.receipt(tx.Hash())
}

func (w *wallet) receipt(hash common.Hash) *types.Receipt {
	w.t.Helper()
	r, err := w.client.TransactionReceipt(ctx, hash)
	if err != nil {
		w.t.Fatalf("receipt of %s: %v", hash, err)
	}
	return r
}

// deploy fails the test unless the contract is created.
func (w *wallet) deploy(creation []byte) common.Address {
	w.t.Helper()
	r := w.send(nil, creation, 8_000_000)
	if r.Status != types.ReceiptStatusSuccessful {
		w.t.Fatal("deployment reverted")
	}
	return r.ContractAddress
}

// create deploys a contract with its constructor's arguments.
func (w *wallet) create(a *contracts.Artifact, args ...any) common.Address {
	w.t.Helper()
	code, err := CreationCode(a, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.deploy(code)
}

var nowhere = common.Address{9}

func TestTransactionIsFinalWhenSent(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	last := uint64(0)
	for i := range 5 {
		r := w.send(&nowhere, nil, 21_000)
		final, err := w.client.HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
		if err != nil {
			t.Fatal(err)
		}
		if final.Hash() != r.BlockHash || final.Number.Uint64() != uint64(i+1) {
			t.Errorf("final block is %d, the receipt's %d", final.Number, r.BlockNumber)
		}
		if final.Time <= last {
			t.Errorf("time went from %d to %d", last, final.Time)
		}
		last = final.Time
	}
}

// Senders of one moment all find their receipt, whoever made the block.
func TestConcurrentSenders(t *testing.T) {
	n := open(t, "")
	const each = 5
	var wg sync.WaitGroup
	for i := range DevAccounts() {
		w := newWallet(t, n, i)
		for range each {
			tx := w.sign(&nowhere, big.NewInt(1), nil, 21_000)
			wg.Go(func() {
				if err := w.client.SendTransaction(ctx, tx); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	balance, err := n.Client().BalanceAt(ctx, nowhere, nil)
	if err != nil || balance.Int64() != each*int64(len(DevAccounts())) {
		t.Errorf("%d of the transfers arrived, %v", balance, err)
	}
}

func TestNonceGapWaits(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	first, second := w.sign(&nowhere, new(big.Int), nil, 21_000), w.sign(&nowhere, new(big.Int), nil, 21_000)
	if err := w.client.SendTransaction(ctx, second); err != nil {
		t.Fatal(err)
	}
	if head, _ := w.client.BlockNumber(ctx); head != 0 {
		t.Errorf("head is %d after a transaction that cannot be mined yet", head)
	}
	if err := w.client.SendTransaction(ctx, first); err != nil {
		t.Fatal(err)
	}
	if a, b := w.receipt(first.Hash()), w.receipt(second.Hash()); a.BlockHash != b.BlockHash {
		t.Error("the two were not mined together")
	}
	if err := w.client.SendTransaction(ctx, first); err == nil || !strings.Contains(err.Error(), "nonce too low") {
		t.Errorf("sending again gives %v", err)
	}
}

// What one transaction pays can be spent by the next, however soon it comes.
func TestPoolFollowsHead(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	for range 20 {
		key, err := crypto.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		fresh := &wallet{DevAccount: DevAccount{Address: crypto.PubkeyToAddress(key.PublicKey), Key: key}}
		pay := w.sign(&fresh.Address, big.NewInt(params.Ether), nil, 21_000)
		spend := fresh.sign(&nowhere, new(big.Int), nil, 21_000)
		if err := n.sealer.include(pay); err != nil {
			t.Fatal(err)
		}
		if err := n.sealer.include(spend); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRevertedTransactionHasReceipt(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	code := program.New().Push0().Push0().Op(vm.REVERT).Bytes()
	at := w.deploy(program.New().ReturnViaCodeCopy(code).Bytes())
	if r := w.send(&at, nil, 100_000); r.Status != types.ReceiptStatusFailed {
		t.Errorf("status is %d", r.Status)
	}
}

func TestBlobTransactionIsRefused(t *testing.T) {
	n := open(t, "")
	tx := types.MustSignNewTx(DevAccounts()[0].Key, types.LatestSignerForChainID(big.NewInt(contracts.DevChainID)), &types.BlobTx{
		ChainID: uint256.NewInt(contracts.DevChainID), Gas: 21_000, GasFeeCap: uint256.NewInt(1e11), GasTipCap: uint256.NewInt(1e9),
		BlobFeeCap: uint256.NewInt(1e9), BlobHashes: []common.Hash{{1}}, Value: new(uint256.Int),
	})
	if err := n.Client().SendTransaction(ctx, tx); err == nil || err.Error() != errBlobs.Error() {
		t.Errorf("sending gives %v", err)
	}
}

func TestDataDirectoryIsExclusive(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir)
	if _, err := Open(Config{DataDir: dir, Genesis: testGenesis()}); err == nil || !strings.Contains(err.Error(), "another fhevm-node uses this data directory") {
		t.Errorf("opening twice gives %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	other := testGenesis()
	other.KeyID[0] ^= 1
	if _, err := Open(Config{DataDir: dir, Genesis: other}); err == nil || !strings.Contains(err.Error(), "belongs to another network") {
		t.Errorf("opening for another network gives %v", err)
	}
	open(t, dir)
}

func TestReopenKeepsState(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir)
	want := newWallet(t, n, 0).send(&nowhere, nil, 21_000).BlockHash
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = open(t, dir)
	head, err := n.Client().HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	if err != nil || head.Hash() != want {
		t.Errorf("final block is %v, %v, want %s", head, err, want)
	}
	newWallet(t, n, 0).send(&nowhere, nil, 21_000)
}

func TestClosedNodeSealsNothing(t *testing.T) {
	n := open(t, "")
	n.sealer.stop()
	w := newWallet(t, n, 0)
	if err := w.client.SendTransaction(ctx, w.sign(&nowhere, new(big.Int), nil, 21_000)); err == nil || err.Error() != errClosed.Error() {
		t.Errorf("sending gives %v", err)
	}
}
