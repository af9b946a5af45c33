package squash

import (
	"crypto/sha256"

	"fhevm/accel/ntt"
	"fhevm/fhe"
)

// Key bootstraps ciphertexts under a small LWE key of some n bits into
// squashed ones: n GGSW ciphertexts of those bits, 0.88 MB each, ready to use.
// It is public, immutable and safe for concurrent use until Close.
type Key struct {
	words []uint64 // n rows of rowWords
	sums  [][32]byte
	close func() error
}

// rowWords is the size of a GGSW ciphertext: a matrix for ntt.Dot per prime.
const rowWords = 2 * ntt.MatrixWords

// Len returns the number n of bits of the small key.
func (k *Key) Len() int { return len(k.sums) }

// row returns the matrix of row i modulo prime p.
func (k *Key) row(i, p int) []uint64 {
	return k.words[i*rowWords+p*ntt.MatrixWords:][:ntt.MatrixWords]
}

// Digest identifies the key: the SHA-256 of its header, which holds those of
// its rows.
func (k *Key) Digest() fhe.Digest { return sha256.Sum256(k.header()) }

// Close releases the memory of a key that OpenKey mapped; the key must not be
// in use. On other keys it does nothing.
func (k *Key) Close() error {
	k.words = nil
	if k.close == nil {
		return nil
	}
	return k.close()
}
