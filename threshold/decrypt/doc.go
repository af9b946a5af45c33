// Package decrypt is the decryption protocol itself, between the squashed
// ciphertext and the clear value: a party's Partial, which is its share of the
// phase drowned in its share of a mask, and the Combiner of partials. One
// round, no interaction.
//
// A value is squashed in blocks of four plaintext bits, least significant
// first: 16 blocks for a uint64, one for a bool.
package decrypt
