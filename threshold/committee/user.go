package committee

import (
	"context"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// UserDecrypt implements Service. The request is checked first without the
// chain, then against the last finalised block: whether the user signed the permit,
// as an account or as a contract, and the permit is in force,
// by the later of the block's time and the party's clock, and for every handle a
// persistent right of the user, or of the delegator who named the user, and of a
// contract that the permit names. Answers are not kept: the shares are a function of the squashed
// bytes, to which the handle is bound, so a repeated request gets the same ones,
// sealed anew.
func (p *Party) UserDecrypt(ctx context.Context, r *permit.Request) (*seal.Answer, error) {
	d := p.userDecision(ctx, r)
	return audited(p, d, func() (*seal.Answer, error) { return p.userDecrypt(ctx, d, r) })
}

func (p *Party) userDecrypt(ctx context.Context, d *decision, r *permit.Request) (*seal.Answer, error) {
	if err := r.Check(p.domain()); err != nil {
		return nil, err
	}
	b, err := p.decide(ctx, d, func(b *Block) error { return p.checkUserRights(ctx, b, r) })
	if err != nil {
		return nil, err
	}
	partials, err := p.partials(ctx, d, b, r.Handles)
	if err != nil {
		return nil, err
	}
	c := seal.NewContext(p.cfg.Domain, p.epoch, r)
	return seal.Seal(c, p.id, p.cfg.Identity.Signer, r.TransportKey, partials)
}

func (p *Party) checkUserRights(ctx context.Context, b *Block, r *permit.Request) error {
	if !r.Permit.OfContract() {
		if err := CheckSigned(ctx, b, p.domain(), r); err != nil {
			return err
		}
	}
	if err := p.checkStanding(ctx, b, r); err != nil {
		return err
	}
	for _, h := range r.Handles {
		if err := p.checkHandle(h); err != nil {
			return err
		}
		if err := checkRights(ctx, b, h, r.Holder(), r.Permit.Contracts); err != nil {
			return err
		}
	}
	if r.Permit.OfContract() { // it runs code of somebody's choice: of a holder's, by now
		return CheckSigned(ctx, b, p.domain(), r)
	}
	return nil
}

// now is the later of the block's time and the party's clock, in Unix seconds. An
// idle chain's time stands still, and permits expire all the same; under load
// the chain runs ahead, and a permit that begins with its last block is valid.
func (p *Party) now(b *Block) uint64 {
	return max(b.Time, uint64(max(0, p.cfg.Clock().Unix())))
}

// checkHandle refuses handles that this party's chain cannot have made.
func (p *Party) checkHandle(h fhe.Handle) error {
	if h.ChainID() != p.cfg.Domain.ChainID || h[31] != p.cfg.Domain.Version {
		return threshold.Faultf(threshold.UnknownHandle, "handle %s is of chain %d and protocol version %d, want %d and %d",
			h, h.ChainID(), h[31], p.cfg.Domain.ChainID, p.cfg.Domain.Version)
	}
	return nil
}
