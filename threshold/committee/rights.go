package committee

import (
	"context"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
)

// checkStanding demands that the permit is in force as of the block, whatever
// handles it is used for.
func (p *Party) checkStanding(ctx context.Context, b *Block, r *permit.Request) error {
	now := p.now(b)
	if err := r.Permit.ValidAt(now); err != nil {
		return err
	}
	if err := checkRunning(ctx, b); err != nil {
		return err
	}
	if err := checkNotInvalidated(ctx, b, r); err != nil {
		return err
	}
	for _, a := range append([]fhe.Address{r.User, r.Holder()}, r.Permit.Contracts...) {
		if err := checkNotDenied(ctx, b, a); err != nil {
			return err
		}
	}
	if !r.Permit.Delegated() {
		return nil
	}
	return checkDelegated(ctx, b, r, now)
}

// CheckSigned demands the signature of the user's key or, where the permit names the
// user as a contract, one that it accepts.
func CheckSigned(ctx context.Context, b *Block, d eip712.Domain, r *permit.Request) error {
	if !r.Permit.OfContract() {
		return r.CheckKey(d)
	}
	ok, err := b.AcceptsSignature(ctx, r.User, r.Permit.Digest(d), r.Signature)
	if err != nil {
		return fmt.Errorf("ask %s about a signature: %w", r.User, err)
	}
	if !ok {
		return threshold.Faultf(threshold.PermitBadSigner,
			"user %s does not accept the permit's signature as of block %d (isValidSignature of ERC-1271): its owners have to sign what the wallet asks for", r.User, b.Number)
	}
	return nil
}

// checkRunning refuses everything while the network is paused.
func checkRunning(ctx context.Context, b *Block) error {
	paused, err := b.Paused(ctx)
	if err != nil {
		return fmt.Errorf("read pause: %w", err)
	}
	if paused {
		return threshold.Faultf(threshold.Paused, "the network is paused as of block %d: ask again when its owner has ended the pause", b.Number)
	}
	return nil
}

// checkNotInvalidated refuses a permit that its signer took back on chain.
func checkNotInvalidated(ctx context.Context, b *Block, r *permit.Request) error {
	before, err := b.InvalidatedBefore(ctx, r.User)
	if err != nil {
		return fmt.Errorf("read invalidated permits of %s: %w", r.User, err)
	}
	if r.Permit.ValidFrom < before {
		return threshold.Faultf(threshold.PermitInvalidated,
			"user %s invalidated permits from before %d, this one is valid from %d: sign a new permit", r.User, before, r.Permit.ValidFrom)
	}
	return nil
}

func checkNotDenied(ctx context.Context, b *Block, account fhe.Address) error {
	denied, err := b.Denied(ctx, account)
	if err != nil {
		return fmt.Errorf("read deny list for %s: %w", account, err)
	}
	if denied {
		return threshold.Faultf(threshold.Denied,
			"account %s is on the deny list as of block %d: where it is a contract, sign a permit without it; else ask the network's owner", account, b.Number)
	}
	return nil
}

// checkDelegated demands that the delegator named the user for each contract of
// the permit, and that none of these delegations has ended.
func checkDelegated(ctx context.Context, b *Block, r *permit.Request, now uint64) error {
	for _, c := range r.Permit.Contracts {
		until, err := b.DelegatedUntil(ctx, r.Permit.Delegator, r.User, c)
		if err != nil {
			return fmt.Errorf("read delegation by %s: %w", r.Permit.Delegator, err)
		}
		if until < now {
			return threshold.Faultf(threshold.NotDelegated,
				"%s does not let %s decrypt for it in contract %s as of block %d, or no longer: it has to call delegateForUserDecryption, or the permit has to name other contracts",
				r.Permit.Delegator, r.User, c, b.Number)
		}
	}
	return nil
}

// checkRights demands a persistent right of the holder and of one contract.
func checkRights(ctx context.Context, b *Block, h fhe.Handle, holder fhe.Address, contracts []fhe.Address) error {
	ok, err := b.PersistAllowed(ctx, h, holder)
	if err != nil {
		return fmt.Errorf("read rights of %s: %w", holder, err)
	}
	if !ok {
		return threshold.Faultf(threshold.NotAllowed,
			"user %s may not read handle %s as of block %d: the contract has to call FHE.allow(handle, user)", holder, h, b.Number)
	}
	for _, c := range contracts {
		ok, err := b.PersistAllowed(ctx, h, c)
		if err != nil {
			return fmt.Errorf("read rights of %s: %w", c, err)
		}
		if ok {
			return nil
		}
	}
	return threshold.Faultf(threshold.NotAllowed,
		"no contract of the permit may use handle %s as of block %d: name the contract that holds it, which has to call FHE.allowThis(handle); the permit names %v",
		h, b.Number, contracts)
}
