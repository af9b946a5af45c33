package chain

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"fhevm/contracts"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/holiman/uint256"
)

// predeploy runs the constructors of the system contracts: first those of the
// implementations, then those of the proxies, which initialise themselves.
func (g *Genesis) predeploy(config *params.ChainConfig) (types.GenesisAlloc, error) {
	alloc := make(types.GenesisAlloc)
	for _, s := range contracts.Systems() {
		setup := g.setup(s.Artifact)
		code, err := CreationCode(s.Artifact, setup.constructor...)
		if err != nil {
			return nil, err
		}
		if err := construct(config, alloc, common.Address(s.Implementation), code); err != nil {
			return nil, fmt.Errorf("construct %s: %w", s.Name, err)
		}
		call, err := mustABI(s.Artifact).Pack("initialize", setup.initialize...)
		if err != nil {
			return nil, fmt.Errorf("first state of %s: %w", s.Name, err)
		}
		code, err = CreationCode(contracts.SystemProxy, common.Address(s.Implementation), call)
		if err != nil {
			return nil, err
		}
		if err := construct(config, alloc, common.Address(s.Proxy), code); err != nil {
			return nil, fmt.Errorf("construct the proxy of %s: %w", s.Name, err)
		}
	}
	return alloc, nil
}

// setup holds the arguments that make a system contract this network's.
type setup struct{ constructor, initialize []any }

func (g *Genesis) setup(a *contracts.Artifact) setup {
	acl, executor := common.Address(contracts.ACLAddress), common.Address(contracts.ExecutorAddress)
	key, noProofs := [32]byte(g.KeyID), [32]byte{}
	quorum, epoch := big.NewInt(int64(g.Committee.Quorum)), new(big.Int).SetUint64(g.Committee.Epoch)
	return map[*contracts.Artifact]setup{
		contracts.ACL:                {[]any{executor}, []any{g.Owner}},
		contracts.FHEVMExecutor:      {[]any{acl, common.Address(contracts.InputVerifierAddress), key}, []any{g.Budget.PerBlock, g.Budget.Burst, g.Budget.Depth}},
		contracts.InputVerifier:      {[]any{acl, executor, key}, nil},
		contracts.DecryptionVerifier: {[]any{acl, common.Address(contracts.KeyRegistryAddress)}, nil},
		contracts.KeyRegistry:        {[]any{acl, common.Address(contracts.DecryptionVerifierAddress)}, []any{g.Network, key, noProofs, epoch, g.Committee.Signers, quorum}},
	}[a]
}

// CreationCode is the creation code of a contract followed by its constructor's
// arguments, in go-ethereum's types for the ABI: what a deployment transaction
// carries.
func CreationCode(a *contracts.Artifact, args ...any) ([]byte, error) {
	parsed, err := abi.JSON(strings.NewReader(a.ABI))
	if err != nil {
		return nil, fmt.Errorf("interface of %s: %w", a.Name, err)
	}
	packed, err := parsed.Pack("", args...)
	if err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", a.Name, err)
	}
	return append(append([]byte(nil), a.Bytecode...), packed...), nil
}

// construct runs creation code at the address where the contract will be, so
// that a constructor sees its own address, and adds the account that it leaves.
// It sees the contracts that are there already, and changes none of them.
func construct(config *params.ChainConfig, alloc types.GenesisAlloc, at common.Address, creation []byte) error {
	disk := rawdb.NewMemoryDatabase()
	scratch, err := state.New(types.EmptyRootHash, state.NewDatabase(triedb.NewDatabase(disk, nil), state.NewCodeDB(disk)))
	if err != nil {
		return err
	}
	for a, account := range alloc {
		scratch.SetCode(a, account.Code, tracing.CodeChangeUnspecified)
	}
	scratch.SetCode(at, creation, tracing.CodeChangeUnspecified)
	account := types.Account{Balance: new(big.Int), Nonce: 1, Storage: make(map[common.Hash]common.Hash)}
	evm := runtime.NewEnv(&runtime.Config{
		ChainConfig: config, BlockNumber: new(big.Int), Time: genesisTime, GasLimit: GasLimit,
		Difficulty: new(big.Int), GasPrice: new(big.Int), BaseFee: new(big.Int), BlobBaseFee: new(big.Int),
		Random: new(common.Hash), State: scratch,
	})
	var foreign error
	evm.StateDB = state.NewHookedState(scratch, &tracing.Hooks{
		OnStorageChange: func(a common.Address, slot, _, value common.Hash) {
			if a != at {
				foreign = fmt.Errorf("its constructor writes to %s", a)
			}
			account.Storage[slot] = value
		},
	})
	account.Code, _, err = evm.Call(common.Address{}, at, nil, vm.NewGasBudget(GasLimit, 0), new(uint256.Int))
	alloc[at] = account
	return errors.Join(err, foreign)
}
