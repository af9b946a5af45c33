package chain

import (
	"context"
	"errors"
	"fmt"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// Place puts the system contracts of a network onto a development chain that
// lets anybody write its state, as Hardhat's and Anvil's do: at the addresses, and
// with the code and storage, that a genesis of our own gives them, so that what was
// compiled for such a chain finds them. Twins stand at the addresses of the
// precompiles. The input twin takes the word of the given coprocessor. A block
// makes the state the chain's.
func (r *Remote) Place(ctx context.Context, g *Genesis, coprocessor fhe.Address) error {
	accounts, err := g.placed(coprocessor)
	if err != nil {
		return err
	}
	for at, account := range accounts {
		if err := r.place(ctx, at, account); err != nil {
			return err
		}
	}
	return r.client.Client().CallContext(ctx, nil, "evm_mine")
}

func (r *Remote) place(ctx context.Context, at common.Address, account types.Account) error {
	err := r.client.Client().CallContext(ctx, nil, "hardhat_setCode", at, hexutil.Bytes(account.Code))
	if refused := rpc.Error(nil); errors.As(err, &refused) {
		return fmt.Errorf("the chain does not let contracts be placed, as Anvil and Hardhat do: deploy them with contracts/script/deploy.mjs "+
			"(fhevm-node attach --describe prints the network that it asks for), and name the key registry with --registry: %w", err)
	}
	if err != nil {
		return fmt.Errorf("place a contract at %s: %w", at, err)
	}
	for slot, word := range account.Storage {
		number := (*hexutil.Big)(slot.Big())
		if err := r.client.Client().CallContext(ctx, nil, "hardhat_setStorageAt", at, number, word); err != nil {
			return fmt.Errorf("place storage of %s: %w", at, err)
		}
	}
	return nil
}

// placed are the accounts that Place makes.
func (g *Genesis) placed(coprocessor fhe.Address) (types.GenesisAlloc, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	config := rules(g.ChainID)
	accounts, err := g.predeploy(config)
	if err != nil {
		return nil, err
	}
	for _, twin := range []struct {
		at   common.Address
		code *contracts.Artifact
		args []any
	}{
		{precompiles.OperationAddress, contracts.OperationTwin, nil},
		{precompiles.InputAddress, contracts.AttestedInputTwin, []any{common.Address(coprocessor)}},
	} {
		code, err := CreationCode(twin.code, twin.args...)
		if err != nil {
			return nil, err
		}
		// Elsewhere: in a process with a chain of its own, the precompile is there.
		if err := construct(config, accounts, common.Address{}, code); err != nil {
			return nil, fmt.Errorf("construct %s: %w", twin.code.Name, err)
		}
		accounts[twin.at] = accounts[common.Address{}]
		delete(accounts, common.Address{})
	}
	return accounts, nil
}
