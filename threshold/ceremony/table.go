package ceremony

import (
	"context"
	"slices"
	"sync"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/reshare"
)

// speaker says what a member says in a round to another one, nil if nothing so far.
type speaker interface {
	Say(reshare.Round, reshare.Seat) []byte
}

// stopped is what a member says in all rounds of an attempt that is over.
type stopped []byte

// Say implements speaker.
func (s stopped) Say(round reshare.Round, _ reshare.Seat) []byte {
	if round == reshare.Certified {
		return nil
	}
	return s
}

// machine is a reshare.Giver or reshare.Receiver.
type machine interface {
	speaker
	Awaits() (reshare.Round, []reshare.Seat)
	Receive(reshare.Round, threshold.PartyID, []byte) error
	Expire() error
	MaxMessage(reshare.Round) int
	Blames() []reshare.Blame
	Notices() []reshare.Notice
	Stopped() []byte
	Certify(*reshare.Certificate) error
	Committed() bool
	Unconfirmed() []reshare.Seat
	Wipe()
}

// Table is where a member's machines lay out what they say. It implements
// committee.Meeting, and is safe for concurrent use.
type Table struct {
	plan   *reshare.Plan
	digest fhe.Digest

	mu       sync.Mutex
	machines map[reshare.Role]speaker
	changed  chan struct{} // closed when a machine has something new to say
}

// NewTable makes the table of a plan, with no machines.
func NewTable(p *reshare.Plan) (*Table, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	d, err := p.Digest()
	return &Table{plan: p, digest: d, machines: map[reshare.Role]speaker{}, changed: make(chan struct{})}, err
}

// seat is the place of a certificate's holder in a committee.
func (t *Table) seat(r reshare.Role, f fhe.Digest) (reshare.Seat, bool) {
	id, ok := t.plan.Committee(r).PartyByTLS(f)
	return reshare.Seat{Role: r, Party: id}, ok
}

func (t *Table) place(r reshare.Role, m speaker) {
	t.do(func() { t.machines[r] = m })
}

// do changes something on the table and wakes who waits for it.
func (t *Table) do(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	close(t.changed)
	t.changed = make(chan struct{})
}

// patience is how long a fetch waits for what has not been said so far.
const patience = 5 * time.Second

// Fetch implements committee.Meeting. Who asks is who holds the certificate, so
// that what one member alone may hear reaches nobody else.
func (t *Table) Fetch(ctx context.Context, caller fhe.Digest, r *committee.FetchRequest) (*committee.FetchAnswer, error) {
	if r.Plan != t.digest {
		return nil, threshold.Faultf(threshold.NotReady, "this party takes part in another resharing or attempt: committees and --attempt must be the same for all")
	}
	to, ok := t.seat(reshare.Role(r.To), caller)
	if !ok || (r.To != uint8(reshare.Old) && r.To != uint8(reshare.New)) {
		return nil, threshold.Faultf(threshold.NotMember, "the caller has no such role in this resharing")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a, changed, err := t.piece(r, to)
		if a != nil || err != nil {
			return a, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, threshold.Faultf(threshold.NotReady, "nothing has been said in round %q as yet", reshare.Round(r.Round))
		}
	}
}

// piece copies a piece of what is said, nil if it has not come so far: the machine may
// wipe its own.
func (t *Table) piece(r *committee.FetchRequest, to reshare.Seat) (a *committee.FetchAnswer, changed <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.machines[reshare.Role(r.From)]
	if m == nil {
		return nil, t.changed, nil
	}
	b := m.Say(reshare.Round(r.Round), to)
	if b == nil {
		return nil, t.changed, nil
	}
	if r.Offset < 0 || r.Offset > len(b) {
		return nil, nil, threshold.Faultf(threshold.BadRequest, "message has %d bytes, none at %d", len(b), r.Offset)
	}
	return &committee.FetchAnswer{Size: len(b), Piece: slices.Clone(b[r.Offset:min(len(b), r.Offset+committee.MaxPiece)])}, nil, nil
}
