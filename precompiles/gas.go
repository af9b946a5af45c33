package precompiles

import "fhevm/fhe"

// The price of work (SPEC 8.2). A transaction has at most 2^24 gas (EIP-7825),
// which every single operation must leave room in.
const (
	// GasPerBootstrap prices the work that an operation orders from the
	// coprocessors. The precompile itself only checks and hashes.
	GasPerBootstrap = 4_000

	operationBase = 1_000 // decode at most 229 bytes, hash them once
	inputBase     = 3_000
	inputPerByte  = 1 // decode and hash the list
	inputPerValue = 200
)

// OperationGas is the price of precompile 0x5d for a row of the operator table.
func OperationGas(row fhe.Operator, t fhe.Type, clear bool) uint64 {
	return operationBase + GasPerBootstrap*uint64(row.Bootstraps(t, clear))
}

// InputGas is the price of precompile 0x5e for a list of size bytes that holds
// values of the given types.
func InputGas(size int, types []fhe.Type) uint64 {
	return inputBase + inputPerByte*uint64(size) + inputPerValue*uint64(len(types)) +
		GasPerBootstrap*uint64(fhe.InputBootstraps(types))
}
