package committee

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fhevm/threshold"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// Relay asks all parties on behalf of users and passes on every answer as it
// arrives. It decides nothing and is trusted with nothing but availability.
type Relay struct {
	Quorum  threshold.Quorum
	Parties map[threshold.PartyID]Service
	Timeout time.Duration // for one party's answer; DefaultTimeout if 0
}

// UserDecrypt asks all parties and passes each answer to forward, one at a
// time in order of arrival, until forward returns true or no more come. It
// fails with a *threshold.Fault if fewer than 2t+1 parties answered, which is
// what refused them if t+1 parties say so.
func (r *Relay) UserDecrypt(ctx context.Context, q *permit.Request, forward func(*seal.Answer) (enough bool)) error {
	return relay(ctx, r, func(ctx context.Context, s Service) (*seal.Answer, error) { return s.UserDecrypt(ctx, q) }, forward)
}

// PublicDecrypt asks all parties and passes each answer to forward as
// UserDecrypt does. A permit.Tally on the other side makes a proof of them.
func (r *Relay) PublicDecrypt(ctx context.Context, q *PublicRequest, forward func(*permit.PublicAnswer) (enough bool)) error {
	return relay(ctx, r, func(ctx context.Context, s Service) (*permit.PublicAnswer, error) { return s.PublicDecrypt(ctx, q) }, forward)
}

func relay[A any](ctx context.Context, r *Relay, call func(context.Context, Service) (*A, error), forward func(*A) bool) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	answers, enough := 0, false
	refusals := ask(ctx, r.Parties, timeout, call, func(_ threshold.PartyID, a *A) (bool, error) {
		answers++
		enough = forward(a)
		return enough, nil
	})
	if enough || answers >= r.Quorum.Agree() {
		return nil
	}
	return refusals.fault(r.Quorum, answers)
}

// refusals are the parties that gave no usable answer, and why.
type refusals map[threshold.PartyID]error

// ask calls all parties at the same time and passes each answer to take, one
// at a time in order of arrival, until take returns true or all have answered,
// failed or timed out. An error of take makes the party one that refused.
func ask[A any](ctx context.Context, parties map[threshold.PartyID]Service, timeout time.Duration,
	call func(context.Context, Service) (*A, error), take func(threshold.PartyID, *A) (enough bool, err error)) refusals {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type reply struct {
		id     threshold.PartyID
		answer *A
		err    error
	}
	replies := make(chan reply, len(parties))
	for id, s := range parties {
		go func() {
			a, err := call(ctx, s)
			replies <- reply{id, a, err}
		}()
	}
	out := refusals{}
	for id := range parties {
		out[id] = errSilent
	}
	for range parties {
		select {
		case r := <-replies:
			enough := false
			if r.err == nil {
				enough, r.err = take(r.id, r.answer)
			}
			if out[r.id] = r.err; r.err == nil {
				delete(out, r.id)
			}
			if enough {
				return out
			}
		case <-ctx.Done():
			return out
		}
	}
	return out
}

var errSilent = errors.New("no answer in time")

// fault says why too few parties answered. A refusal that t+1 parties share is
// the truth, since one of them is honest; otherwise all are listed.
func (r refusals) fault(q threshold.Quorum, answers int) error {
	votes := map[threshold.Code]int{}
	var list []string
	for _, id := range slices.Sorted(maps.Keys(r)) {
		err := r[id]
		var f *threshold.Fault
		if errors.As(err, &f) {
			if votes[f.Code]++; votes[f.Code] > q.T {
				return f
			}
		}
		list = append(list, fmt.Sprintf("party %d: %v", id, err))
	}
	need := fmt.Sprintf("%d are needed", q.Agree())
	if answers >= q.Agree() {
		need = fmt.Sprintf("but fewer than %d agree", q.Agree())
	}
	return threshold.Faultf(threshold.Unavailable, "%d of %d parties answered, %s (%s)",
		answers, q.N, need, strings.Join(list, "; "))
}
