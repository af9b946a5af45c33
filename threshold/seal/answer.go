package seal

import (
	"crypto/hpke"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
	"fhevm/threshold/shamir"
)

// Answer is a party's answer to a user's request. It is not secret: only the
// holder of the transport key can open it.
type Answer struct {
	Party     threshold.PartyID `json:"party"`
	Digests   []fhe.Digest      `json:"digests"` // of the squashed blocks, handle after handle
	Sealed    threshold.Bytes   `json:"sealed"`  // encapsulated key(1120) | ciphertext and tag
	Signature eip712.Signature  `json:"signature"`
}

const (
	encapsulationSize = 1120
	tagSize           = 16
	// MaxBlocks is the largest number of squashed blocks of a request.
	MaxBlocks = permit.MaxBits/4 + permit.MaxHandles
)

// Seal seals a party's partials to the request's transport key and signs them
// with the party's key.
func Seal(c *Context, id threshold.PartyID, key *secp256k1.PrivateKey, transportKey []byte, partials []decrypt.Partial) (*Answer, error) {
	pub, err := hpke.MLKEM768X25519().NewPublicKey(transportKey)
	if err != nil {
		return nil, threshold.Faultf(threshold.BadRequest, "transport key: %v", err)
	}
	a := &Answer{Party: id}
	var plain []byte
	for _, p := range partials {
		a.Digests = append(a.Digests, p.Digest)
		plain = p.Share.Append(plain)
	}
	info := c.info(id, a.Digests)
	if a.Sealed, err = hpke.Seal(pub, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info[:], plain); err != nil {
		return nil, fmt.Errorf("seal partials of party %d: %w", id, err)
	}
	a.Signature = eip712.Sign(key, signed(info, a.Sealed))
	return a, nil
}

// Check reports which bound a breaks for a request of the given handles.
func (a *Answer) Check(handles []fhe.Handle) error {
	blocks := decrypt.Blocks(decrypt.Types(handles))
	if len(a.Digests) != blocks {
		return fmt.Errorf("answer has %d squashed digests, want %d", len(a.Digests), blocks)
	}
	if want := encapsulationSize + blocks*shamir.ElementSize + tagSize; len(a.Sealed) != want {
		return fmt.Errorf("answer has %d sealed bytes, want %d", len(a.Sealed), want)
	}
	return nil
}

// verify demands that signer sealed a in this context.
func (a *Answer) verify(c *Context, signer fhe.Address) error {
	if err := a.Check(c.Handles); err != nil {
		return err
	}
	by, err := a.Signature.Recover(signed(c.info(a.Party, a.Digests), a.Sealed))
	if err != nil {
		return err
	}
	if by != signer {
		return fmt.Errorf("answer is signed by %s in this context, want %s", by, signer)
	}
	return nil
}

// open decrypts an answer that was verified.
func (a *Answer) open(c *Context, key *TransportKey) ([]shamir.Element, error) {
	info := c.info(a.Party, a.Digests)
	plain, err := hpke.Open(key.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info[:], a.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open sealed partials: %w", err)
	}
	return shamir.ParseElements(plain, len(a.Digests))
}
