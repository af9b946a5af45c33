package ceremony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/reshare"
)

// Peer is a member as others reach it.
type Peer interface {
	Fetch(context.Context, *committee.FetchRequest) (*committee.FetchAnswer, error)
}

// Patience is how long members wait.
type Patience struct {
	Gather time.Duration // until t+1 of a round's senders were heard
	Round  time.Duration // for the others then, times Round.Patience
}

// role runs one machine of a member.
type role struct {
	table    *Table
	self     reshare.Seat
	journal  *Journal
	machine  machine
	peers    map[fhe.Digest]Peer // by certificate, the member itself among them
	patience Patience
	log      *slog.Logger
	progress func(string)
	err      error // why its attempt is over
}

// heard is a message, or that the time of a round is over where there is none.
type heard struct {
	round reshare.Round
	from  threshold.PartyID
	b     []byte
}

// record is round(1) | party(1) | message; party 0 is the end of the round's time.
func (h heard) record() []byte { return append([]byte{byte(h.round), byte(h.from)}, h.b...) }

func parseRecord(b []byte) (heard, error) {
	if len(b) < 2 {
		return heard{}, errors.New("journal: a record is too short")
	}
	return heard{reshare.Round(b[0]), threshold.PartyID(b[1]), b[2:]}, nil
}

// replay gives a machine what it heard before. That its attempt is over then, the
// machine tells when it is run.
func (r *role) replay(records [][]byte) error {
	for _, b := range records {
		h, err := parseRecord(b)
		if err != nil {
			return err
		}
		if r.err = r.apply(h); r.err != nil {
			return nil
		}
	}
	return nil
}

// apply lets the machine hear, and shows on the table what it says then.
func (r *role) apply(h heard) (err error) {
	r.table.do(func() {
		if h.from == 0 {
			err = r.machine.Expire()
		} else {
			err = r.machine.Receive(h.round, h.from, h.b)
		}
	})
	return err
}

// run takes part until the machine is done or the attempt is over.
func (r *role) run(ctx context.Context) error {
	if r.err != nil {
		return r.err
	}
	for {
		round, seats := r.awaits()
		if round == 0 {
			return nil
		}
		r.report(round, seats)
		if err := r.listen(ctx, round, seats); err != nil {
			return err
		}
	}
}

func (r *role) awaits() (reshare.Round, []reshare.Seat) {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	return r.machine.Awaits()
}

// listen fetches what is said in a round until the machine goes on to the next.
func (r *role) listen(ctx context.Context, round reshare.Round, seats []reshare.Seat) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages := make(chan heard, len(seats))
	for _, s := range seats {
		go r.fetch(ctx, round, s, messages)
	}
	end := time.NewTimer(r.patience.Gather)
	defer end.Stop()
	gathered := false
	for {
		if q := r.senders(round); !gathered && q.N-len(seats) > q.T {
			gathered = true
			end.Reset(r.patience.Round * time.Duration(round.Patience()))
		}
		select {
		case h := <-messages:
			if err := r.hear(h); err != nil {
				return err
			}
		case <-end.C:
			return r.hear(heard{round: round})
		case <-ctx.Done():
			return fmt.Errorf("resharing stopped in round %q; it goes on from there when it is started again: %w", round, ctx.Err())
		}
		now, rest := r.awaits()
		if now != round {
			return nil
		}
		seats = rest
		r.report(round, seats)
	}
}

// senders is the quorum of those who speak in a round.
func (r *role) senders(round reshare.Round) threshold.Quorum {
	if round == reshare.Masked {
		return r.table.plan.Old.Quorum()
	}
	return r.table.plan.New.Quorum()
}

// hear makes durable what a machine is told before it is told. Confirmations
// decide nothing that others rely on, and are fetched again after a crash.
func (r *role) hear(h heard) error {
	if h.round != reshare.Confirm {
		if err := r.journal.Append(h.record()); err != nil {
			return err
		}
	}
	return r.apply(h)
}

func (r *role) report(round reshare.Round, rest []reshare.Seat) {
	names := make([]string, len(rest))
	for i, s := range rest {
		names[i] = r.name(s)
	}
	r.log.Info("resharing", "seat", r.self, "round", round, "awaits", names)
	r.progress(fmt.Sprintf("%v: round %d of %d (%v), waiting for %s", r.self, round, reshare.Confirm, round, strings.Join(names, ", ")))
}

func (r *role) name(s reshare.Seat) string {
	if m, err := r.table.plan.Member(s); err == nil {
		return fmt.Sprintf("%v at %s", s, m.Address)
	}
	return s.String()
}

// pause is how long a fetch waits before it tries again a member that it could
// not reach.
const pause = 500 * time.Millisecond

// fetch tries until it has a member's message.
func (r *role) fetch(ctx context.Context, round reshare.Round, from reshare.Seat, out chan<- heard) {
	m, err := r.table.plan.Member(from)
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		b, err := r.fetchOnce(ctx, r.peers[m.TLS], round, from)
		if err == nil {
			out <- heard{round, from.Party, b}
			return
		}
		r.log.Debug("resharing: not heard", "seat", from, "round", round, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (r *role) fetchOnce(ctx context.Context, p Peer, round reshare.Round, from reshare.Seat) ([]byte, error) {
	if p == nil {
		return nil, errors.New("there is no way to reach it")
	}
	request := &committee.FetchRequest{Plan: r.table.digest, Round: uint8(round), From: uint8(from.Role), To: uint8(r.self.Role)}
	most := r.machine.MaxMessage(round)
	var b []byte
	for {
		request.Offset = len(b)
		a, err := p.Fetch(ctx, request)
		if err != nil {
			return nil, err
		}
		b = append(b, a.Piece...)
		switch {
		case len(b) > most || len(b) < a.Size && len(a.Piece) == 0:
			// Too much or too little is no message: the machine calls it nonsense.
			return b[:min(len(b), most)], nil
		case len(b) >= a.Size:
			return b, nil
		}
	}
}
