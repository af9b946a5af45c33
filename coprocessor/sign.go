package coprocessor

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"fhevm/fhe"
)

// SignedDigest is a coprocessor's word for the bytes behind a handle.
type SignedDigest struct {
	Handle    fhe.Handle
	Kind      fhe.DigestKind
	Digest    fhe.Digest
	Signature []byte // r | s | v, 65 bytes
}

// Hash is what the signature covers.
func (d *SignedDigest) Hash(domain fhe.Domain) fhe.Digest {
	return fhe.Attestation(domain, d.Handle, d.Kind, d.Digest)
}

// Recover returns the Ethereum address of the key that signed d. It accepts
// only the canonical signature, s in the lower half.
func (d *SignedDigest) Recover(domain fhe.Domain) (fhe.Address, error) {
	if len(d.Signature) != 65 {
		return fhe.Address{}, fmt.Errorf("signature has %d bytes, want 65", len(d.Signature))
	}
	var s secp256k1.ModNScalar
	if s.SetByteSlice(d.Signature[32:64]); s.IsOverHalfOrder() {
		return fhe.Address{}, errors.New("signature is not canonical: s is in the upper half")
	}
	hash := d.Hash(domain)
	compact := append([]byte{d.Signature[64]}, d.Signature[:64]...)
	key, _, err := ecdsa.RecoverCompact(compact, hash[:])
	if err != nil {
		return fhe.Address{}, fmt.Errorf("recover signer: %w", err)
	}
	return address(key), nil
}

func address(key *secp256k1.PublicKey) fhe.Address {
	digest := fhe.Keccak(key.SerializeUncompressed()[1:])
	return fhe.Address(digest[12:])
}

// SignedDigest signs the digest of the ciphertext of h, or of what it is
// squashed to, after waiting for it as Wait and Squashed do.
func (c *Coprocessor) SignedDigest(ctx context.Context, h fhe.Handle, kind fhe.DigestKind) (*SignedDigest, error) {
	if c.cfg.Signer == nil {
		return nil, errors.New("this coprocessor has no signing key")
	}
	digest, err := c.digest(ctx, h, kind)
	if err != nil {
		return nil, err
	}
	d := &SignedDigest{Handle: h, Kind: kind, Digest: digest}
	if d.Signature, err = c.cfg.Signer.Sign(d.Hash(c.cfg.Domain)); err != nil {
		return nil, fmt.Errorf("sign digest of %s: %w", h, err)
	}
	return d, nil
}

func (c *Coprocessor) digest(ctx context.Context, h fhe.Handle, kind fhe.DigestKind) (fhe.Digest, error) {
	switch kind {
	case fhe.OfCiphertext:
		return c.packedDigest(ctx, h)
	case fhe.OfSquashed:
		p, _, err := c.squash(ctx, h)
		if err != nil {
			return fhe.Digest{}, err
		}
		return p.digest, nil
	}
	return fhe.Digest{}, fmt.Errorf("unknown kind of digest %d", kind)
}

// Key is a Signer that holds its secret in memory. It prints as its address.
type Key struct{ secret *secp256k1.PrivateKey }

// NewKey makes a key from 32 big-endian bytes, a scalar from 1 to the group
// order less one.
func NewKey(secret []byte) (*Key, error) {
	var s secp256k1.ModNScalar
	if len(secret) != 32 || s.SetByteSlice(secret) || s.IsZero() {
		return nil, errors.New("signing key is not a secp256k1 scalar of 32 bytes")
	}
	return &Key{secp256k1.NewPrivateKey(&s)}, nil
}

// Address is the key's Ethereum address.
func (k Key) Address() fhe.Address { return address(k.secret.PubKey()) }

// Sign implements Signer, deterministically (RFC 6979).
func (k Key) Sign(digest fhe.Digest) ([]byte, error) {
	compact := ecdsa.SignCompact(k.secret, digest[:], false)
	return append(compact[1:], compact[0]), nil
}

// String is the address.
func (k Key) String() string { return k.Address().String() }

// GoString is the address.
func (k Key) GoString() string { return "coprocessor.Key(" + k.String() + ")" }
