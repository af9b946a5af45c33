package contracts

import "fhevm/fhe"

// DevChainID is the chain id of a development network, on which contracts
// compiled for others' development networks find the addresses they expect.
const DevChainID = 31337

// Addresses of the system contracts. ZamaConfig.sol, the established
// configuration contract, names the first three on chain DevChainID.
var (
	ACLAddress                = address("0x50157CFfD6bBFA2DECe204a89ec419c23ef5755D")
	ExecutorAddress           = address("0xe3a9105a3a932253A70F126eb1E3b589C643dD24")
	DecryptionVerifierAddress = address("0x901F8942346f7AB3a01F6D7613119Bca447Bb030")
	InputVerifierAddress      = address("0x000000000000000000000000000000000F4E05E0")
	KeyRegistryAddress        = address("0x000000000000000000000000000000000F4E05E1")
)

// Addresses says where the system contracts of a chain are.
type Addresses struct {
	ACL, Executor, InputVerifier, DecryptionVerifier, KeyRegistry fhe.Address
}

// Established are the addresses of every chain of our own, and of the
// development chains of others on which code was placed.
var Established = Addresses{ACLAddress, ExecutorAddress, InputVerifierAddress, DecryptionVerifierAddress, KeyRegistryAddress}

// AllContracts stands for all contracts in a delegation of decryptions.
var AllContracts = address("0xffffffffffffffffffffffffffffffffffffffff")

// System is a contract behind a proxy, at a genesis.
type System struct {
	*Artifact
	Proxy          fhe.Address // what everyone calls
	Implementation fhe.Address // the first one; the owner may replace it
}

// Systems lists the system contracts.
func Systems() []System {
	return []System{
		{ACL, ACLAddress, address("0x000000000000000000000000000000000F4E0501")},
		{FHEVMExecutor, ExecutorAddress, address("0x000000000000000000000000000000000F4E0502")},
		{InputVerifier, InputVerifierAddress, address("0x000000000000000000000000000000000F4E0503")},
		{DecryptionVerifier, DecryptionVerifierAddress, address("0x000000000000000000000000000000000F4E0504")},
		{KeyRegistry, KeyRegistryAddress, address("0x000000000000000000000000000000000F4E0505")},
	}
}

// Addresses of the precompiles.
var (
	OperationsPrecompile = fhe.Address{19: 0x5d}
	InputsPrecompile     = fhe.Address{19: 0x5e}
)

func address(hex string) (a fhe.Address) {
	if err := a.UnmarshalText([]byte(hex)); err != nil {
		panic(err)
	}
	return a
}
