package decrypt

import (
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// Key is what a party decrypts with in one epoch. It is safe for concurrent
// use. It prints as "[secret]".
type Key struct {
	epoch threshold.Epoch
	share *Share
	masks *prss.Generator
}

// NewKey joins a party's share and mask generator of an epoch.
func NewKey(e threshold.Epoch, share *Share, masks *prss.Generator) *Key {
	return &Key{epoch: e, share: share, masks: masks}
}

// Format implements fmt.Formatter.
func (*Key) Format(f fmt.State, _ rune) { threshold.Redact(f) }

// Wipe forgets the share and the keys of the masks. No partial may be computed
// any more.
func (k *Key) Wipe() {
	k.share.Wipe()
	k.masks.Wipe()
}

// Block is a squashed ciphertext with its digest, which is computed once: parties
// compare it with what coprocessors signed before they compute a partial.
type Block struct {
	ciphertext *squash.Ciphertext
	digest     fhe.Digest
}

// NewBlock computes the digest of a squashed ciphertext, which must not be changed after
// that.
func NewBlock(c *squash.Ciphertext) Block { return Block{c, c.Digest()} }

// NewBlocks is NewBlock of all squashed ciphertexts of a value.
func NewBlocks(list []*squash.Ciphertext) []Block {
	out := make([]Block, len(list))
	for i, c := range list {
		out[i] = NewBlock(c)
	}
	return out
}

// Digest is the ciphertext's.
func (b Block) Digest() fhe.Digest { return b.digest }

// Partial is a party's contribution to the decryption of one squashed block.
type Partial struct {
	Digest  fhe.Digest        // of the block
	Session threshold.Session // of its mask
	Share   shamir.Element    // of the masked phase
}

// Partial computes body - <mask, share> plus the party's share of the session's
// flooding mask, for the block at a position of its value. The session is
// derived from the very words that are multiplied.
//
// The partial of a ciphertext that is not an honestly squashed one reveals the
// secret: callers check the digest against their policy before they call.
func (k *Key) Partial(b Block, position int) Partial {
	p := Partial{Digest: b.digest, Session: k.epoch.Session(b.digest, position)}
	for i, f := range shamir.Fields {
		words := &b.ciphertext.Residues[i]
		p.Share[i] = f.Sub(words[squash.Dim], f.Dot(words[:squash.Dim], k.share.words[i][:]))
	}
	p.Share = p.Share.Add(k.masks.Mask(p.Session))
	return p
}

// Partials computes the partials of a value's blocks in their order.
func (k *Key) Partials(blocks []Block) []Partial {
	out := make([]Partial, len(blocks))
	for i, b := range blocks {
		out[i] = k.Partial(b, i)
	}
	return out
}
