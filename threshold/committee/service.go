package committee

import (
	"context"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// Service is what a party offers. Refusals are *threshold.Fault.
type Service interface {
	// UserDecrypt seals the party's partial decryptions to the user.
	UserDecrypt(context.Context, *permit.Request) (*seal.Answer, error)
	// PublicDecrypt opens publicly decryptable handles together with the other
	// parties and returns this party's signature of the result.
	PublicDecrypt(context.Context, *PublicRequest) (*permit.PublicAnswer, error)
	// Share returns this party's shares for another party's PublicDecrypt.
	Share(context.Context, *ShareRequest) (*opening.Answer, error)
}

// PublicRequest asks for a public decryption.
type PublicRequest struct {
	Handles []fhe.Handle `json:"handles"`
	// Epoch says whose parties are asked; 0 is the present one.
	Epoch uint64 `json:"epoch,omitempty"`
}

// ShareRequest asks a party for its shares of publicly decryptable handles.
type ShareRequest struct {
	Handles []fhe.Handle `json:"handles"`
	Epoch   uint64       `json:"epoch"` // whose party is asked: the asking one's, which opens in it
	// From is the party that asks. Servers take it from the caller's
	// certificate, never from the message.
	From threshold.PartyID `json:"-"`
}

// Chain is a party's own view of the chain that it serves.
type Chain interface {
	// Finalized is the state after the last final block. One decision reads
	// one block.
	Finalized(context.Context) (*Block, error)
}

// Block is one final block.
type Block struct {
	Number uint64
	Time   uint64 // Unix seconds
	Rights
}

// Rights reads the access-control list as of one block.
type Rights interface {
	// PersistAllowed reports whether account holds a persistent right on the handle.
	PersistAllowed(context.Context, fhe.Handle, fhe.Address) (bool, error)
	// PubliclyDecryptable reports whether the handle is marked for everyone.
	PubliclyDecryptable(context.Context, fhe.Handle) (bool, error)
	// Final reports whether the block is still final. Only a development chain
	// undoes blocks.
	Final(context.Context) (bool, error)
	// AcceptsSignature reports whether account is a contract that accepts a
	// signature of digest as its own (ERC-1271).
	AcceptsSignature(ctx context.Context, account fhe.Address, digest fhe.Digest, signature []byte) (bool, error)
	// Position is the place of signer, from 1, in the committee of an epoch that
	// the key registry has activated and not retired; 0 if it has none there.
	Position(ctx context.Context, epoch uint64, signer fhe.Address) (uint64, error)
	// Paused reports whether the network is paused.
	Paused(context.Context) (bool, error)
	// Denied reports whether account is on the deny list.
	Denied(ctx context.Context, account fhe.Address) (bool, error)
	// InvalidatedBefore is the time, in Unix seconds, before which the permits of
	// account must not begin.
	InvalidatedBefore(ctx context.Context, account fhe.Address) (uint64, error)
	// DelegatedUntil is when the delegator's delegation to delegate ends for what
	// contract holds rights on: Unix seconds, inclusive, 0 if there is none.
	DelegatedUntil(ctx context.Context, delegator, delegate, contract fhe.Address) (uint64, error)
}

// Squasher fetches squashed ciphertexts from coprocessors. A Fault that it
// returns, such as one with code NotReady, reaches the user.
type Squasher interface {
	Squashed(context.Context, *SquashRequest) (*Squashed, error)
}

// SquashRequest is signed by a party that has checked the right to decrypt, so
// that nobody else can make a coprocessor squash.
type SquashRequest struct {
	Handle    fhe.Handle        `json:"handle"`
	Party     threshold.PartyID `json:"party"`
	Signature eip712.Signature  `json:"signature"`
}

// Squashed is a value ready for decryption: its blocks and coprocessors' words
// for their digest.
type Squashed struct {
	Blocks     []*squash.Ciphertext
	Signatures []eip712.Signature // of the fhe.Attestation of the blocks' fhe.SquashedDigest
}
