package chain

import (
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

// predeploy runs the constructors of the system contracts.
func (g *Genesis) predeploy(config *params.ChainConfig) (types.GenesisAlloc, error) {
	acl, executor := common.Address(contracts.ACLAddress), common.Address(contracts.ExecutorAddress)
	verifier := common.Address(contracts.InputVerifierAddress)
	key := [32]byte(g.KeyID)
	quorum, epoch := big.NewInt(int64(g.Committee.Quorum)), new(big.Int).SetUint64(g.Committee.Epoch)
	alloc := make(types.GenesisAlloc)
	for _, c := range []struct {
		at       common.Address
		artifact *contracts.Artifact
		args     []any
	}{
		{acl, contracts.ACL, []any{executor}},
		{executor, contracts.FHEVMExecutor, []any{acl, verifier, key, g.Budget.PerBlock, g.Budget.Burst, g.Budget.Depth}},
		{verifier, contracts.InputVerifier, []any{acl, executor, key}},
		{common.Address(contracts.DecryptionVerifierAddress), contracts.DecryptionVerifier, []any{g.Committee.Signers, quorum, epoch, g.Network}},
	} {
		code, err := CreationCode(c.artifact, c.args...)
		if err != nil {
			return nil, err
		}
		account, err := construct(config, c.at, code)
		if err != nil {
			return nil, fmt.Errorf("construct %s: %w", c.artifact.Name, err)
		}
		alloc[c.at] = account
	}
	return alloc, nil
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
// that a constructor sees its own address, and returns the code and storage
// that it leaves.
func construct(config *params.ChainConfig, at common.Address, creation []byte) (types.Account, error) {
	disk := rawdb.NewMemoryDatabase()
	scratch, err := state.New(types.EmptyRootHash, state.NewDatabase(triedb.NewDatabase(disk, nil), state.NewCodeDB(disk)))
	if err != nil {
		return types.Account{}, err
	}
	scratch.SetCode(at, creation, tracing.CodeChangeUnspecified)
	account := types.Account{Balance: new(big.Int), Nonce: 1, Storage: make(map[common.Hash]common.Hash)}
	evm := runtime.NewEnv(&runtime.Config{
		ChainConfig: config, BlockNumber: new(big.Int), Time: genesisTime, GasLimit: GasLimit,
		Difficulty: new(big.Int), GasPrice: new(big.Int), BaseFee: new(big.Int), BlobBaseFee: new(big.Int),
		Random: new(common.Hash), State: scratch,
	})
	evm.StateDB = state.NewHookedState(scratch, &tracing.Hooks{
		OnStorageChange: func(_ common.Address, slot, _, value common.Hash) { account.Storage[slot] = value },
	})
	account.Code, _, err = evm.Call(common.Address{}, at, nil, vm.NewGasBudget(GasLimit, 0), new(uint256.Int))
	return account, err
}
