package committee

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
	"fhevm/threshold/shamir"
)

// PublicDecrypt implements Service. Every peer is asked for its shares at the
// same time; the values are open as soon as 2t+1 parties' shares agree,
// whatever the others do.
func (p *Party) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	if err := p.checkPublic(ctx, r.Handles); err != nil {
		return nil, err
	}
	key := p.requestKey(publicDigest(r.Handles))
	if old, err := p.store.answer(key); old != nil || err != nil {
		return decode[permit.PublicAnswer](old, err)
	}
	own, err := p.partials(ctx, r.Handles)
	if err != nil {
		return nil, err
	}
	c, err := p.openPublic(ctx, r.Handles, own)
	if err != nil {
		return nil, err
	}
	values, err := c.Values()
	if err != nil {
		return nil, err
	}
	result := &permit.Result{Handles: r.Handles, Values: values, Epoch: p.epoch.Number}
	signature := eip712.Sign(p.cfg.Identity.Signer, result.Digest(p.domain()))
	return keep(p.store, key, permit.NewPublicAnswer(p.id, result, signature))
}

const publicTag = "fhevm public decryption"

func publicDigest(handles []fhe.Handle) fhe.Digest {
	parts := [][]byte{[]byte(publicTag)}
	for i := range handles {
		parts = append(parts, handles[i][:])
	}
	return fhe.Keccak(parts...)
}

// checkPublic demands that everyone may read every handle.
func (p *Party) checkPublic(ctx context.Context, handles []fhe.Handle) error {
	if err := permit.CheckHandles(handles); err != nil {
		return err
	}
	b, err := p.finalized(ctx)
	if err != nil {
		return err
	}
	for _, h := range handles {
		if err := p.checkHandle(h); err != nil {
			return err
		}
		ok, err := b.PubliclyDecryptable(ctx, h)
		if err != nil {
			return fmt.Errorf("read public mark of %s: %w", h, err)
		}
		if !ok {
			return threshold.Faultf(threshold.NotPublic,
				"handle %s is not public as of block %d: the contract has to call FHE.makePubliclyDecryptable(handle)", h, b.Number)
		}
	}
	return nil
}

// Share implements Service. It trusts the asking party with nothing: the
// handles must be public on this party's own view.
func (p *Party) Share(ctx context.Context, r *ShareRequest) (*ShareAnswer, error) {
	if !p.margin.Quorum.Has(r.From) || r.From == p.id {
		return nil, threshold.Faultf(threshold.NotMember, "shares are for the other parties of the committee")
	}
	if err := p.checkPublic(ctx, r.Handles); err != nil {
		return nil, err
	}
	partials, err := p.partials(ctx, r.Handles)
	if err != nil {
		return nil, err
	}
	a := &ShareAnswer{Digests: digests(partials)}
	for _, x := range partials {
		a.Shares = x.Share.Append(a.Shares)
	}
	return a, nil
}

// openPublic combines own partials with those of the peers as they come in.
func (p *Party) openPublic(ctx context.Context, handles []fhe.Handle, own []decrypt.Partial) (*decrypt.Combiner, error) {
	c := decrypt.NewCombiner(p.margin, decrypt.Types(handles))
	mine := make([]shamir.Element, len(own))
	for i, x := range own {
		mine[i] = x.Share
	}
	if err := c.Add(p.id, mine); err != nil {
		return nil, err
	}
	var corrupt error
	refusals := ask(ctx, p.peers, p.cfg.Timeout,
		func(ctx context.Context, peer Service) (*ShareAnswer, error) {
			return peer.Share(ctx, &ShareRequest{Handles: handles, From: p.id})
		},
		func(id threshold.PartyID, a *ShareAnswer) (bool, error) {
			err := addShare(c, id, a, digests(own))
			if isCorrupt(err) {
				corrupt = err
			}
			return c.Done() || corrupt != nil, err
		})
	for _, id := range slices.Collect(c.Liars().All()) {
		p.cfg.Log.Warn("a party sent wrong shares", "party", id)
	}
	if corrupt != nil || c.Done() {
		return c, corrupt
	}
	return nil, refusals.fault(p.margin.Quorum, c.Heard().Len())
}

// addShare adds a peer's shares if they are of the same squashed bytes.
func addShare(c *decrypt.Combiner, id threshold.PartyID, a *ShareAnswer, want []fhe.Digest) error {
	if !slices.Equal(a.Digests, want) {
		return errors.New("its shares are of other squashed ciphertexts")
	}
	shares, err := a.elements(len(want))
	if err != nil {
		shares = nil // counts as a lie
	}
	return c.Add(id, shares)
}

func isCorrupt(err error) bool {
	var corrupt *threshold.CorruptError
	return errors.As(err, &corrupt)
}
