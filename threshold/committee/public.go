package committee

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
)

// PublicDecrypt implements Service. Values are opened once and kept; the
// signature of a result is the same whenever it is made.
func (p *Party) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	d := p.newDecision(ctx, audit.Public, nil, r.Handles)
	return audited(p, d, func() (*permit.PublicAnswer, error) { return p.publicDecrypt(ctx, d, r) })
}

func (p *Party) publicDecrypt(ctx context.Context, d *decision, r *PublicRequest) (*permit.PublicAnswer, error) {
	b, err := p.decidePublic(ctx, d, r.Handles)
	if err != nil {
		return nil, err
	}
	known, err := p.records.store.values(p.epoch, r.Handles)
	if err != nil {
		return nil, err
	}
	if err := p.openMissing(ctx, d, b, r.Handles, known); err != nil {
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
func (p *Party) openMissing(ctx context.Context, d *decision, b *Block, handles []fhe.Handle, known map[fhe.Handle]*uint256.Int) error {
	missing := slices.DeleteFunc(slices.Clone(handles), func(h fhe.Handle) bool { return known[h] != nil })
	if len(missing) == 0 {
		return nil
	}
	own, err := p.partials(ctx, d, b, missing)
	if err != nil {
		return err
	}
	values, err := p.open(ctx, missing, own)
	if err != nil {
		return err
	}
	for i, h := range missing {
		known[h] = values[i]
	}
	if err := p.records.store.putValues(p.epoch, missing, values); err != nil {
		return err
	}
	return confirm(ctx, b)
}

// decidePublic decides whether handles may be opened.
func (p *Party) decidePublic(ctx context.Context, d *decision, handles []fhe.Handle) (*Block, error) {
	if err := permit.CheckHandles(handles); err != nil {
		return nil, err
	}
	return p.decide(ctx, d, func(b *Block) error { return p.checkPublic(ctx, b, handles) })
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
func (p *Party) Share(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
	d := p.newDecision(ctx, audit.Share, []byte{byte(r.From)}, r.Handles)
	d.From = r.From
	return audited(p, d, func() (*opening.Answer, error) { return p.share(ctx, d, r) })
}

func (p *Party) share(ctx context.Context, d *decision, r *ShareRequest) (*opening.Answer, error) {
	if !p.margin.Quorum.Has(r.From) || r.From == p.id {
		return nil, threshold.Faultf(threshold.NotMember, "shares are for the other parties of the committee")
	}
	b, err := p.decidePublic(ctx, d, r.Handles)
	if err != nil {
		return nil, err
	}
	partials, err := p.partials(ctx, d, b, r.Handles)
	if err != nil {
		return nil, err
	}
	m, err := opening.New(p.margin, p.id, decrypt.Types(r.Handles), partials)
	if err != nil {
		return nil, err
	}
	return m.Asked(r.From)
}

// open opens handles together with the peers, from own partials whose openings
// are on disk. An opening.Machine decides; this carries its messages.
func (p *Party) open(ctx context.Context, handles []fhe.Handle, own []decrypt.Partial) ([]*uint256.Int, error) {
	m, err := opening.New(p.margin, p.id, decrypt.Types(handles), own)
	if err != nil {
		return nil, err
	}
	peers := map[threshold.PartyID]Service{}
	for id := range m.Start().All() {
		if peer, ok := p.peers[id]; ok {
			peers[id] = peer
		}
	}
	ask(ctx, peers, p.cfg.Timeout,
		func(ctx context.Context, peer Service) (*opening.Answer, error) {
			return p.askShare(ctx, peer, handles)
		},
		func(id threshold.PartyID, a *opening.Answer, err error) (ended bool) {
			hand(m, id, a, err)
			return m.Done()
		})
	if !m.Done() && ctx.Err() != nil {
		return nil, ctx.Err() // nobody waits any more: the peers had no time to answer
	}
	m.Expire()
	p.report(m.Blames())
	return m.Values()
}

// hand makes what came of a peer's call an event of the machine.
func hand(m *opening.Machine, id threshold.PartyID, a *opening.Answer, err error) {
	switch {
	case err == nil:
		m.Answered(id, a)
	case errors.Is(err, errMalformed):
		m.Unusable(id)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// It has said nothing: Expire finds it silent.
	default:
		m.Refused(id, err)
	}
}

// A peer that cannot be reached is asked so often, with that much time between:
// it may be about to start again.
const (
	attempts     = 3
	betweenTries = 250 * time.Millisecond
)

func (p *Party) askShare(ctx context.Context, peer Service, handles []fhe.Handle) (a *opening.Answer, err error) {
	for try := range attempts {
		if try > 0 && !wait(ctx, betweenTries) {
			break
		}
		if a, err = peer.Share(ctx, &ShareRequest{Handles: handles, Epoch: p.epoch.Number, From: p.id}); !unreached(err) {
			return a, err
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, err
}

// unreached tells a peer that could not be spoken to from one that said something.
func unreached(err error) bool {
	_, refused := errors.AsType[*threshold.Fault](err)
	return err != nil && !refused && !errors.Is(err, errMalformed)
}

// wait reports whether the time has passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
