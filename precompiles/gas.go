package precompiles

import "fhevm/fhe"

// The price of work (SPEC 8.2). A transaction has at most 2^24 gas (EIP-7825),
// which every single operation must leave room in.
const (
	// GasPerBootstrap prices the work that an operation orders from the
	// coprocessors. The precompile itself only checks and hashes.
	GasPerBootstrap = 4_000
	// GasPerBlock prices the 16.4 KB that coprocessors keep of each block of a
	// result: a block of 60 million gas leaves at most 0.5 GB.
	GasPerBlock = 2_000

	operationBase = 1_000 // decode at most 229 bytes, hash them once
	inputBase     = 3_000
	inputPerByte  = 1 // decode and hash the list
	inputPerValue = 200
)

// OperationGas is the price of precompile 0x5d for a row of the operator table.
func OperationGas(row fhe.Operator, t fhe.Type, clear bool) uint64 {
	return operationBase + GasPerBootstrap*uint64(row.Bootstraps(t, clear)) + GasPerBlock*uint64(kept(row, t))
}

// kept is the number of blocks of a result that have a mask to keep. Those of a
// public value take 8 bytes.
func kept(row fhe.Operator, t fhe.Type) int {
	if row.Shape == fhe.Encrypt {
		return 0
	}
	return row.Result(t).Blocks()
}

// InputGas is the price of precompile 0x5e for a list of size bytes that holds
// values of the given types: each of their blocks is bootstrapped and kept.
func InputGas(size int, types []fhe.Type) uint64 {
	return inputBase + inputPerByte*uint64(size) + inputPerValue*uint64(len(types)) +
		(GasPerBootstrap+GasPerBlock)*uint64(fhe.InputBootstraps(types))
}
