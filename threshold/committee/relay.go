package committee

import (
	"context"
	"fmt"
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
	return relay(ctx, r, func(ctx context.Context, s Service) (*seal.Answer, error) { return s.UserDecrypt(ctx, q) },
		func(a *seal.Answer) threshold.PartyID { return a.Party }, forward)
}

// PublicDecrypt asks all parties and passes each answer to forward as
// UserDecrypt does. A permit.Tally on the other side makes a proof of them.
func (r *Relay) PublicDecrypt(ctx context.Context, q *PublicRequest, forward func(*permit.PublicAnswer) (enough bool)) error {
	return relay(ctx, r, func(ctx context.Context, s Service) (*permit.PublicAnswer, error) { return s.PublicDecrypt(ctx, q) },
		func(a *permit.PublicAnswer) threshold.PartyID { return a.Party }, forward)
}

// relay forwards answers that are their sender's own: a party cannot speak, and
// be blamed, in another's name.
func relay[A any](ctx context.Context, r *Relay, call func(context.Context, Service) (*A, error),
	sender func(*A) threshold.PartyID, forward func(*A) bool) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	answers, enough := 0, false
	refusals := threshold.Refusals{}
	for id := range r.Parties {
		refusals[id] = threshold.ErrSilent
	}
	ask(ctx, r.Parties, timeout, call, func(id threshold.PartyID, a *A, err error) bool {
		if err == nil && sender(a) != id {
			err = fmt.Errorf("it answered in the name of party %d", sender(a))
		}
		if err != nil {
			refusals[id] = err
			return false
		}
		delete(refusals, id)
		answers++
		enough = forward(a)
		return enough
	})
	if enough || answers >= r.Quorum.Agree() {
		return nil
	}
	return refusals.Fault(r.Quorum, answers)
}

// ask calls all parties at the same time and passes what each says to take, one
// at a time in order of arrival, until take returns true, all have spoken or
// the time is over.
func ask[A any](ctx context.Context, parties map[threshold.PartyID]Service, timeout time.Duration,
	call func(context.Context, Service) (*A, error), take func(threshold.PartyID, *A, error) (enough bool)) {
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
	for range parties {
		select {
		case r := <-replies:
			if take(r.id, r.answer, r.err) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
