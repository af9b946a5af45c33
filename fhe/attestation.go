package fhe

// DigestKind says of what an attestation is.
type DigestKind uint8

// Kinds of attested digests.
const (
	OfCiphertext DigestKind = 0 // the ciphertext of a handle
	OfSquashed   DigestKind = 1 // what it is squashed to: its SquashedDigest
)

// Tags of the hashes below.
const (
	AttestationTag  = "fhevm digest"
	SquashedListTag = "fhevm squashed list"
)

// Attestation is what a coprocessor signs about the bytes behind a handle:
// Keccak-256(AttestationTag | Domain | handle | kind | digest) (SPEC 2.6).
func Attestation(d Domain, h Handle, kind DigestKind, digest Digest) Digest {
	return Keccak([]byte(AttestationTag), d.Append(nil), h[:], []byte{byte(kind)}, digest[:])
}

// SquashedDigest is the digest of a value's squashed blocks, of which each has
// a digest of its own, under the squash key with the given id:
// Keccak-256(SquashedListTag | key | digests) (SPEC 2.6). It names the key so
// that a word for blocks under one key is none for the epochs of another.
func SquashedDigest(key Digest, blocks []Digest) Digest {
	parts := [][]byte{[]byte(SquashedListTag), key[:]}
	for i := range blocks {
		parts = append(parts, blocks[i][:])
	}
	return Keccak(parts...)
}
