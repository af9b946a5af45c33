package ceremony

import (
	"context"
	"sync"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/reshare"
)

// machine is a reshare.Giver or reshare.Receiver.
type machine interface {
	Awaits() (reshare.Round, []reshare.Seat)
	Receive(reshare.Round, threshold.PartyID, []byte) error
	Expire() error
	Say(reshare.Round, reshare.Seat) []byte
	MaxMessage(reshare.Round) int
	Blames() []reshare.Blame
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
	machines map[reshare.Role]machine
	changed  chan struct{} // closed when a machine has something new to say
}

// NewTable makes the table of a plan, with no machines.
func NewTable(p *reshare.Plan) (*Table, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	d, err := p.Digest()
	return &Table{plan: p, digest: d, machines: map[reshare.Role]machine{}, changed: make(chan struct{})}, err
}

// seat is the place of a certificate's holder in a committee.
func (t *Table) seat(r reshare.Role, f fhe.Digest) (reshare.Seat, bool) {
	id, ok := t.plan.Committee(r).PartyByTLS(f)
	return reshare.Seat{Role: r, Party: id}, ok
}

func (t *Table) place(r reshare.Role, m machine) {
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
	b, err := t.wait(ctx, reshare.Role(r.From), reshare.Round(r.Round), to)
	if err != nil {
		return nil, err
	}
	if r.Offset < 0 || r.Offset > len(b) {
		return nil, threshold.Faultf(threshold.BadRequest, "message has %d bytes, none at %d", len(b), r.Offset)
	}
	return &committee.FetchAnswer{Size: len(b), Piece: b[r.Offset:min(len(b), r.Offset+committee.MaxPiece)]}, nil
}

func (t *Table) wait(ctx context.Context, from reshare.Role, round reshare.Round, to reshare.Seat) ([]byte, error) {
	for {
		t.mu.Lock()
		var b []byte
		if m := t.machines[from]; m != nil {
			b = m.Say(round, to)
		}
		changed := t.changed
		t.mu.Unlock()
		if b != nil {
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, threshold.Faultf(threshold.NotReady, "nothing has been said in round %q as yet", round)
		}
	}
}
