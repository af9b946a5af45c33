package permit

import (
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Request asks a party to share its partial decryptions of some values with
// a user. It is the same for every party.
type Request struct {
	Domain       eip712.Domain   `json:"domain"`
	User         fhe.Address     `json:"user"` // who signed the permit
	Permit       Permit          `json:"permit"`
	Signature    threshold.Bytes `json:"signature"`    // of the user's key, or what the user's contract accepts (ERC-1271)
	TransportKey threshold.Bytes `json:"transportKey"` // ML-KEM-768 and X25519, see package seal
	Handles      []fhe.Handle    `json:"handles"`
	// Epoch says whose parties are asked; 0 is the present one. It is not signed:
	// the permit holds in every epoch.
	Epoch uint64 `json:"epoch,omitempty"`
}

// Bounds of a request for decryption.
const (
	MaxHandles       = 32
	MaxBits          = 2048
	TransportKeySize = 1216
	MaxSignature     = 4096
)

// CheckHandles reports which bound a list of handles breaks.
func CheckHandles(handles []fhe.Handle) error {
	if len(handles) == 0 || len(handles) > MaxHandles {
		return refuse("request has %d handles, want 1 to %d", len(handles), MaxHandles)
	}
	bits := 0
	for i, h := range handles {
		if !h.Type().Valid() {
			return threshold.Faultf(threshold.UnknownHandle, "handle %s is of unknown %s", h, h.Type())
		}
		if slices.Contains(handles[:i], h) {
			return refuse("request names handle %s twice", h)
		}
		bits += h.Type().Bits()
	}
	if bits > MaxBits {
		return refuse("request is for %d bits, want at most %d", bits, MaxBits)
	}
	return nil
}

// Holder is the account whose rights the request uses: the delegator of the
// permit, if it names one, else the user.
func (r *Request) Holder() fhe.Address {
	if r.Permit.Delegated() {
		return r.Permit.Delegator
	}
	return r.User
}

// Check does everything that needs no view of the chain, but for the signature:
// bounds, domain, the transport key's hash, neither the user nor the delegator being
// a contract of the permit, and that a permit which names its user as a contract
// names this one. want is the domain in force.
func (r *Request) Check(want eip712.Domain) error {
	if err := r.Permit.Check(); err != nil {
		return err
	}
	if err := CheckHandles(r.Handles); err != nil {
		return err
	}
	switch {
	case r.Domain != want:
		return threshold.Faultf(threshold.PermitWrongChain, "permit is for chain %d and verifier %s, want chain %d and verifier %s",
			r.Domain.ChainID, r.Domain.Verifier, want.ChainID, want.Verifier)
	case len(r.Signature) == 0 || len(r.Signature) > MaxSignature:
		return threshold.Faultf(threshold.PermitBadSigner, "permit has a signature of %d bytes, want 1 to %d", len(r.Signature), MaxSignature)
	case len(r.TransportKey) != TransportKeySize:
		return refuse("transport key has %d bytes, want %d", len(r.TransportKey), TransportKeySize)
	case fhe.Keccak(r.TransportKey) != r.Permit.TransportKeyHash:
		return threshold.Faultf(threshold.PermitWrongKey, "transport key is not the one that the permit names")
	case r.Permit.OfContract() && r.Permit.Account != r.User:
		return threshold.Faultf(threshold.PermitBadSigner, "permit is of contract %s, not of user %s", r.Permit.Account, r.User)
	case r.Permit.Delegator == r.User:
		return refuse("permit names user %s as its own delegator: sign one without a delegator", r.User)
	case slices.Contains(r.Permit.Contracts, r.User) || slices.Contains(r.Permit.Contracts, r.Holder()):
		return threshold.Faultf(threshold.UserIsContract, "permit names user %s or delegator %s as a contract", r.User, r.Holder())
	}
	return nil
}

// CheckKey demands that the user's key signed the permit. It is for permits that do
// not name their user as a contract: what those accept, the chain knows.
func (r *Request) CheckKey(d eip712.Domain) error {
	if len(r.Signature) != len(eip712.Signature{}) {
		return threshold.Faultf(threshold.PermitBadSigner, "permit has a signature of %d bytes, an account's has %d", len(r.Signature), len(eip712.Signature{}))
	}
	return r.Permit.Verify(d, r.User, eip712.Signature(r.Signature))
}
