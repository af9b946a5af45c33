package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

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
	at       contracts.Addresses
	depth    Depth
	acl      abi.ABI
	executor abi.ABI
	registry abi.ABI
	inputs   abi.ABI
}

// NewView reads the system contracts at the given addresses through client, at
// blocks that are that deep.
func NewView(client *ethclient.Client, at contracts.Addresses, depth Depth) *View {
	return &View{
		client: client, at: at, depth: depth, acl: mustABI(contracts.ACL),
		executor: mustABI(contracts.FHEVMExecutor), registry: mustABI(contracts.KeyRegistry),
		inputs: mustABI(contracts.InputVerifier),
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
	h, err := v.depth.last(ctx, v.client)
	if err != nil {
		return nil, err
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

// Final reports whether the block is still final: only a development chain undoes
// blocks.
func (b *Block) Final(ctx context.Context) (bool, error) {
	h, err := b.view.client.HeaderByNumber(ctx, new(big.Int).SetUint64(b.Number))
	if errors.Is(err, ethereum.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("block %d: %w", b.Number, err)
	}
	return fhe.Digest(h.Hash()) == b.Hash, nil
}

// PersistAllowed reports whether account holds a persistent right on the handle.
func (b *Block) PersistAllowed(ctx context.Context, h fhe.Handle, account fhe.Address) (bool, error) {
	return call[bool](ctx, b, b.view.at.ACL, b.view.acl, "persistAllowed", [32]byte(h), common.Address(account))
}

// PubliclyDecryptable reports whether everyone may decrypt the handle.
func (b *Block) PubliclyDecryptable(ctx context.Context, h fhe.Handle) (bool, error) {
	return call[bool](ctx, b, b.view.at.ACL, b.view.acl, "isAllowedForDecryption", [32]byte(h))
}

// Paused reports whether the network is paused: nothing is decrypted then.
func (b *Block) Paused(ctx context.Context) (bool, error) {
	return call[bool](ctx, b, b.view.at.ACL, b.view.acl, "paused")
}

// Denied reports whether account is on the deny list.
func (b *Block) Denied(ctx context.Context, account fhe.Address) (bool, error) {
	return call[bool](ctx, b, b.view.at.ACL, b.view.acl, "isAccountDenied", common.Address(account))
}

// InvalidatedBefore is the time before which the permits of account must not
// begin, in Unix seconds.
func (b *Block) InvalidatedBefore(ctx context.Context, account fhe.Address) (uint64, error) {
	return b.seconds(ctx, "decryptionSignatureInvalidatedBefore", common.Address(account))
}

// DelegatedUntil is when the delegation of decryptions by delegator to delegate
// ends, for what the contract holds rights on: Unix seconds, inclusive, 0 if there
// is none. A delegation for all contracts counts.
func (b *Block) DelegatedUntil(ctx context.Context, delegator, delegate, contract fhe.Address) (until uint64, err error) {
	for _, c := range []fhe.Address{contract, contracts.AllContracts} {
		t, err := call[uint64](ctx, b, b.view.at.ACL, b.view.acl, "getUserDecryptionDelegationExpirationDate",
			common.Address(delegator), common.Address(delegate), common.Address(c))
		if err != nil {
			return 0, err
		}
		until = max(until, t)
	}
	return until, nil
}

// erc1271 is what a contract answers to a signature that it accepts, and the selector
// of the question.
var erc1271 = [4]byte{0x16, 0x26, 0xba, 0x7e}

// signatureGas bounds what a contract may spend on a signature.
const signatureGas = 5_000_000

// AcceptsSignature reports whether account is a contract that accepts a signature of
// digest as its own (ERC-1271). A contract that reverts, or answers anything else,
// does not.
func (b *Block) AcceptsSignature(ctx context.Context, account fhe.Address, digest fhe.Digest, signature []byte) (bool, error) {
	input := append(erc1271[:], digest[:]...)
	input = append(input, common.LeftPadBytes([]byte{64}, 32)...)
	input = append(input, common.LeftPadBytes(big.NewInt(int64(len(signature))).Bytes(), 32)...)
	input = append(input, common.RightPadBytes(signature, (len(signature)+31)/32*32)...)
	to := common.Address(account)
	output, err := b.view.client.CallContractAtHash(ctx, ethereum.CallMsg{To: &to, Data: input, Gas: signatureGas}, common.Hash(b.Hash))
	if stopped(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("isValidSignature of %s at block %d: %w", account, b.Number, err)
	}
	return len(output) == 32 && [4]byte(output) == erc1271 && len(bytes.Trim(output[4:], "\x00")) == 0, nil
}

// stopped reports whether err is what a contract's own code came to, rather than the
// node's trouble: a revert has a code of its own, the rest only words.
func stopped(err error) bool {
	var answer rpc.Error
	if !errors.As(err, &answer) {
		return false
	}
	return answer.ErrorCode() == 3 || slices.ContainsFunc([]string{"execution reverted", "out of gas", "invalid opcode", "invalid jump", "stack underflow", "stack limit", "write protection", "return data out of bounds"},
		func(words string) bool { return strings.Contains(answer.Error(), words) })
}

// seconds reads a time from the ACL. One that does not fit 64 bits never comes.
func (b *Block) seconds(ctx context.Context, method string, args ...any) (uint64, error) {
	t, err := call[*big.Int](ctx, b, b.view.at.ACL, b.view.acl, method, args...)
	if err != nil {
		return 0, err
	}
	if !t.IsUint64() {
		return math.MaxUint64, nil
	}
	return t.Uint64(), nil
}

// Network is the kind of network, Dev or Production, as the key registry states
// it. Outside of development it fails unless only blocks count that the chain
// itself calls finalized.
func (b *Block) Network(ctx context.Context) (string, error) {
	kind, err := registered[string](ctx, b, "network")
	if err == nil && kind != Dev && b.view.depth != Finalized {
		return kind, fmt.Errorf("the network is %s: only finalized blocks count there", kind)
	}
	return kind, err
}

// TakesInput says why the input verifier does not accept an attestation for the
// contract and user that it names, nil if it does.
func (v *View) TakesInput(ctx context.Context, a *fhe.AttestedInput) error {
	encoding, err := a.MarshalBinary()
	if err != nil {
		return err
	}
	input, err := v.inputs.Pack("verify", common.Address(a.Binding.Contract), common.Address(a.Binding.User), [32]byte(a.Handles()[0]), encoding)
	if err != nil {
		return err
	}
	to := common.Address(v.at.InputVerifier)
	_, err = v.client.CallContract(ctx, ethereum.CallMsg{From: common.Address(v.at.Executor), To: &to, Data: input}, nil)
	return err
}

// KeyID is the network's FHE key, as the key registry states it. It fails where
// the executor or the input verifier makes handles for another key.
func (b *Block) KeyID(ctx context.Context) (fhe.Digest, error) {
	id, err := registered[[32]byte](ctx, b, "keyId")
	if err != nil {
		return fhe.Digest{}, err
	}
	for _, at := range []fhe.Address{b.view.at.Executor, b.view.at.InputVerifier} {
		got, err := call[[32]byte](ctx, b, at, b.view.executor, "keyId")
		if err != nil {
			return fhe.Digest{}, err
		}
		if got != id {
			return fhe.Digest{}, fmt.Errorf("contract %s makes handles for key %s, the key registry states %s: the owner has to upgrade the contract",
				at, fhe.Digest(got), fhe.Digest(id))
		}
	}
	return fhe.Digest(id), nil
}

// Committee is the current committee, as the key registry states it.
func (b *Block) Committee(ctx context.Context) (c Committee, err error) {
	epoch, err := registered[*big.Int](ctx, b, "currentEpoch")
	if err != nil {
		return c, err
	}
	if !epoch.IsUint64() {
		return c, fmt.Errorf("epoch %s of the committee is out of range", epoch)
	}
	return b.CommitteeOf(ctx, epoch.Uint64())
}

// CommitteeOf is the committee of an epoch, with nobody in it if the epoch is
// retired or not activated.
func (b *Block) CommitteeOf(ctx context.Context, number uint64) (c Committee, err error) {
	epoch := new(big.Int).SetUint64(number)
	if c.Signers, err = registered[[]common.Address](ctx, b, "committee", epoch); err != nil {
		return c, err
	}
	quorum, err := registered[*big.Int](ctx, b, "thresholdOf", epoch)
	if err != nil {
		return c, err
	}
	if !quorum.IsInt64() {
		return c, fmt.Errorf("quorum %s of the committee is out of range", quorum)
	}
	c.Epoch, c.Quorum = number, int(quorum.Int64())
	return c, nil
}

// Position is the place of signer, from 1, in the committee of an epoch that is
// activated and not retired; 0 if it has none there.
func (b *Block) Position(ctx context.Context, epoch uint64, signer fhe.Address) (uint64, error) {
	at, err := registered[*big.Int](ctx, b, "positionOf", new(big.Int).SetUint64(epoch), common.Address(signer))
	if err != nil {
		return 0, err
	}
	return at.Uint64(), nil
}

// registered reads the first value of a method of the key registry.
func registered[T any](ctx context.Context, b *Block, method string, args ...any) (T, error) {
	return call[T](ctx, b, b.view.at.KeyRegistry, b.view.registry, method, args...)
}

// call reads the first value of a method of a system contract.
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
