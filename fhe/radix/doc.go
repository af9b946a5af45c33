// Package radix computes on encrypted integers: little-endian blocks of two
// message bits, each an LWE ciphertext with two carry bits and a padding bit.
//
// An operation is a circuit: bootstraps, each of one table on one linear
// combination of operand blocks and earlier results. Building a circuit
// computes the range and the exact 2-norm of every combination, and refuses
// one that leaves its table's domain or the noise budget, so whatever runs is
// correct with the failure probability of the parameter set. Running it hands
// the bootstraps to a tfhe.Bootstrapper layer by layer.
//
// Circuits are part of the protocol version: the same operands give the same
// bytes everywhere (SPEC 4).
package radix

//go:generate go run ./internal/gencost
