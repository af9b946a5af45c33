// Package threshold holds the nouns of the decryption committee: parties,
// quorums, committees, epochs, sessions and blame.
//
// A committee of n = 3t+1 parties shares the squash secret. Up to t of them
// may lie, stay silent or collude without learning a plaintext, and without
// keeping the others from opening one. t+1 colluding parties are outside any
// guarantee.
//
// The packages below this one are pure: no goroutine, clock or socket, and
// they build for js/wasm, since the wallet links them.
//
//	shamir    secret sharing over the two prime fields, robust opening
//	prss      flooding masks without interaction, their margin and limit
//	decrypt   a party's partial decryption, and combining them
//	opening   a party's side of a public opening, as a state machine
//	eip712    typed-data hashing and 65-byte signatures
//	permit    what a user signs to read values; what the committee signs
//	seal      partial decryptions sealed to a user, opened in the wallet
//	identity  a party's own keys
//	dealer    splitting a squash secret into per-party files
//	custody   splitting a backup of a party among custodians
//	agree     keys of sets without a dealer: commit, then open
//	reshare   the next epoch: fresh shares, other members, the same key
//	dkg       a network's keys without a dealer
//
// Four packages perform I/O: committee is the service of one party, audit the log of
// its decisions, ceremony its part in a resharing, generation its part in a key
// generation.
// Byte formats are specified in docs/SPEC.md, chapter 6.
package threshold
