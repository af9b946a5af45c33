// Package shamir shares and opens secrets over two prime fields.
//
// A squashed ciphertext lives modulo Q = Q1*Q2, so by the Chinese remainder
// theorem a secret modulo Q is shared by two independent Shamir sharings
// (Shamir 1979) of its residues. Party i's share is the value of the sharing
// polynomials at i; the secret is their value at 0. Received shares form a
// word of a Reed-Solomon code, so wrong ones are found and corrected as
// errors, missing ones are erasures (decoder: Gao 2003, "A new algorithm for
// decoding Reed-Solomon codes").
package shamir
