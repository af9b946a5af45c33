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
	attempt  *attempt
	known    func() *reshare.Certificate // that others brought, nil while there is none
	noted    bool                        // that the machine is committed
	err      error                       // why its attempt is over
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
		h.wipe()
	}
	return nil
}

// apply lets the machine hear, and shows on the table what it says then. What it
// cannot take back it notes before.
func (r *role) apply(h heard) (err error) {
	r.table.do(func() {
		if h.from == 0 {
			err = r.machine.Expire()
		} else {
			err = r.machine.Receive(h.round, h.from, h.b)
		}
		if failed := r.witness(); failed != nil {
			delete(r.table.machines, r.self.Role)
			err = failed
		}
	})
	return err
}

func (r *role) witness() error {
	if r.noted || !r.machine.Committed() {
		return nil
	}
	err := r.attempt.note(committed[r.self.Role], nil)
	r.noted = err == nil
	return err
}

// certify takes the certificate if it is right. Whoever says a wrong one is not
// asked again.
func (r *role) certify(c *reshare.Certificate) (err error) {
	r.table.do(func() { err = r.machine.Certify(c) })
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
	messages := make(chan heard, len(seats)+2*threshold.MaxParties)
	for _, s := range seats {
		go r.fetch(ctx, round, s, messages)
	}
	certificates := make(chan *reshare.Certificate, 1)
	if round == reshare.Confirm || round == reshare.Mask { // who leaves late finds that the others have finished
		r.seek(ctx, messages)
		go r.lookUp(ctx, certificates)
	}
	end := time.NewTimer(r.patience.Gather)
	defer end.Stop()
	gathered := false
	for ctx.Err() == nil {
		if q := r.senders(round); !gathered && q.N-len(seats) > q.T {
			gathered = true
			end.Reset(r.patience.Round * time.Duration(round.Patience()))
		}
		select {
		case h := <-messages:
			if err := r.hear(h); err != nil {
				return err
			}
		case c := <-certificates:
			if err := r.certify(c); err != nil {
				r.log.Warn("resharing: the certificate at hand is of no use", "seat", r.self, "error", err)
			}
		case <-end.C:
			if round == reshare.Confirm {
				r.reportOpen()
				continue
			}
			return r.hear(heard{round: round})
		case <-ctx.Done():
		}
		now, rest := r.awaits()
		if now != round {
			return nil
		}
		if len(rest) < len(seats) {
			r.report(round, rest)
		}
		seats = rest
	}
	return fmt.Errorf("resharing stopped in round %q; it goes on from there when it is started again: %w", round, ctx.Err())
}

// seek asks everybody for the certificate.
func (r *role) seek(ctx context.Context, out chan<- heard) {
	for _, role := range []reshare.Role{reshare.Old, reshare.New} {
		for id := range r.table.plan.Committee(role).Quorum().All().All() {
			if s := (reshare.Seat{Role: role, Party: id}); s != r.self {
				go r.fetch(ctx, reshare.Certified, s, out)
			}
		}
	}
}

// lookUp waits for the certificate to come by another way.
func (r *role) lookUp(ctx context.Context, out chan<- *reshare.Certificate) {
	for ctx.Err() == nil {
		if c := r.known(); c != nil {
			out <- c
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// senders is the quorum of those who speak in a round.
func (r *role) senders(round reshare.Round) threshold.Quorum {
	if round == reshare.Masked {
		return r.table.plan.Old.Quorum()
	}
	return r.table.plan.New.Quorum()
}

// hear makes durable what a machine is told before it is told. Confirmations and
// certificates decide nothing that others rely on, and are fetched again after a
// crash.
func (r *role) hear(h heard) error {
	if h.round == reshare.Certified {
		c, err := reshare.ParseCertificate(h.b)
		if err == nil {
			err = r.certify(c)
		}
		if err != nil {
			r.log.Warn("resharing: a member says a false certificate", "member", h.from, "error", err)
		}
		return nil
	}
	if h.round == reshare.Confirm {
		return r.apply(h)
	}
	record := h.record()
	err := r.journal.Append(record)
	clear(record)
	if err != nil {
		return err
	}
	if err := r.apply(h); err != nil {
		return err // it may have the message for evidence
	}
	h.wipe()
	return nil
}

// wipe forgets a message that the machine has taken in and that is for this member
// alone.
func (h heard) wipe() {
	if h.round == reshare.Open || h.round == reshare.Mask {
		clear(h.b)
	}
}

func (r *role) report(round reshare.Round, rest []reshare.Seat) {
	names := r.names(rest)
	r.log.Info("resharing", "seat", r.self, "round", round, "awaits", names)
	r.progress(fmt.Sprintf("%v: round %d of %d (%v), waiting for %s", r.self, round, reshare.Confirm, round, strings.Join(names, ", ")))
}

// reportOpen says what to do where not all confirm. The attempt goes on: a
// certificate may come about without this member.
func (r *role) reportOpen() {
	r.table.mu.Lock()
	names, notices, epoch := r.names(r.machine.Unconfirmed()), r.machine.Notices(), r.table.plan.New.Epoch.Number
	r.table.mu.Unlock()
	r.log.Warn("resharing: not all have confirmed", "seat", r.self, "awaits", names, "stopped", notices)
	why := ""
	for _, n := range notices {
		why += fmt.Sprintf("; %v", n)
	}
	r.progress(fmt.Sprintf("%v: without the word of all its members epoch %d does not begin, and %s did not confirm%s: mend them, this party goes on waiting; "+
		"or plan a committee with others in their place (party plan) and begin --attempt %d", r.self, epoch, strings.Join(names, ", "), why, r.table.plan.Attempt+1))
}

func (r *role) names(seats []reshare.Seat) []string {
	names := make([]string, len(seats))
	for i, s := range seats {
		names[i] = r.name(s)
	}
	return names
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
