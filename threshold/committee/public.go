package committee

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
	"fhevm/threshold/shamir"
)

// PublicDecrypt implements Service. Values are opened once and kept; the
// signature of a result is the same whenever it is made.
func (p *Party) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	b, err := p.decidePublic(ctx, r.Handles)
	if err != nil {
		return nil, err
	}
	known, err := p.store.values(p.epoch, r.Handles)
	if err != nil {
		return nil, err
	}
	if err := p.openMissing(ctx, b, r.Handles, known); err != nil {
		return nil, err
	}
	result := &permit.Result{Handles: r.Handles, Epoch: p.epoch.Number}
	for _, h := range r.Handles {
		result.Values = append(result.Values, known[h])
	}
	signature := eip712.Sign(p.cfg.Identity.Signer, result.Digest(p.domain()))
	return permit.NewPublicAnswer(p.id, result, signature), nil
}

// openMissing opens the handles that have no known value, keeps their values
// and adds them to the known ones.
func (p *Party) openMissing(ctx context.Context, b *Block, handles []fhe.Handle, known map[fhe.Handle]*uint256.Int) error {
	missing := slices.DeleteFunc(slices.Clone(handles), func(h fhe.Handle) bool { return known[h] != nil })
	if len(missing) == 0 {
		return nil
	}
	own, err := p.partials(ctx, b, missing)
	if err != nil {
		return err
	}
	c, err := p.openPublic(ctx, missing, own)
	if err != nil {
		return err
	}
	values, err := c.Values()
	if err != nil {
		return err
	}
	for i, h := range missing {
		known[h] = values[i]
	}
	if err := p.store.putValues(p.epoch, missing, values); err != nil {
		return err
	}
	return confirm(ctx, b)
}

// decidePublic decides whether handles may be opened.
func (p *Party) decidePublic(ctx context.Context, handles []fhe.Handle) (*Block, error) {
	if err := permit.CheckHandles(handles); err != nil {
		return nil, err
	}
	return p.decide(ctx, func(b *Block) error { return p.checkPublic(ctx, b, handles) })
}

// checkPublic demands that everyone may read every handle and that the network
// is not paused.
func (p *Party) checkPublic(ctx context.Context, b *Block, handles []fhe.Handle) error {
	if err := checkRunning(ctx, b); err != nil {
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
	b, err := p.decidePublic(ctx, r.Handles)
	if err != nil {
		return nil, err
	}
	partials, err := p.partials(ctx, b, r.Handles)
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
// Every peer is asked at the same time; the values are open as soon as 2t+1
// parties' shares agree, whatever the others do.
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
