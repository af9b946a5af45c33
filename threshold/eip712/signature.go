package eip712

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"fhevm/fhe"
)

// Signature is a recoverable secp256k1 signature: r(32) | s(32) | v(1), with s
// in the lower half of the group order. v is 27 or 28; readers take 0 and 1 too.
type Signature [65]byte

// Sign signs digest deterministically (RFC 6979).
func Sign(key *secp256k1.PrivateKey, digest fhe.Digest) (s Signature) {
	compact := ecdsa.SignCompact(key, digest[:], false) // v | r | s
	copy(s[:], compact[1:])
	s[64] = compact[0]
	return s
}

// Recover returns the account that signed digest.
func (s Signature) Recover(digest fhe.Digest) (fhe.Address, error) {
	v := s[64]
	if v < 27 {
		v += 27
	}
	if v != 27 && v != 28 {
		return fhe.Address{}, fmt.Errorf("signature has v %d, want 0, 1, 27 or 28", s[64])
	}
	var half secp256k1.ModNScalar
	if overflow := half.SetByteSlice(s[32:64]); overflow || half.IsOverHalfOrder() {
		return fhe.Address{}, errors.New("signature has s in the upper half of the group order")
	}
	pub, _, err := ecdsa.RecoverCompact(append([]byte{v}, s[:64]...), digest[:])
	if err != nil {
		return fhe.Address{}, fmt.Errorf("recover signer: %w", err)
	}
	return AddressOf(pub), nil
}

// AddressOf is the account of a public key.
func AddressOf(pub *secp256k1.PublicKey) (a fhe.Address) {
	h := fhe.Keccak(pub.SerializeUncompressed()[1:])
	copy(a[:], h[12:])
	return a
}

// String is 0x and 130 hexadecimal digits.
func (s Signature) String() string { return "0x" + hex.EncodeToString(s[:]) }

// MarshalText is String.
func (s Signature) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText and accepts any letter case.
func (s *Signature) UnmarshalText(b []byte) error {
	digits, ok := strings.CutPrefix(string(b), "0x")
	if !ok || len(digits) != 2*len(s) {
		return fmt.Errorf("signature has %d characters, want 0x and %d hexadecimal digits", len(b), 2*len(s))
	}
	_, err := hex.Decode(s[:], []byte(digits))
	return err
}
