package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Find finds the system contracts that belong to a key registry.
func Find(ctx context.Context, client *ethclient.Client, registry fhe.Address, depth Depth) (contracts.Addresses, error) {
	at := contracts.Addresses{KeyRegistry: registry}
	b, err := NewView(client, at, depth).Finalized(ctx)
	if err != nil {
		return at, err
	}
	for _, step := range []struct {
		into   *fhe.Address
		of     *fhe.Address
		iface  *contracts.Artifact
		getter string
	}{
		{&at.ACL, &at.KeyRegistry, contracts.KeyRegistry, "getACLAddress"},
		{&at.DecryptionVerifier, &at.KeyRegistry, contracts.KeyRegistry, "getDecryptionVerifierAddress"},
		{&at.Executor, &at.ACL, contracts.ACL, "getFHEVMExecutorAddress"},
		{&at.InputVerifier, &at.Executor, contracts.FHEVMExecutor, "getInputVerifierAddress"},
	} {
		found, err := call[common.Address](ctx, b, *step.of, mustABI(step.iface), step.getter)
		if err != nil {
			return at, fmt.Errorf("find the system contracts from key registry %s: %w", registry, err)
		}
		*step.into = fhe.Address(found)
	}
	return at, nil
}

// errNoHistory says that a chain does not answer for old blocks.
var errNoHistory = errors.New("the chain does not say since when it has the contracts, for its nodes forget old states: name the block of the deployment with --deployed")

// Since is the first block after which a contract is there; false if it is not
// there now.
func (r *Remote) Since(ctx context.Context, contract fhe.Address) (number uint64, there bool, err error) {
	last, err := r.cfg.Depth.last(ctx, r.client)
	if err != nil {
		return 0, false, err
	}
	high := last.Number.Uint64()
	if there, err := r.hasCode(ctx, contract, high); !there || err != nil {
		return 0, false, err
	}
	low := uint64(0)
	for low < high {
		middle := low + (high-low)/2
		there, err := r.hasCode(ctx, contract, middle)
		if err != nil {
			return 0, true, errors.Join(errNoHistory, err)
		}
		if there {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, true, nil
}

func (r *Remote) hasCode(ctx context.Context, at fhe.Address, block uint64) (bool, error) {
	code, err := r.client.CodeAt(ctx, common.Address(at), new(big.Int).SetUint64(block))
	return len(code) > 0, err
}
