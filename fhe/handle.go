package fhe

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Handle names a ciphertext (SPEC 2.2):
//
//	bytes  0..20  first 21 bytes of the derivation's digest
//	byte  21      index in its input list, or Computed
//	bytes 22..29  chain id, big-endian
//	byte  30      type
//	byte  31      protocol version
//
// The zero Handle is the uninitialised value of a Solidity variable.
type Handle [32]byte

// Computed is the index byte of a handle that an operation made.
const Computed = 0xff

// NewHandle lays out a handle.
func NewHandle(digest Digest, index uint8, chainID uint64, t Type, version uint8) (h Handle) {
	copy(h[:21], digest[:21])
	h[21] = index
	binary.BigEndian.PutUint64(h[22:30], chainID)
	h[30] = uint8(t)
	h[31] = version
	return h
}

// typeAt is where a handle's type stands in it.
const typeAt = 30

// Type is the type of the ciphertext that h names; it need not be Valid.
func (h Handle) Type() Type { return Type(h[typeAt]) }

// Index is the position in the input list, or Computed.
func (h Handle) Index() uint8 { return h[21] }

// ChainID is the chain on which h was made.
func (h Handle) ChainID() uint64 { return binary.BigEndian.Uint64(h[22:30]) }

// IsZero reports whether h is the uninitialised value.
func (h Handle) IsZero() bool { return h == Handle{} }

// String is 0x and 64 hexadecimal digits.
func (h Handle) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Handle) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (h *Handle) UnmarshalText(b []byte) error { return unmarshalHex(h[:], b) }

// String is 0x and 64 hexadecimal digits.
func (d Digest) String() string { return "0x" + hex.EncodeToString(d[:]) }

// MarshalText is String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (d *Digest) UnmarshalText(b []byte) error { return unmarshalHex(d[:], b) }

// String is 0x and 40 hexadecimal digits, without a checksum.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// MarshalText is String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is the inverse of MarshalText and accepts any letter case.
func (a *Address) UnmarshalText(b []byte) error { return unmarshalHex(a[:], b) }

func unmarshalHex(dst, src []byte) error {
	s, ok := strings.CutPrefix(string(src), "0x")
	if !ok || len(s) != 2*len(dst) {
		return fmt.Errorf("want 0x and %d hexadecimal digits, got %d characters", 2*len(dst), len(src))
	}
	_, err := hex.Decode(dst, []byte(s))
	return err
}
