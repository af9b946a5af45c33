package committee

import (
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

const requestTag = "fhevm squash request"

// digest is what a party signs:
//
//	Keccak-256(tag | Domain(61) | Epoch(72) | party(1) | handle(32))
func (r *SquashRequest) digest(d fhe.Domain, e threshold.Epoch) fhe.Digest {
	return fhe.Keccak([]byte(requestTag), d.Append(nil), e.Append(nil), []byte{byte(r.Party)}, r.Handle[:])
}

// NewSquashRequest signs a request for the squashed blocks of a handle.
func NewSquashRequest(d fhe.Domain, e threshold.Epoch, id threshold.PartyID, key *secp256k1.PrivateKey, h fhe.Handle) *SquashRequest {
	r := &SquashRequest{Handle: h, Party: id}
	r.Signature = eip712.Sign(key, r.digest(d, e))
	return r
}

// Verify checks, on the coprocessor's side, that a party of the committee asks.
func (r *SquashRequest) Verify(d fhe.Domain, c *threshold.Committee) error {
	member, err := c.Member(r.Party)
	if err != nil {
		return threshold.Faultf(threshold.NotMember, "squash request: %v", err)
	}
	signer, err := r.Signature.Recover(r.digest(d, c.Epoch))
	if err != nil || signer != member.Signer {
		return threshold.Faultf(threshold.NotMember, "squash request of party %d for %s is not signed by it", r.Party, r.Handle)
	}
	return nil
}

// policy is whose word this party takes: that of its own coprocessor alone where it
// has one, else that of its committee's policy.
func (c *Config) policy() (*threshold.Policy, error) {
	p := &c.Secret.Committee.Policy
	switch {
	case c.Own != fhe.Address{}:
		return &threshold.Policy{Coprocessors: []fhe.Address{c.Own}, Need: 1}, nil
	case c.Development:
		return p, p.Check()
	}
	return p, p.Independent()
}

// signers are the policy's coprocessors that signed the attestation, each once.
func signers(p *threshold.Policy, attestation fhe.Digest, signatures []eip712.Signature) (by []fhe.Address) {
	for _, s := range signatures[:min(len(signatures), 2*len(p.Coprocessors))] {
		signer, err := s.Recover(attestation)
		if err == nil && slices.Contains(p.Coprocessors, signer) && !slices.Contains(by, signer) {
			by = append(by, signer)
		}
	}
	return by
}
