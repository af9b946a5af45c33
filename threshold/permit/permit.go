package permit

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Permit lets the holder of a transport key read the signer's encrypted values
// in the named contracts for a time, or those of a delegator who named the
// signer on chain. It allows nothing else.
//
// The statement is what a wallet shows first; every member is short enough for
// the display of a hardware wallet, which is why the transport key is hashed.
type Permit struct {
	Statement        string        `json:"statement"`
	Contracts        []fhe.Address `json:"contracts"`
	Delegator        fhe.Address   `json:"delegator,omitzero"` // whose values a delegate reads; zero for the signer's own
	Account          fhe.Address   `json:"account,omitzero"`   // the user, if that is a contract; see Request.Check
	ValidFrom        uint64        `json:"validFrom"`          // Unix seconds, inclusive
	ValidUntil       uint64        `json:"validUntil"`         // Unix seconds, inclusive
	TransportKeyHash fhe.Digest    `json:"transportKeyHash"`
}

// Bounds of a permit.
const (
	MaxContracts = 10
	MaxStatement = 512                // bytes
	MaxLifetime  = 365 * 24 * 60 * 60 // seconds
	maxTime      = 1 << 53            // JSON numbers hold it exactly
)

// A permit for the signer's own values and one for a delegator's are of
// different types, so that neither shows a member that it does not need; and so are
// those of an account and of a contract, which names itself: its owners may have
// accounts and other contracts, for which the signature is none.
const (
	permitName      = "DecryptionPermit"
	delegatedPrefix = "Delegated"
	contractPrefix  = "Contract"
)

// New returns a permit for the signer's own values, with a readable statement.
// origin names who asks, such as the site's address.
func New(origin string, contracts []fhe.Address, from, until uint64, transportKey []byte) *Permit {
	return NewDelegated(origin, fhe.Address{}, contracts, from, until, transportKey)
}

// NewDelegated returns a permit for the values of a delegator; the zero address
// means the signer's own.
func NewDelegated(origin string, delegator fhe.Address, contracts []fhe.Address, from, until uint64, transportKey []byte) *Permit {
	values := "your encrypted values"
	if delegator != (fhe.Address{}) {
		values = fmt.Sprintf("the encrypted values of %s", delegator)
	}
	noun := "contracts"
	if len(contracts) == 1 {
		noun = "contract"
	}
	return &Permit{
		Statement: fmt.Sprintf("Allow %s to view %s in %d %s until %s. This does not allow spending.",
			origin, values, len(contracts), noun, time.Unix(int64(until), 0).UTC().Format("2006-01-02 15:04 UTC")),
		Contracts: contracts, Delegator: delegator, ValidFrom: from, ValidUntil: until, TransportKeyHash: fhe.Keccak(transportKey),
	}
}

// Delegated reports whether the permit is for a delegator's values.
func (p *Permit) Delegated() bool { return p.Delegator != fhe.Address{} }

// OfContract reports whether the user is a contract.
func (p *Permit) OfContract() bool { return p.Account != fhe.Address{} }

// Check reports which bound p breaks.
func (p *Permit) Check() error {
	switch {
	case len(p.Statement) == 0 || len(p.Statement) > MaxStatement:
		return refuse("permit statement has %d bytes, want 1 to %d", len(p.Statement), MaxStatement)
	case !readable(p.Statement):
		return refuse("permit statement has characters that do not print")
	case len(p.Contracts) == 0 || len(p.Contracts) > MaxContracts:
		return refuse("permit names %d contracts, want 1 to %d", len(p.Contracts), MaxContracts)
	case p.ValidUntil < p.ValidFrom || p.ValidUntil >= maxTime:
		return refuse("permit is valid from %d to %d", p.ValidFrom, p.ValidUntil)
	case p.ValidUntil-p.ValidFrom > MaxLifetime:
		return refuse("permit lasts %d seconds, want at most %d", p.ValidUntil-p.ValidFrom, MaxLifetime)
	}
	return nil
}

func refuse(format string, args ...any) error {
	return threshold.Faultf(threshold.BadRequest, format, args...)
}

func readable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// ValidAt reports whether p is in force at a Unix time.
func (p *Permit) ValidAt(seconds uint64) error {
	switch {
	case seconds < p.ValidFrom:
		return threshold.Faultf(threshold.PermitNotYetValid,
			"permit is valid from %d, it is %d now: wait, or sign a permit that begins now", p.ValidFrom, seconds)
	case seconds > p.ValidUntil:
		return threshold.Faultf(threshold.PermitExpired,
			"permit was valid until %d, it is %d now: sign a new permit", p.ValidUntil, seconds)
	}
	return nil
}

// Digest is what the user signs.
func (p *Permit) Digest(d eip712.Domain) fhe.Digest {
	s := eip712.NewStruct(eip712.TypeString(p.typ())).String(p.Statement).Addresses(p.Contracts)
	if p.Delegated() {
		s.Address(p.Delegator)
	}
	if p.OfContract() {
		s.Address(p.Account)
	}
	return d.Digest(s.Uint(p.ValidFrom).Uint(p.ValidUntil).Word(p.TransportKeyHash).Hash())
}

// TypedData is p as the JSON argument of eth_signTypedData_v4.
func (p *Permit) TypedData(d eip712.Domain) *eip712.TypedData {
	name, members := p.typ()
	return d.TypedData(name, members, p)
}

func (p *Permit) typ() (name string, members []eip712.Field) {
	name, members = permitName, []eip712.Field{{Name: "statement", Type: "string"}, {Name: "contracts", Type: "address[]"}}
	if p.Delegated() {
		name, members = delegatedPrefix+name, append(members, eip712.Field{Name: "delegator", Type: "address"})
	}
	if p.OfContract() {
		name, members = contractPrefix+name, append(members, eip712.Field{Name: "account", Type: "address"})
	}
	return name, append(members,
		eip712.Field{Name: "validFrom", Type: "uint256"}, eip712.Field{Name: "validUntil", Type: "uint256"}, eip712.Field{Name: "transportKeyHash", Type: "bytes32"})
}

// Sign signs p with a key at hand, as wallets in Go and tests do.
func (p *Permit) Sign(d eip712.Domain, key *secp256k1.PrivateKey) threshold.Bytes {
	s := eip712.Sign(key, p.Digest(d))
	return s[:]
}

// Verify checks that user, an account with a key, signed p.
func (p *Permit) Verify(d eip712.Domain, user fhe.Address, s eip712.Signature) error {
	signer, err := s.Recover(p.Digest(d))
	if err != nil {
		return threshold.Faultf(threshold.PermitBadSigner, "permit: %v", err)
	}
	if signer != user {
		return threshold.Faultf(threshold.PermitBadSigner,
			"permit is signed by %s, not by user %s: the user has to sign the very key, contracts and times of the request", signer, user)
	}
	return nil
}
