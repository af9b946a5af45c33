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

// Partial is a party's contribution to the decryption of one squashed block.
type Partial struct {
	Digest  fhe.Digest        // of the block
	Session threshold.Session // of its mask
	Share   shamir.Element    // of the masked phase
}

// Partial computes body - <mask, share> plus the party's share of the session's
// flooding mask, for the block at position block of its value. The session is
// derived from the very words that are multiplied.
//
// The partial of a ciphertext that is not an honestly squashed one reveals the
// secret: callers check the digest against their policy before they call.
func (k *Key) Partial(c *squash.Ciphertext, block int) Partial {
	p := Partial{Digest: c.Digest()}
	p.Session = k.epoch.Session(p.Digest, block)
	for i, f := range shamir.Fields {
		words := &c.Residues[i]
		p.Share[i] = f.Sub(words[squash.Dim], f.Dot(words[:squash.Dim], k.share.words[i][:]))
	}
	p.Share = p.Share.Add(k.masks.Mask(p.Session))
	return p
}

// Partials computes the partials of a value's blocks in their order.
func (k *Key) Partials(blocks []*squash.Ciphertext) []Partial {
	out := make([]Partial, len(blocks))
	for i, c := range blocks {
		out[i] = k.Partial(c, i)
	}
	return out
}
