package committee

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/permit"
)

// decision is what becomes of one request: what the audit log says of it, and who
// pays.
type decision struct {
	audit.Decision
	payers []payer
}

// disclosed reports whether the decision came as far as to count openings.
func (d *decision) disclosed() bool { return len(d.Digests) > 0 }

// routine reports whether nothing new left the party: it refused, or its values were
// public already, or it has answered the very request before.
func (d *decision) routine() bool {
	return !d.disclosed() || d.Fresh == 0 && d.Repeats > 0
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
	if q := p.records.cfg.Quotas; d.Caller != (fhe.Digest{}) && q.Caller != (Quota{}) {
		d.payers = append(d.payers, callerPayer(d.Caller, q))
	}
	return d
}

// userDecision begins the decision of a user's request, which is named by the
// user and the permit.
func (p *Party) userDecision(ctx context.Context, r *permit.Request) *decision {
	signed := r.Permit.Digest(r.Domain)
	d := p.newDecision(ctx, audit.User, append(r.User[:], signed[:]...), r.Handles)
	d.User, d.Delegator = r.User, r.Permit.Delegator
	if q := p.records.cfg.Quotas; q.User != (Quota{}) {
		d.payers = append([]payer{userPayer(r.User, q)}, d.payers...)
	}
	return d
}

// audited does the work of a decision and puts the outcome on record before the
// answer leaves. What is not on record is not answered.
func audited[A any](p *Party, d *decision, work func() (*A, error)) (*A, error) {
	begun := time.Now()
	a, err := work()
	if err != nil {
		code := threshold.FaultOf("party", err).Code
		d.Refusal = code[:min(len(code), longestCode)]
		if code == threshold.DigestRejected {
			p.cfg.Log.Error("a decryption was refused, since squashed bytes are not what this party believes: a coprocessor is wrong, or lies", "request", d.Request, "kind", d.Method, "error", err)
		}
	}
	recorded := p.records.record(d)
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

// longestCode bounds codes, which come from coprocessors too.
const longestCode = 32

// callerIn is the fingerprint of the certificate that a request came with; zero
// within a process.
func callerIn(ctx context.Context) fhe.Digest {
	caller, _ := ctx.Value(callerKey{}).(fhe.Digest)
	return caller
}

// Standing is how a party does.
type Standing struct {
	Openings uint64 // squashed blocks of the key that it ever opened, as the epoch counts them
	Allowed  uint64 // by the key
	Limit    uint64 // at which it stops: Allowed, or less if the epoch was handed over with that
	Audit    audit.Position
	Err      error // why it cannot answer, if its records fail
}

// Standing looks at the party's records.
func (p *Party) Standing() Standing { return p.records.standing(p.epoch, p.limit) }

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
