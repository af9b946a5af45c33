package fhe

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/sha3"
)

// Address is an Ethereum address.
type Address [20]byte

// Digest is a Keccak-256 hash.
type Digest [32]byte

// Keccak hashes the concatenation of parts.
func Keccak(parts ...[]byte) (d Digest) {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(d[:0])
	return d
}

// Version is the protocol version: the meaning of every derivation and the
// circuits behind it.
const Version uint8 = 0

// Domain separates one network's names from every other's (SPEC 2.1).
type Domain struct {
	ChainID uint64
	ACL     Address
	KeyID   Digest
	Version uint8
}

// DomainSize is the encoded size of a Domain.
const DomainSize = 8 + 20 + 32 + 1

// Append appends the encoding of d to b: chain id big-endian, ACL, key id, version.
func (d Domain) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, d.ChainID)
	b = append(b, d.ACL[:]...)
	b = append(b, d.KeyID[:]...)
	return append(b, d.Version)
}

// ParseDomain is the inverse of Append.
func ParseDomain(b []byte) (Domain, error) {
	if len(b) != DomainSize {
		return Domain{}, fmt.Errorf("domain has %d bytes, want %d", len(b), DomainSize)
	}
	return parseDomain(b), nil
}

func parseDomain(b []byte) (d Domain) {
	d.ChainID = binary.BigEndian.Uint64(b)
	copy(d.ACL[:], b[8:])
	copy(d.KeyID[:], b[28:])
	d.Version = b[60]
	return d
}
