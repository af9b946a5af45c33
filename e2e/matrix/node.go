package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	fhevm "fhevm/node"
	"fhevm/sdk"
	"fhevm/sdk/client"
	"fhevm/threshold"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

const (
	program  = "../../bin/fhevm-node"
	contract = "../../contracts/testdata/Any.json"
)

// anyABI is the interface of contracts/test/Any.sol.
const anyABI = `[
	{"type": "function", "name": "load", "outputs": [], "inputs": [
		{"name": "types", "type": "uint8[]"}, {"name": "handles", "type": "bytes32[]"}, {"name": "proof", "type": "bytes"}]},
	{"type": "function", "name": "order", "outputs": [], "inputs": [
		{"name": "op", "type": "uint8"}, {"name": "fheType", "type": "uint8"}, {"name": "operands", "type": "bytes32[]"},
		{"name": "clear", "type": "uint256"}, {"name": "table", "type": "bytes"}]},
	{"type": "function", "name": "draw", "outputs": [], "inputs": [{"name": "fheType", "type": "uint8"}, {"name": "bound", "type": "uint256"}]},
	{"type": "event", "name": "Results", "inputs": [{"name": "results", "type": "bytes32[]"}]}
]`

// node is a development node in a process of its own, with the contract on it.
type node struct {
	cmd     *exec.Cmd
	folder  string
	chain   *ethclient.Client
	wallet  *client.Client
	account chain.DevAccount
	nonce   uint64
	at      common.Address
	abi     abi.ABI
}

// start runs a node and deploys the contract.
func start(ctx context.Context) (n *node, err error) {
	n = &node{account: chain.DevAccounts()[0]}
	defer func() {
		if err != nil {
			n.stop()
		}
	}()
	if n.folder, err = os.MkdirTemp("", "fhevm-matrix-"); err != nil {
		return n, err
	}
	config := filepath.Join(n.folder, "dev.json")
	n.cmd = exec.Command(program, "dev", "--exit-with-stdin", "--rpc", "127.0.0.1:0", "--api", "127.0.0.1:0", "--config-out", config)
	n.cmd.Stderr = os.Stderr
	if _, err := n.cmd.StdinPipe(); err != nil { // ends with this process, however that ends
		return n, err
	}
	if err := n.cmd.Start(); err != nil {
		return n, fmt.Errorf("%w: run make build first", err)
	}
	info, err := await(ctx, config)
	if err != nil {
		return n, err
	}
	if n.chain, err = ethclient.DialContext(ctx, info.RPC); err != nil {
		return n, err
	}
	if n.wallet, err = client.Dial(ctx, info.API); err != nil {
		return n, err
	}
	return n, n.deploy(ctx)
}

// await reads what the node says of itself once it is ready.
func await(ctx context.Context, config string) (info fhevm.Info, err error) {
	for {
		b, err := os.ReadFile(config)
		if err == nil {
			return info, json.Unmarshal(b, &info)
		}
		select {
		case <-ctx.Done():
			return info, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (n *node) stop() {
	if n.cmd != nil && n.cmd.Process != nil {
		n.cmd.Process.Signal(syscall.SIGTERM)
		n.cmd.Wait()
	}
	os.RemoveAll(n.folder)
}

func (n *node) deploy(ctx context.Context) (err error) {
	if n.abi, err = abi.JSON(strings.NewReader(anyABI)); err != nil {
		return err
	}
	raw, err := os.ReadFile(contract)
	if err != nil {
		return err
	}
	var file struct{ Bytecode string }
	if err := json.Unmarshal(raw, &file); err != nil {
		return err
	}
	code, err := hex.DecodeString(strings.TrimPrefix(file.Bytecode, "0x"))
	if err != nil {
		return err
	}
	receipt, err := n.mine(ctx, nil, code)
	if err == nil {
		n.at = receipt.ContractAddress
	}
	return err
}

// mine sends a transaction and returns its receipt.
func (n *node) mine(ctx context.Context, to *common.Address, data []byte) (*types.Receipt, error) {
	id := new(big.Int).SetUint64(n.wallet.Parameters().ChainID)
	tx, err := types.SignNewTx(n.account.Key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: n.nonce, To: to, Data: data, Gas: params.MaxTxGas, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1e12),
	})
	if err != nil {
		return nil, err
	}
	if err := n.send(ctx, tx); err != nil {
		return nil, err
	}
	n.nonce++
	receipt, err := n.chain.TransactionReceipt(ctx, tx.Hash())
	if err != nil {
		return nil, err
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return nil, fmt.Errorf("transaction %s reverted", tx.Hash())
	}
	return receipt, nil
}

// send sends a transaction, again for as long as the node is too far behind to take it.
func (n *node) send(ctx context.Context, tx *types.Transaction) error {
	for {
		err := n.chain.SendTransaction(ctx, tx)
		var refusal rpc.Error
		if !errors.As(err, &refusal) || refusal.ErrorCode() != new(chain.Overload).ErrorCode() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
}

// call mines a call of the contract.
func (n *node) call(ctx context.Context, method string, args ...any) (*types.Receipt, error) {
	data, err := n.abi.Pack(method, args...)
	if err != nil {
		return nil, err
	}
	return n.mine(ctx, &n.at, data)
}

// run orders the cells, decrypts what comes out and checks it.
func (n *node) run(ctx context.Context, cells []cell) error {
	var handles []fhe.Handle
	for _, c := range cells {
		results, err := n.order(ctx, c)
		if err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		handles = append(handles, results...)
	}
	values, err := n.decrypt(ctx, handles)
	if err != nil {
		return fmt.Errorf("%v and %d more: %w", cells[0], len(cells)-1, err)
	}
	for _, c := range cells {
		count := len(c.results())
		if err := c.check(values[:count]); err != nil {
			return err
		}
		values = values[count:]
	}
	return nil
}

// order has the contract order a cell, and returns the handles of its results.
func (n *node) order(ctx context.Context, c cell) ([]fhe.Handle, error) {
	handles, err := n.load(ctx, c)
	if err != nil {
		return nil, err
	}
	var receipt *types.Receipt
	if c.row.Shape == fhe.Draw {
		receipt, err = n.call(ctx, "draw", uint8(c.Type), c.bound())
	} else {
		receipt, err = n.call(ctx, "order", uint8(c.Op), uint8(c.Type), c.operands(handles), big.NewInt(int64(c.Clear)), c.table)
	}
	if err != nil {
		return nil, err
	}
	return n.results(receipt)
}

// load gives the contract the cell's inputs.
func (n *node) load(ctx context.Context, c cell) ([]fhe.Handle, error) {
	values := c.inputs()
	if len(values) == 0 {
		return nil, nil
	}
	in, err := n.wallet.Encrypt(ctx, fhe.Address(n.at), fhe.Address(n.account.Address), values...)
	if err != nil {
		return nil, err
	}
	var numbers []uint8
	var words [][32]byte
	for i, h := range in.Handles {
		numbers, words = append(numbers, uint8(values[i].Type)), append(words, h)
	}
	_, err = n.call(ctx, "load", numbers, words, []byte(in.Proof))
	return in.Handles, err
}

// results reads the contract's event.
func (n *node) results(r *types.Receipt) (handles []fhe.Handle, err error) {
	for _, l := range r.Logs {
		if l.Address != n.at {
			continue
		}
		values, err := n.abi.Events["Results"].Inputs.Unpack(l.Data)
		if err != nil {
			return nil, err
		}
		for _, h := range values[0].([][32]byte) {
			handles = append(handles, h)
		}
	}
	if len(handles) == 0 {
		return nil, errors.New("the contract reports no results")
	}
	return handles, nil
}

// decrypt waits for values and re-encrypts them to the account. It repeats a request
// that parties have no answer to in time: what a busy machine prepared is kept.
func (n *node) decrypt(ctx context.Context, handles []fhe.Handle) (values []*uint256.Int, err error) {
	const times = 5
	for range times {
		var request *sdk.Decryption
		if request, err = n.request(ctx, handles); err != nil {
			return nil, err
		}
		values, err = n.wallet.UserDecrypt(ctx, request)
		var problem *sdk.Problem
		if err == nil || !errors.As(err, &problem) || problem.Code != threshold.Unavailable {
			return values, err
		}
	}
	return nil, err
}

// request is a signed one for values.
func (n *node) request(ctx context.Context, handles []fhe.Handle) (*sdk.Decryption, error) {
	head, err := n.chain.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	now := max(head.Time, uint64(time.Now().Unix()))
	request, err := n.wallet.Parameters().NewDecryption(sdk.Reading{
		Origin: "the matrix", User: fhe.Address(n.account.Address), Contracts: []fhe.Address{fhe.Address(n.at)}, Handles: handles,
		From: now - 60, Until: now + 3600,
	})
	if err != nil {
		return nil, err
	}
	request.Sign(secp256k1.PrivKeyFromBytes(crypto.FromECDSA(n.account.Key)))
	return request, nil
}
