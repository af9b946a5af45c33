// Package precompiles holds the two pure precompiles, their gas and their
// registration with go-ethereum.
//
// Both are pure functions of their input. They are run concurrently and
// repeatedly by block building, import, eth_call, gas estimation and tracing,
// so they keep no state and have no effect. Everything stateful (rights,
// counters, events) is the business of the system contracts that call them.
package precompiles

import (
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm"
)

var (
	// OperationAddress is where Operation is called.
	OperationAddress = common.BytesToAddress([]byte{0x5d})
	// InputAddress is where Input is called.
	InputAddress = common.BytesToAddress([]byte{0x5e})
)

// Register adds the precompiles to the rules of every fork. Only the first call
// has an effect. It must happen before a node starts, for go-ethereum reads
// the tables without a lock.
func Register() { register() }

var register = sync.OnceFunc(func() {
	add(OperationAddress, Operation{})
	add(InputAddress, Input{})
})

func add(a common.Address, p vm.PrecompiledContract) {
	for _, contracts := range forkContracts() {
		contracts[a] = p
	}
	for _, addresses := range forkAddresses() {
		if !slices.Contains(*addresses, a) {
			*addresses = append(*addresses, a)
		}
	}
}

// forkContracts leaves out the tables that alias one of these.
func forkContracts() []vm.PrecompiledContracts {
	return []vm.PrecompiledContracts{
		vm.PrecompiledContractsHomestead,
		vm.PrecompiledContractsByzantium,
		vm.PrecompiledContractsIstanbul,
		vm.PrecompiledContractsBerlin,
		vm.PrecompiledContractsCancun,
		vm.PrecompiledContractsPrague,
		vm.PrecompiledContractsOsaka,
	}
}

func forkAddresses() []*[]common.Address {
	return []*[]common.Address{
		&vm.PrecompiledAddressesHomestead,
		&vm.PrecompiledAddressesByzantium,
		&vm.PrecompiledAddressesIstanbul,
		&vm.PrecompiledAddressesBerlin,
		&vm.PrecompiledAddressesCancun,
		&vm.PrecompiledAddressesPrague,
		&vm.PrecompiledAddressesOsaka,
	}
}
