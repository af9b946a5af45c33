package committee

import (
	"context"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
)

// claims are what coprocessors say of one handle's squashed blocks.
type claims struct {
	party  *Party
	handle fhe.Handle
	said   []claim
	faults []error // of the coprocessors, in their order; nil where one has said something
}

// claim is squashed bytes, by the digest of their list, and who of the party's policy
// attests them.
type claim struct {
	digest fhe.Digest
	by     []fhe.Address
}

// squashed asks all coprocessors for a handle's squashed blocks, and returns the first
// ones that enough of those attest whose word the party takes.
func (p *Party) squashed(ctx context.Context, h fhe.Handle) ([]decrypt.Block, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		from     int
		squashed *Squashed
		err      error
	}
	r := NewSquashRequest(p.cfg.Domain, p.epoch, p.id, p.cfg.Identity.Signer, h)
	answers := make(chan answer, len(p.cfg.Squashers))
	for i, s := range p.cfg.Squashers {
		go func() {
			squashed, err := s.Squashed(ctx, r)
			answers <- answer{i, squashed, err}
		}()
	}
	c := &claims{party: p, handle: h, faults: make([]error, len(p.cfg.Squashers))}
	for range p.cfg.Squashers {
		a := <-answers
		if blocks := c.take(a.from, a.squashed, a.err); blocks != nil {
			return blocks, nil
		}
	}
	return nil, c.refusal()
}

// take hears the answer of a coprocessor. It returns the blocks that it sent if they are
// accepted, with what others have said, and nil if they are not.
func (c *claims) take(from int, s *Squashed, err error) []decrypt.Block {
	if err != nil {
		c.faults[from] = fmt.Errorf("fetch squashed %s: %w", c.handle, err)
		return nil
	}
	if got, want := len(s.Blocks), c.handle.Type().Slots(); got != want {
		c.party.cfg.Log.Error("a coprocessor sent a wrong number of squashed blocks", "handle", c.handle, "blocks", got, "want", want)
		return nil
	}
	blocks := decrypt.NewBlocks(s.Blocks)
	if !c.hear(blocks, s.Signatures) {
		return nil
	}
	return blocks
}

// hear reports whether blocks are accepted with these signatures of coprocessors.
func (c *claims) hear(blocks []decrypt.Block, signatures []eip712.Signature) bool {
	names := make([]fhe.Digest, len(blocks))
	for i, b := range blocks {
		names[i] = b.Digest()
	}
	d := fhe.SquashedDigest(c.party.epoch.SquashKey, names)
	by := signers(c.party.policy, fhe.Attestation(c.party.cfg.Domain, c.handle, fhe.OfSquashed, d), signatures)
	if len(by) == 0 {
		c.party.cfg.Log.Error("squashed bytes came without the word of a coprocessor that this party believes", "handle", c.handle, "digest", d)
		return false
	}
	return c.count(d, by) >= c.party.policy.Need
}

// count adds coprocessors to those that attest a digest, and returns how many these are.
func (c *claims) count(d fhe.Digest, by []fhe.Address) int {
	i := slices.IndexFunc(c.said, func(said claim) bool { return said.digest == d })
	if i < 0 {
		for _, other := range c.said {
			c.party.cfg.Log.Error("coprocessors disagree about a squashed ciphertext: one of them is wrong",
				"handle", c.handle, "digest", d, "by", by, "other", other.digest, "otherBy", other.by)
		}
		i, c.said = len(c.said), append(c.said, claim{digest: d})
	}
	for _, a := range by {
		if !slices.Contains(c.said[i].by, a) {
			c.said[i].by = append(c.said[i].by, a)
		}
	}
	return len(c.said[i].by)
}

// refusal says why nothing is accepted, when all coprocessors have been heard: it is the
// fault of the first that has one, if more words could have changed that.
func (c *claims) refusal() error {
	most := 0
	for _, said := range c.said {
		most = max(most, len(said.by))
	}
	failed := slices.DeleteFunc(c.faults, func(err error) bool { return err == nil })
	if len(failed) > 0 && most+len(failed) >= c.party.policy.Need {
		return failed[0]
	}
	return threshold.Faultf(threshold.DigestRejected, "squashed bytes are attested by %d accepted coprocessors, want %d", most, c.party.policy.Need)
}
