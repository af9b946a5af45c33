package seal

import (
	"encoding/binary"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/permit"
)

// Context is what answers to one request have in common.
type Context struct {
	Domain  fhe.Domain
	Epoch   threshold.Epoch
	User    fhe.Address
	Permit  fhe.Digest // what the user signed; it binds chain, verifier and transport key
	Handles []fhe.Handle
}

// NewContext is the context of the answers to r in an epoch of a network.
func NewContext(d fhe.Domain, e threshold.Epoch, r *permit.Request) *Context {
	return &Context{Domain: d, Epoch: e, User: r.User, Permit: r.Permit.Digest(r.Domain), Handles: r.Handles}
}

const (
	infoTag = "fhevm sealed partials"
	signTag = "fhevm signed partials"
)

// info is the info string of HPKE for a party's answer over squashed blocks
// with the given digests:
//
//	Keccak-256(tag | Domain(61) | Epoch(72) | user(20) | party(1) | permit(32)
//	| count(2) | handles(32 each) | count(2) | digests(32 each))
func (c *Context) info(id threshold.PartyID, digests []fhe.Digest) fhe.Digest {
	b := c.Epoch.Append(c.Domain.Append([]byte(infoTag)))
	b = append(b, c.User[:]...)
	b = append(b, byte(id))
	b = append(b, c.Permit[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Handles)))
	for _, h := range c.Handles {
		b = append(b, h[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(digests)))
	for _, d := range digests {
		b = append(b, d[:]...)
	}
	return fhe.Keccak(b)
}

// signed is the digest that a party signs: Keccak-256(tag | info | sealed).
func signed(info fhe.Digest, sealed []byte) fhe.Digest {
	return fhe.Keccak([]byte(signTag), info[:], sealed)
}
