package reshare

import (
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/shamir"
)

// Giver is an old member's part: it learns the masks of its shares, tells the
// masked shares to the new members, and waits until all of them confirm. It is
// not safe for concurrent use.
type Giver struct {
	table
	shares  []shamir.Element
	opened  uint64
	round   Round // Mask, then Confirm; 0 at the end
	wanted  threshold.PartySet
	heard   threshold.PartySet
	masks   map[fhe.Digest]map[threshold.PartyID][]shamir.Element // by session and new member
	said    []byte                                                // in round Masked
	session fhe.Digest

	confirms    map[threshold.PartyID]*message
	blames      []Blame
	ended       []Notice // heard in round Mask
	stopped     []Notice // in the present round
	notice      []byte   // of the failure
	failed      *Abort
	certificate *Certificate
	word        []byte // the certificate, as it is said
}

// NewGiver begins an attempt with the member's shares, which it keeps, and the
// number of openings that the member has counted. Taken up after a crash, an
// attempt must have the same ones.
func NewGiver(c Config, shares []shamir.Element, opened uint64) (*Giver, error) {
	t, err := c.table(Old)
	if err != nil {
		return nil, err
	}
	if len(shares) != c.Count {
		return nil, fmt.Errorf("%d shares of %d secrets", len(shares), c.Count)
	}
	return &Giver{
		table: t, shares: shares, opened: opened, round: Mask, wanted: t.plan.New.Quorum().All(),
		masks:    map[fhe.Digest]map[threshold.PartyID][]shamir.Element{},
		confirms: map[threshold.PartyID]*message{},
	}, nil
}

// Awaits is as a Receiver's.
func (g *Giver) Awaits() (Round, []Seat) {
	if g.failed != nil || g.round == 0 {
		return 0, nil
	}
	var seats []Seat
	for id := range (g.wanted &^ g.heard).All() {
		seats = append(seats, Seat{New, id})
	}
	return g.round, seats
}

// Say is as a Receiver's.
func (g *Giver) Say(round Round, to Seat) []byte {
	switch {
	case round == Certified:
		return g.word
	case round != Masked || to.Role != New:
		return nil
	case g.said == nil && g.failed != nil:
		return g.notice
	}
	return g.said
}

// Receive is as a Receiver's.
func (g *Giver) Receive(round Round, from threshold.PartyID, b []byte) error {
	if g.failed != nil {
		return g.failed
	}
	if round == 0 || round != g.round || !(g.wanted &^ g.heard).Has(from) {
		return nil
	}
	g.heard = g.heard.With(from)
	take := g.takeMask
	if round == Confirm {
		take = g.takeConfirm
	}
	if n, stops := g.readStop(Seat{New, from}, b); stops {
		g.stopped = append(g.stopped, n)
	} else if err := take(Seat{New, from}, b); err != nil {
		g.blames = append(g.blames, Blame{Seat: Seat{New, from}, Reason: "sent nonsense: " + err.Error()})
	}
	switch {
	case round == Confirm:
		return g.settle()
	case g.heard == g.wanted:
		return g.close()
	}
	return nil
}

// Expire is as a Receiver's.
func (g *Giver) Expire() error {
	if g.failed != nil {
		return g.failed
	}
	if g.round == 0 || g.round == Confirm {
		return nil
	}
	for id := range (g.wanted &^ g.heard).All() {
		g.blames = append(g.blames, Blame{Seat: Seat{New, id}, Reason: "is silent"})
	}
	return g.close()
}

func (g *Giver) close() error {
	if err := g.give(); err != nil {
		return g.fail()
	}
	return nil
}

func (g *Giver) fail() error {
	notices := g.Notices()
	g.failed = &Abort{Round: g.round, Blames: slices.Concat(g.blames, g.convicted(notices)), Notices: notices}
	g.notice = g.stop(g.session, g.failed)
	return g.failed
}

// takeMask: a new member's shares of the masks.
func (g *Giver) takeMask(from Seat, b []byte) error {
	m, err := g.read(Mask, from, g.self, b)
	if err != nil {
		return err
	}
	shares, err := shamir.ParseElements(m.body, g.count)
	if err != nil {
		return err
	}
	if g.masks[m.session] == nil {
		g.masks[m.session] = map[threshold.PartyID][]shamir.Element{}
	}
	g.masks[m.session][from.Party] = shares
	return nil
}

var errFewMasks = errors.New("too few new members agree on the masks")

// give opens the masks that 2t+1 new members agree on and tells the masked
// shares. Among those are t+1 honest ones, who say shares of fresh masks of one
// session; two sessions cannot both have as many.
func (g *Giver) give() error {
	session, ok := g.agreed()
	if !ok {
		return errFewMasks
	}
	masks, err := g.open(g.masks[session])
	if err != nil {
		return err
	}
	body := appendCount(nil, g.opened)
	for i, s := range g.shares {
		body = s.Add(masks[i]).Append(body)
	}
	g.session = session
	g.said = sign(g.key, g.digest, header{round: Masked, session: session, from: g.self}, body)
	g.round, g.heard, g.ended, g.stopped = Confirm, 0, g.stopped, nil
	clear(masks)
	g.forgetMasks()
	return nil
}

// agreed is the session of 2t+1 new members, and blames the others.
func (g *Giver) agreed() (session fhe.Digest, ok bool) {
	for s, shares := range g.masks {
		if len(shares) >= g.plan.New.Quorum().Agree() {
			session, ok = s, true
		}
	}
	for s, shares := range g.masks {
		if ok && s != session {
			for id := range shares {
				g.blames = append(g.blames, Blame{Seat: Seat{New, id}, Reason: "takes part in another session"})
			}
		}
	}
	return session, ok
}

func (g *Giver) open(shares map[threshold.PartyID][]shamir.Element) ([]shamir.Element, error) {
	o := shamir.NewOpening(g.plan.New.Quorum(), g.count)
	var err error
	for id := range g.wanted.All() {
		if shares[id] != nil && err == nil {
			err = o.Add(id, shares[id])
		}
	}
	g.blames = append(g.blames, blameAll(New, o.Liars(), "lied about the masks")...)
	if err == nil && o.Secrets() == nil {
		err = errFewMasks
	}
	return o.Secrets(), err
}

// takeConfirm: a new member's signature of the transcript.
func (g *Giver) takeConfirm(from Seat, b []byte) error {
	m, err := g.read(Confirm, from, Seat{}, b)
	switch {
	case err != nil:
		return err
	case m.session != g.session || len(m.body) != transcriptSize:
		return errors.New("it confirms another session")
	}
	g.confirms[from.Party] = m
	return nil
}

// settle makes the certificate when all have confirmed. The transcript that 2t+1
// members sign is the right one; who signs another is waited for no more than who
// is silent, but the others' certificate may come (Certify).
func (g *Giver) settle() error {
	q := g.plan.New.Quorum()
	if len(g.stopped) > q.T {
		return g.fail()
	}
	if len(g.confirms) < q.N {
		return nil
	}
	votes := map[fhe.Digest]threshold.PartySet{}
	signatures := map[threshold.PartyID]eip712.Signature{}
	var transcript fhe.Digest
	for id, m := range g.confirms {
		d := fhe.Digest(m.body)
		if votes[d] = votes[d].With(id); votes[d].Len() >= q.Agree() {
			transcript = d
		}
		signatures[id] = m.signature
	}
	for d, voters := range votes {
		if d != transcript {
			g.blames = append(g.blames, blameAll(New, voters, "signs another transcript")...)
			for id := range voters.All() {
				delete(g.confirms, id)
			}
		}
	}
	if c := g.certificateOf(g.session, transcript, signatures); c.Verify(g.plan.Old, g.plan.New) == nil {
		return g.finish(c)
	}
	return nil
}

// Blames names the members that did something wrong so far.
func (g *Giver) Blames() []Blame { return slices.Clone(g.blames) }

// Notices is as a Receiver's. Who stopped in round Mask says so again in Confirm.
func (g *Giver) Notices() []Notice {
	said := slices.Clone(g.stopped)
	for _, n := range g.ended {
		if !slices.ContainsFunc(said, func(o Notice) bool { return o.By == n.By }) {
			said = append(said, n)
		}
	}
	return said
}

// Stopped is as a Receiver's.
func (g *Giver) Stopped() []byte { return g.notice }

// Certificate is the new members' word in the end, nil before.
func (g *Giver) Certificate() *Certificate { return g.certificate }

// Wipe forgets the shares, and what masks them.
func (g *Giver) Wipe() {
	clear(g.shares)
	g.forgetMasks()
}

func (g *Giver) forgetMasks() {
	for _, session := range g.masks {
		for _, shares := range session {
			clear(shares)
		}
	}
	clear(g.masks)
}

// Format implements fmt.Formatter.
func (*Giver) Format(s fmt.State, _ rune) { threshold.Redact(s) }
