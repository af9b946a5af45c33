// Package eip712 hashes typed structured data (EIP-712) and signs it with
// secp256k1, as Ethereum accounts do. It holds what permits and decryption
// results need of the standard: flat structs of words, strings, byte strings
// and arrays of words.
package eip712
