// Package squash bootstraps a 4-bit block into an LWE ciphertext whose noise
// is so small against its modulus that a threshold decryption can drown it.
//
// The output has dimension 4096 modulo Q = Q1*Q2, two primes just under 2^50.
// KeySwitch and ModSwitch are those of an ordinary bootstrap; the blind
// rotation runs over GLWE ciphertexts of rank 2 and 2048 coefficients, in exact
// integer arithmetic, by residues modulo the two primes. A ciphertext's bytes
// are therefore the same on every machine, and sharing its secret key is plain
// Shamir over two prime fields (SPEC 5).
package squash
