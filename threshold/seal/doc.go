// Package seal carries a party's partial decryptions to the user who asked for
// them: Seal on the party's side, Opening in the wallet.
//
// Partials are sealed with HPKE (RFC 9180) to the transport key that the
// user's permit names: KEM MLKEM768X25519, KDF HKDF-SHA256, AEAD
// ChaCha20-Poly1305. The info string and the party's signature bind them to
// the network, the epoch, the party, the permit, the handles and the squashed
// bytes, so that an answer fits one question only.
package seal
