package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	fhevm "fhevm/node"
	"fhevm/sdk"
	"fhevm/sdk/client"
	"fhevm/threshold"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"
)

// account is a funded account of a development network.
type account = chain.DevAccount

var (
	accounts               = chain.DevAccounts()
	alice, bob, carol, eve = accounts[0], accounts[1], accounts[2], accounts[3]
)

// node is a running development node with clients of its two interfaces.
type node struct {
	*process
	ctx    context.Context
	info   fhevm.Info
	chain  *ethclient.Client
	wallet *client.Client
}

// startDev runs a development node on free ports.
func startDev(t *testing.T, args ...string) *node {
	t.Helper()
	return serve(t, append([]string{"dev", "--rpc", "127.0.0.1:0"}, args...)...)
}

// serve runs a command that serves wallets until it is ready.
func serve(t *testing.T, args ...string) *node {
	t.Helper()
	config := filepath.Join(t.TempDir(), "dev.json")
	args = slices.Insert(slices.Clone(args), 1, "--api", "127.0.0.1:0", "--config-out", config) // before what the test says of them
	n := &node{process: start(t, args...), ctx: limit(t)}
	n.await("its configuration", func() bool {
		_, err := os.Stat(config)
		return err == nil
	})
	b, err := os.ReadFile(config)
	n.must(err)
	n.must(json.Unmarshal(b, &n.info))
	n.chain, err = ethclient.DialContext(n.ctx, n.info.RPC)
	n.must(err)
	t.Cleanup(n.chain.Close)
	n.wallet, err = client.Dial(n.ctx, n.info.API)
	n.must(err)
	return n
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// signed is a transaction that any of this chain's nodes accepts: gas and fee
// are ample, and nothing in it depends on the node.
func signed(from account, nonce uint64, to *common.Address, data []byte) *types.Transaction {
	return signedOn(contracts.DevChainID, from, nonce, to, data)
}

// signedOn is signed for a chain of any id.
func signedOn(chain int64, from account, nonce uint64, to *common.Address, data []byte) *types.Transaction {
	id := big.NewInt(chain)
	return types.MustSignNewTx(from.Key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: to, Data: data, Gas: 10_000_000,
		GasTipCap: big.NewInt(1e9), GasFeeCap: big.NewInt(1e12),
	})
}

// mine sends a transaction and returns its receipt. A chain of others' may mine it
// a little later.
func (n *node) mine(tx *types.Transaction) (receipt *types.Receipt) {
	n.t.Helper()
	n.must(n.chain.SendTransaction(n.ctx, tx))
	n.await("a receipt", func() bool {
		var err error
		if receipt, err = n.chain.TransactionReceipt(n.ctx, tx.Hash()); !errors.Is(err, ethereum.NotFound) {
			n.must(err)
		}
		return receipt != nil
	})
	return receipt
}

// send mines a call of an account, which must not revert.
func (n *node) send(from account, to common.Address, data []byte) *types.Receipt {
	n.t.Helper()
	receipt := n.mine(signed(from, n.nonce(from), &to, data))
	if receipt.Status != types.ReceiptStatusSuccessful {
		n.t.Fatalf("transaction %s reverted: %v", receipt.TxHash, n.refusal(from, to, data))
	}
	return receipt
}

func (n *node) nonce(a account) uint64 {
	n.t.Helper()
	nonce, err := n.chain.PendingNonceAt(n.ctx, a.Address)
	n.must(err)
	return nonce
}

// refusal is why a call of an account would fail; nil if it would not.
func (n *node) refusal(from account, to common.Address, data []byte) error {
	_, err := n.chain.CallContract(n.ctx, ethereum.CallMsg{From: from.Address, To: &to, Data: data}, nil)
	return err
}

func (n *node) head() *types.Header {
	n.t.Helper()
	head, err := n.chain.HeaderByNumber(n.ctx, nil)
	n.must(err)
	return head
}

// encrypt makes an input list for a contract and a user.
func (n *node) encrypt(contract common.Address, user account, values ...sdk.Value) *sdk.Input {
	n.t.Helper()
	in, err := n.wallet.Encrypt(n.ctx, fhe.Address(contract), fhe.Address(user.Address), values...)
	n.must(err)
	return in
}

func u64(v uint64) sdk.Value { return sdk.Value{Type: fhe.Uint64, Clear: uint256.NewInt(v)} }

// status is how far a handle is, after waiting for it to be computed.
func (n *node) status(h fhe.Handle, wait time.Duration) *sdk.HandleStatus {
	n.t.Helper()
	s, err := n.wallet.Handle(n.ctx, h, wait)
	n.must(err)
	return s
}

// ready waits until a handle is computed.
func (n *node) ready(h fhe.Handle) fhe.Digest {
	n.t.Helper()
	s := n.status(h, 5*time.Minute)
	if s.State != "ready" {
		n.t.Fatalf("handle %s is %s: %s", h, s.State, s.Error)
	}
	return *s.Digest
}

// permit prepares a request of an account to read handles that a contract
// holds, with a signed permit that is in force now.
func (n *node) permit(user account, contract common.Address, handles ...fhe.Handle) *sdk.Decryption {
	n.t.Helper()
	now := n.head().Time
	d, err := n.wallet.Parameters().NewDecryption(sdk.Reading{
		Origin: "the tests", User: fhe.Address(user.Address), Contracts: []fhe.Address{fhe.Address(contract)}, Handles: handles,
		From: now, Until: now + 3600,
	})
	n.must(err)
	d.Sign(secretOf(user))
	return d
}

func secretOf(a account) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(crypto.FromECDSA(a.Key))
}

// health is the coprocessor's state.
type health struct {
	Missing, Running int
	Bootstraps       uint64
}

func (n *node) health() (h health) {
	n.t.Helper()
	resp, err := http.Get(n.info.API + sdk.RouteHealth)
	n.must(err)
	defer resp.Body.Close()
	n.must(json.NewDecoder(resp.Body).Decode(&h))
	return h
}

// codeOf is the code with which the network refused; "" if it did not.
func codeOf(err error) threshold.Code {
	var p *sdk.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}
