// Package fhe holds the nouns that every layer shares: encrypted types, the
// operator table, domains, handles, derivations, input lists and the ordered
// log of instructions. It computes names, never ciphertexts; the scheme lives
// in fhe/tfhe, encrypted integers in fhe/radix.
//
// Byte formats are specified in docs/SPEC.md, section by section as in the
// files of this package.
package fhe
