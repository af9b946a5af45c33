// Package contracts holds the compiled system contracts, the Solidity library
// FHE.sol with its example, and the addresses that Go and Solidity share.
//
// Every system contract is an implementation behind a SystemProxy. A genesis
// runs the constructors of both, and keeps the code and storage that they
// leave. No constructor calls another contract; the proxy's makes the
// implementation set its first state:
//
//	ACL(address executor)                                             initialize(address owner)
//	FHEVMExecutor(address acl, address inputVerifier, bytes32 keyId)  initialize(uint32 perBlock, uint32 burst, uint32 depth)
//	InputVerifier(address acl, address executor, bytes32 keyId)       initialize()
//	DecryptionVerifier(address acl, address keyRegistry)              initialize()
//	KeyRegistry(address acl, address decryptionVerifier)               initialize(string network, bytes32 keyId,
//	    bytes32 proofParametersId, uint256 epoch, address[] signers, uint256 threshold)
//
// The addresses are those of proxies. threshold is the quorum of signatures,
// 2t+1; network is "dev" or "production". Creation code followed by the
// ABI-encoded arguments is what runs.
//
// OperationTwin and InputTwin, or AttestedInputTwin(address coprocessor), stand in
// for the precompiles on chains that lack them, where AttachedExecutor and AttachedInputVerifier, which take their address
// as a last argument, replace the executor and the input verifier.
//
// After a change to the operator table, the addresses or a Solidity file, run
// go generate here: it writes the generated Solidity and compiles everything.
package contracts

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

//go:generate go run ./solgen
//go:generate npm ci --silent
//go:generate node build.mjs

//go:embed artifacts/*.json
var artifacts embed.FS

// Compiled contracts.
var (
	ACL                   = mustLoad("ACL")
	FHEVMExecutor         = mustLoad("FHEVMExecutor")
	InputVerifier         = mustLoad("InputVerifier")
	DecryptionVerifier    = mustLoad("DecryptionVerifier")
	KeyRegistry           = mustLoad("KeyRegistry")
	SystemProxy           = mustLoad("SystemProxy")
	ConfidentialToken     = mustLoad("ConfidentialToken")
	OperationTwin         = mustLoad("OperationTwin")
	InputTwin             = mustLoad("InputTwin")
	AttestedInputTwin     = mustLoad("AttestedInputTwin")
	AttachedExecutor      = mustLoad("AttachedExecutor")
	AttachedInputVerifier = mustLoad("AttachedInputVerifier")
)

// Artifact is a compiled contract.
type Artifact struct {
	Name             string
	ABI              string // JSON
	Bytecode         []byte // creation code; constructor arguments follow it
	DeployedBytecode []byte // code that creation leaves, immutables zero
}

func mustLoad(name string) *Artifact {
	a, err := load(name)
	if err != nil {
		panic(err)
	}
	return a
}

func load(name string) (*Artifact, error) {
	raw, err := artifacts.ReadFile("artifacts/" + name + ".json")
	if err != nil {
		return nil, err
	}
	var file struct {
		ABI                        json.RawMessage
		Bytecode, DeployedBytecode string
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("artifact %s: %w", name, err)
	}
	a := &Artifact{Name: name, ABI: string(file.ABI)}
	if a.Bytecode, err = decodeHex(file.Bytecode); err == nil {
		a.DeployedBytecode, err = decodeHex(file.DeployedBytecode)
	}
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", name, err)
	}
	return a, nil
}

func decodeHex(s string) ([]byte, error) {
	return hex.DecodeString(strings.TrimPrefix(s, "0x"))
}
