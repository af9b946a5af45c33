package squash

import (
	"encoding/binary"
	"fmt"

	"fhevm/fhe"
)

// Ciphertext is an LWE ciphertext modulo Q: for each prime, Dim mask words and
// the body, all below the prime.
type Ciphertext struct{ Residues [2][Dim + 1]uint64 }

// CiphertextSize is the encoded size of a Ciphertext.
const CiphertextSize = 1 + 2*(Dim+1)*8

// MarshalBinary encodes c: format(1) = 0, then the words modulo Q1 and those
// modulo Q2, each big-endian in 8 bytes.
func (c *Ciphertext) MarshalBinary() ([]byte, error) {
	b := make([]byte, 1, CiphertextSize)
	for p := range c.Residues {
		for _, w := range c.Residues[p] {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b, nil
}

// UnmarshalBinary decodes c. It refuses any other length or format and words
// that are not reduced, so that each ciphertext has one encoding.
func (c *Ciphertext) UnmarshalBinary(b []byte) error {
	if len(b) != CiphertextSize {
		return fmt.Errorf("squashed ciphertext has %d bytes, want %d", len(b), CiphertextSize)
	}
	if b[0] != 0 {
		return fmt.Errorf("squashed ciphertext has format %d, want 0", b[0])
	}
	b = b[1:]
	for p, q := range Moduli() {
		for i := range c.Residues[p] {
			w := binary.BigEndian.Uint64(b)
			if w >= q {
				return fmt.Errorf("squashed ciphertext: word %d modulo %d is not reduced", i, q)
			}
			c.Residues[p][i], b = w, b[8:]
		}
	}
	return nil
}

// DigestTag begins the hash of a squashed ciphertext.
const DigestTag = "fhevm squashed"

// Digest is Keccak-256(DigestTag | encoding): what a decryption's mask is bound to.
func (c *Ciphertext) Digest() fhe.Digest {
	b, _ := c.MarshalBinary()
	return fhe.Keccak([]byte(DigestTag), b)
}
