package committee

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/permit"
)

// decision is what becomes of one request: what the audit log says of it, who
// pays, and how long its repetitions are counted.
type decision struct {
	audit.Decision
	payers []payer
	until  uint64 // end of the permit, Unix seconds; 0 counts none
}

// Event is a request that a party has decided and, but for the audit log, done.
type Event struct {
	audit.Decision
	Duration time.Duration
}

const requestIDTag = "fhevm request"

// newDecision begins a decision. The id of the request is
//
//	Keccak-256(tag | method(1) | Domain(61) | Epoch(72) | subject | handles(32 each))
//
// so that the same request has the same id whenever it is made.
func (p *Party) newDecision(ctx context.Context, m audit.Method, subject []byte, handles []fhe.Handle) *decision {
	b := append([]byte(requestIDTag), byte(m))
	b = append(p.epoch.Append(p.cfg.Domain.Append(b)), subject...)
	for _, h := range handles {
		b = append(b, h[:]...)
	}
	d := &decision{Decision: audit.Decision{Method: m, Request: fhe.Keccak(b), Caller: callerIn(ctx), Epoch: p.epoch.Number,
		Handles: handles[:min(len(handles), audit.MaxHandles)]}}
	if d.Caller != (fhe.Digest{}) && p.cfg.Quotas.Caller != (Quota{}) {
		d.payers = append(d.payers, callerPayer(d.Caller, p.cfg.Quotas))
	}
	return d
}

// userDecision begins the decision of a user's request, which is named by the
// user and the permit. Permits are free, so requests are counted only where quotas
// bound their number.
func (p *Party) userDecision(ctx context.Context, r *permit.Request) *decision {
	signed := r.Permit.Digest(r.Domain)
	d := p.newDecision(ctx, audit.User, append(r.User[:], signed[:]...), r.Handles)
	d.User, d.Delegator = r.User, r.Permit.Delegator
	if p.cfg.Quotas.User != (Quota{}) {
		d.payers = append([]payer{userPayer(r.User, p.cfg.Quotas)}, d.payers...)
		d.until = r.Permit.ValidUntil
	}
	return d
}

// audited does the work of a decision and puts the outcome on record before the
// answer leaves. What is not on record is not answered.
func audited[A any](p *Party, d *decision, work func() (*A, error)) (*A, error) {
	begun := time.Now()
	a, err := work()
	if err != nil {
		d.Refusal = faultOf(err).Code
	}
	recorded := p.record(d)
	if p.cfg.Observe != nil {
		p.cfg.Observe(Event{d.Decision, time.Since(begun)})
	}
	if errors.Is(recorded, audit.ErrClosed) {
		return nil, ErrClosed
	}
	if recorded != nil {
		return nil, fmt.Errorf("the decision could not be recorded: %w", recorded)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Refusals cost those who ask nothing. So many a minute have a record of their own,
// as many at once as a spell of them may have; further ones are counted.
const (
	recordedRefusals = 60
	refusalSpell     = 600
)

func newRefusals() *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/recordedRefusals), refusalSpell)
}

// record puts a decision into the audit log. One that came so far that openings were
// counted has a record in any case.
func (p *Party) record(d *decision) error {
	if d.Refusal != "" && len(d.Digests) == 0 && !p.refusals.AllowN(p.cfg.Clock(), 1) {
		p.audit.Skip()
		return p.audit.Err()
	}
	const longest = 32 // codes come from coprocessors too
	d.Refusal = d.Refusal[:min(len(d.Refusal), longest)]
	return p.audit.Append(&d.Decision)
}

// squashes puts on record that the party is about to ask coprocessors, under its
// signature, to prepare the handles.
func (p *Party) squashes(d *decision, handles []fhe.Handle) error {
	s := d.Decision
	s.Method, s.Handles = audit.Squash, handles
	return p.audit.Append(&s)
}

// admit takes a decision's squashed blocks off the accounts of those who ask.
func (p *Party) admit(d *decision, blocks int) error {
	return p.accounts.charge(p.cfg.Clock(), blocks, d.payers)
}

// callerIn is the fingerprint of the certificate that a request came with; zero
// within a process.
func callerIn(ctx context.Context) fhe.Digest {
	caller, _ := ctx.Value(callerKey{}).(fhe.Digest)
	return caller
}

// Standing is how a party does.
type Standing struct {
	Openings uint64 // squashed blocks of the key that it ever opened
	Limit    uint64 // at which it stops
	Audit    audit.Position
	Err      error // why it cannot answer, if its records fail
}

// Standing looks at the party's records.
func (p *Party) Standing() Standing {
	n, err := p.store.openings(p.epoch)
	if err == nil {
		err = p.audit.Err()
	}
	return Standing{Openings: n, Limit: p.limit, Audit: p.audit.Head(), Err: err}
}

// InForce reports whether the party may act as of the last final block, of which
// it returns the number.
func (p *Party) InForce(ctx context.Context) (uint64, error) {
	b, err := p.cfg.Chain.Finalized(ctx)
	if err != nil {
		return 0, err
	}
	return b.Number, p.checkEpoch(ctx, b)
}

// Epoch is the party's epoch.
func (p *Party) Epoch() threshold.Epoch { return p.epoch }
