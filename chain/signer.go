package chain

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// devSigner signs for the development accounts, as development tools expect of
// a local node. It holds no other key.
type devSigner struct {
	chainID *big.Int
	keys    map[common.Address]*ecdsa.PrivateKey
	nonce   sync.Mutex // held from choosing a nonce to using it
}

func newDevSigner(chainID uint64) *devSigner {
	s := &devSigner{chainID: new(big.Int).SetUint64(chainID), keys: make(map[common.Address]*ecdsa.PrivateKey)}
	for _, a := range DevAccounts() {
		s.keys[a.Address] = a.Key
	}
	return s
}

func (s *devSigner) key(a common.Address) (*ecdsa.PrivateKey, error) {
	if k, ok := s.keys[a]; ok {
		return k, nil
	}
	return nil, fmt.Errorf("the node has no key of account %s: it signs for the development accounts only", a)
}

// sign appends v as wallets do, 27 or 28.
func (s *devSigner) sign(a common.Address, digest []byte) (hexutil.Bytes, error) {
	key, err := s.key(a)
	if err != nil {
		return nil, err
	}
	signature, err := crypto.Sign(digest, key)
	if err != nil {
		return nil, err
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}

// Accounts lists the development accounts.
func (a *ethAPI) Accounts() (out []common.Address) {
	for _, d := range DevAccounts() {
		out = append(out, d.Address)
	}
	return out
}

// SendTransaction fills in what is missing, signs for a development account and
// sends.
func (a *ethAPI) SendTransaction(ctx context.Context, args json.RawMessage) (common.Hash, error) {
	var given struct {
		From common.Address
		Gas  *hexutil.Uint64
	}
	if err := json.Unmarshal(args, &given); err != nil {
		return common.Hash{}, err
	}
	key, err := a.signer.key(given.From)
	if err != nil {
		return common.Hash{}, err
	}
	a.signer.nonce.Lock()
	defer a.signer.nonce.Unlock()
	if given.Gas == nil {
		if args, err = a.withGas(ctx, args); err != nil {
			return common.Hash{}, err
		}
	}
	var filled struct{ Raw hexutil.Bytes }
	if err := a.base.CallContext(ctx, &filled, "eth_fillTransaction", args); err != nil {
		return common.Hash{}, explained(err)
	}
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(filled.Raw); err != nil {
		return common.Hash{}, err
	}
	if tx, err = types.SignTx(tx, types.LatestSignerForChainID(a.signer.chainID), key); err != nil {
		return common.Hash{}, err
	}
	return a.send(ctx, tx)
}

// withGas adds the gas that a transaction takes in the next block. go-ethereum's
// own estimate is for the last one's time.
func (a *ethAPI) withGas(ctx context.Context, args json.RawMessage) (json.RawMessage, error) {
	fields := make(map[string]json.RawMessage)
	if err := json.Unmarshal(args, &fields); err != nil {
		return nil, err
	}
	gas, err := a.EstimateGas(ctx, args, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	fields["gas"] = gas
	return json.Marshal(fields)
}

// Sign signs a message as personal_sign does; only the order of the arguments
// differs.
func (a *ethAPI) Sign(account common.Address, message hexutil.Bytes) (hexutil.Bytes, error) {
	return a.signer.sign(account, accounts.TextHash(message))
}

// SignTypedData_v4 signs EIP-712 typed data, given as an object or as its text.
func (a *ethAPI) SignTypedData_v4(account common.Address, data json.RawMessage) (hexutil.Bytes, error) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		data = json.RawMessage(text)
	}
	var typed apitypes.TypedData
	if err := json.Unmarshal(data, &typed); err != nil {
		return nil, err
	}
	digest, _, err := apitypes.TypedDataAndHash(typed)
	if err != nil {
		return nil, err
	}
	return a.signer.sign(account, digest)
}

// personalAPI is what wallets offer for messages.
type personalAPI struct{ signer *devSigner }

// Sign signs a message (EIP-191).
func (a *personalAPI) Sign(message hexutil.Bytes, account common.Address) (hexutil.Bytes, error) {
	return a.signer.sign(account, accounts.TextHash(message))
}
