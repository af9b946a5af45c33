package sdk

import (
	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Parameters describe a network to a wallet: GET /v1/parameters (SPEC 9.1).
type Parameters struct {
	Network   string              `json:"network"` // dev or production
	ChainID   uint64              `json:"chainId"`
	KeyID     fhe.Digest          `json:"keyId"`
	Version   uint8               `json:"protocolVersion"`
	Set       string              `json:"parameterSet"`
	Contracts Contracts           `json:"contracts"`
	Inputs    Inputs              `json:"inputs"` // what a transaction carries of an encrypted input
	Committee threshold.Committee `json:"committee"`
	// Warnings are the guarantees that this network lacks, for people.
	Warnings []string `json:"warnings"`
}

// Inputs says what a transaction carries of an encrypted input.
type Inputs string

// Kinds of inputs.
const (
	InputsWhole    Inputs = "list"     // the list itself
	InputsAttested Inputs = "attested" // the coprocessor's word for a list posted to RouteInputs
)

// Contracts are the addresses of the system contracts.
type Contracts struct {
	ACL                fhe.Address `json:"acl"`
	Executor           fhe.Address `json:"executor"`
	InputVerifier      fhe.Address `json:"inputVerifier"`
	DecryptionVerifier fhe.Address `json:"decryptionVerifier"`
	KeyRegistry        fhe.Address `json:"keyRegistry"`
}

// Domain separates the network's names from every other's.
func (p *Parameters) Domain() fhe.Domain {
	return fhe.Domain{ChainID: p.ChainID, ACL: p.Contracts.ACL, KeyID: p.KeyID, Version: p.Version}
}

// Binding is what an input list for contract, sent by user, must state.
func (p *Parameters) Binding(contract, user fhe.Address) fhe.Binding {
	return fhe.Binding{Domain: p.Domain(), Contract: contract, User: user}
}

// SigningDomain is the EIP-712 domain of permits and decryption results.
func (p *Parameters) SigningDomain() eip712.Domain {
	return eip712.Domain{ChainID: p.ChainID, Verifier: p.Contracts.DecryptionVerifier}
}
