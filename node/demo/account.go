package demo

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"strings"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/sdk/client"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

// Account sends transactions with a key at hand, through a node's JSON-RPC as
// any wallet would. It is not safe for concurrent use.
type Account struct {
	Name   string
	key    *ecdsa.PrivateKey
	client *ethclient.Client
}

// NewAccount is the account of a key.
func NewAccount(name string, key *ecdsa.PrivateKey, client *ethclient.Client) *Account {
	return &Account{name, key, client}
}

// Address is the account's address.
func (a *Account) Address() common.Address { return crypto.PubkeyToAddress(a.key.PublicKey) }

// Deploy creates a contract and binds it.
func (a *Account) Deploy(ctx context.Context, artifact *contracts.Artifact, args ...any) (*Contract, *types.Receipt, error) {
	parsed, err := abi.JSON(strings.NewReader(artifact.ABI))
	if err != nil {
		return nil, nil, err
	}
	encoded, err := parsed.Pack("", args...)
	if err != nil {
		return nil, nil, fmt.Errorf("deploy %s: %w", artifact.Name, err)
	}
	receipt, err := a.Send(ctx, nil, append(append([]byte(nil), artifact.Bytecode...), encoded...))
	if err != nil {
		return nil, nil, fmt.Errorf("deploy %s: %w", artifact.Name, err)
	}
	return &Contract{Address: receipt.ContractAddress, abi: parsed, client: a.client}, receipt, nil
}

// Decrypt has the committee re-encrypt a handle, on which the contract holds a right
// too, for the account.
func (a *Account) Decrypt(ctx context.Context, wallet *client.Client, contract fhe.Address, h fhe.Handle) (*uint256.Int, error) {
	head, err := a.client.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	request, err := wallet.Parameters().NewDecryption(sdk.Reading{
		Origin: "the demo", User: fhe.Address(a.Address()), Contracts: []fhe.Address{contract}, Handles: []fhe.Handle{h},
		From: head.Time, Until: head.Time + 3600,
	})
	if err != nil {
		return nil, err
	}
	request.Sign(secp256k1.PrivKeyFromBytes(crypto.FromECDSA(a.key)))
	values, err := wallet.UserDecrypt(ctx, request)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// Send signs and sends a transaction (to nil creates a contract) and returns
// its receipt. A transaction that would revert is not sent.
func (a *Account) Send(ctx context.Context, to *common.Address, data []byte) (*types.Receipt, error) {
	gas, err := a.client.EstimateGas(ctx, ethereum.CallMsg{From: a.Address(), To: to, Data: data})
	if err != nil {
		return nil, err
	}
	return a.SendWithGas(ctx, to, data, gas)
}

// SendWithGas is Send with a gas limit and no estimate first.
func (a *Account) SendWithGas(ctx context.Context, to *common.Address, data []byte, gas uint64) (*types.Receipt, error) {
	return a.submit(ctx, &types.DynamicFeeTx{To: to, Data: data, Gas: gas})
}

// Pay sends wei.
func (a *Account) Pay(ctx context.Context, to common.Address, wei *big.Int) error {
	_, err := a.submit(ctx, &types.DynamicFeeTx{To: &to, Value: wei, Gas: params.TxGas})
	return err
}

// submit fills in nonce and fees, signs and sends a transaction and returns its
// receipt.
func (a *Account) submit(ctx context.Context, data *types.DynamicFeeTx) (*types.Receipt, error) {
	chainID, err := a.client.ChainID(ctx)
	if err != nil {
		return nil, err
	}
	nonce, err := a.client.PendingNonceAt(ctx, a.Address())
	if err != nil {
		return nil, err
	}
	head, err := a.client.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	data.ChainID, data.Nonce, data.GasTipCap = chainID, nonce, big.NewInt(1e9)
	data.GasFeeCap = new(big.Int).Add(data.GasTipCap, new(big.Int).Lsh(head.BaseFee, 1))
	tx, err := types.SignNewTx(a.key, types.LatestSignerForChainID(chainID), data)
	if err != nil {
		return nil, err
	}
	if err := a.client.SendTransaction(ctx, tx); err != nil {
		return nil, err
	}
	receipt, err := a.client.TransactionReceipt(ctx, tx.Hash())
	if err != nil {
		return nil, fmt.Errorf("receipt of %s: %w", tx.Hash(), err)
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return receipt, fmt.Errorf("transaction %s reverted", tx.Hash())
	}
	return receipt, nil
}

// Contract is a deployed contract.
type Contract struct {
	Address common.Address
	abi     abi.ABI
	client  *ethclient.Client
}

// Send calls a method in a transaction of the account.
func (c *Contract) Send(ctx context.Context, from *Account, method string, args ...any) (*types.Receipt, error) {
	data, err := c.abi.Pack(method, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	receipt, err := from.Send(ctx, &c.Address, data)
	if err != nil {
		return receipt, fmt.Errorf("%s: %w", method, err)
	}
	return receipt, nil
}

// Handle calls a view method that returns one encrypted value.
func (c *Contract) Handle(ctx context.Context, method string, args ...any) (fhe.Handle, error) {
	out, err := c.Call(ctx, method, args...)
	if err != nil {
		return fhe.Handle{}, err
	}
	h, ok := out[0].([32]byte)
	if !ok {
		return fhe.Handle{}, fmt.Errorf("%s returns %T, want bytes32", method, out[0])
	}
	return h, nil
}

// Call calls a view method.
func (c *Contract) Call(ctx context.Context, method string, args ...any) ([]any, error) {
	data, err := c.abi.Pack(method, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	raw, err := c.client.CallContract(ctx, ethereum.CallMsg{To: &c.Address, Data: data}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return c.abi.Unpack(method, raw)
}
