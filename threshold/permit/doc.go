// Package permit holds what people and committees sign about decryption: a
// user's Permit to read values, the Request that carries it to the parties,
// and a party's Result of a public decryption. All are EIP-712 structs bound
// to the decryption verifier of one chain.
package permit
