package main

import (
	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

// protocol renders the constants that Go and Solidity share.
func protocol() string {
	f := newFile(anyCompiler)
	f.line("/// @dev The protocol version of the handles that this chain makes.")
	f.line("uint8 constant PROTOCOL_VERSION = %d;", fhe.Version)
	f.line("\n/// @dev The chain id of a development network.")
	f.line("uint256 constant DEV_CHAIN_ID = %d;\n", contracts.DevChainID)
	for _, c := range []struct {
		name    string
		address fhe.Address
	}{
		{"ACL_ADDRESS", contracts.ACLAddress},
		{"EXECUTOR_ADDRESS", contracts.ExecutorAddress},
		{"INPUT_VERIFIER_ADDRESS", contracts.InputVerifierAddress},
		{"DECRYPTION_VERIFIER_ADDRESS", contracts.DecryptionVerifierAddress},
		{"OPERATIONS_PRECOMPILE", contracts.OperationsPrecompile},
		{"INPUTS_PRECOMPILE", contracts.InputsPrecompile},
	} {
		f.line("address constant %s = %s;", c.name, common.Address(c.address).Hex())
	}
	return f.String()
}
