package chain

import (
	"context"
	"fmt"
	"math/big"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// View is a committee member's own view of the chain, by the JSON-RPC of a node
// that the member trusts. It is safe for concurrent use.
type View struct {
	client   *ethclient.Client
	acl      abi.ABI
	executor abi.ABI
	verifier abi.ABI
}

// NewView reads through client.
func NewView(client *ethclient.Client) *View {
	return &View{
		client: client, acl: mustABI(contracts.ACL),
		executor: mustABI(contracts.FHEVMExecutor), verifier: mustABI(contracts.DecryptionVerifier),
	}
}

// ChainID is the chain's id.
func (v *View) ChainID(ctx context.Context) (uint64, error) {
	id, err := v.client.ChainID(ctx)
	if err != nil {
		return 0, fmt.Errorf("chain id: %w", err)
	}
	if !id.IsUint64() {
		return 0, fmt.Errorf("chain id %s does not fit 64 bits", id)
	}
	return id.Uint64(), nil
}

// Finalized is the last final block. All that one decision needs is read from
// one block.
func (v *View) Finalized(ctx context.Context) (*Block, error) {
	h, err := v.client.HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	if err != nil {
		return nil, fmt.Errorf("finalised block: %w", err)
	}
	return &Block{Number: h.Number.Uint64(), Hash: fhe.Digest(h.Hash()), Time: h.Time, view: v}, nil
}

// Block is the state after one final block.
type Block struct {
	Number uint64
	Hash   fhe.Digest
	Time   uint64 // seconds since 1970

	view *View
}

// PersistAllowed reports whether account holds a persistent right on the handle.
func (b *Block) PersistAllowed(ctx context.Context, h fhe.Handle, account fhe.Address) (bool, error) {
	return call[bool](ctx, b, contracts.ACLAddress, b.view.acl, "persistAllowed", [32]byte(h), common.Address(account))
}

// PubliclyDecryptable reports whether everyone may decrypt the handle.
func (b *Block) PubliclyDecryptable(ctx context.Context, h fhe.Handle) (bool, error) {
	return call[bool](ctx, b, contracts.ACLAddress, b.view.acl, "isAllowedForDecryption", [32]byte(h))
}

// Network is the kind of network, Dev or Production, as the decryption
// verifier states it.
func (b *Block) Network(ctx context.Context) (string, error) {
	return call[string](ctx, b, contracts.DecryptionVerifierAddress, b.view.verifier, "network")
}

// KeyID is the network's FHE key, as the executor states it.
func (b *Block) KeyID(ctx context.Context) (fhe.Digest, error) {
	id, err := call[[32]byte](ctx, b, contracts.ExecutorAddress, b.view.executor, "keyId")
	return fhe.Digest(id), err
}

// Committee is the committee that the decryption verifier accepts.
func (b *Block) Committee(ctx context.Context) (c Committee, err error) {
	at, verifier := contracts.DecryptionVerifierAddress, b.view.verifier
	if c.Signers, err = call[[]common.Address](ctx, b, at, verifier, "signers"); err != nil {
		return c, err
	}
	quorum, err := call[*big.Int](ctx, b, at, verifier, "threshold")
	if err != nil {
		return c, err
	}
	epoch, err := call[*big.Int](ctx, b, at, verifier, "epoch")
	if err != nil {
		return c, err
	}
	if !epoch.IsUint64() || !quorum.IsInt64() {
		return c, fmt.Errorf("epoch %s or quorum %s of the committee is out of range", epoch, quorum)
	}
	c.Epoch, c.Quorum = epoch.Uint64(), int(quorum.Int64())
	return c, nil
}

// call reads one value from a system contract.
func call[T any](ctx context.Context, b *Block, at fhe.Address, iface abi.ABI, method string, args ...any) (result T, err error) {
	input, err := iface.Pack(method, args...)
	if err != nil {
		return result, fmt.Errorf("%s: %w", method, err)
	}
	to := common.Address(at)
	output, err := b.view.client.CallContractAtHash(ctx, ethereum.CallMsg{To: &to, Data: input}, common.Hash(b.Hash))
	if err != nil {
		return result, fmt.Errorf("%s at block %d: %w", method, b.Number, err)
	}
	values, err := iface.Unpack(method, output)
	if err != nil {
		return result, fmt.Errorf("%s at block %d: %w", method, b.Number, err)
	}
	result, ok := values[0].(T)
	if !ok {
		return result, fmt.Errorf("%s at block %d: result is %T", method, b.Number, values[0])
	}
	return result, nil
}
