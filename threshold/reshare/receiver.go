package reshare

import (
	"crypto/sha3"
	"errors"
	"fmt"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/agree"
	"fhevm/threshold/eip712"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// SeedSize is the size of the randomness of a Receiver.
const SeedSize = 32

// Config is what a member brings along.
type Config struct {
	Plan  *Plan
	Party threshold.PartyID     // its place in its committee
	Key   *secp256k1.PrivateKey // with which it signs
	Count int                   // number of secrets that are shared
}

func (c *Config) table(r Role) (table, error) {
	t := table{plan: c.Plan, self: Seat{r, c.Party}, key: c.Key, count: c.Count}
	if err := c.Plan.Check(); err != nil {
		return t, err
	}
	if _, err := c.Plan.Member(t.self); err != nil {
		return t, err
	}
	if c.Count < 1 {
		return t, fmt.Errorf("%d secrets to share", c.Count)
	}
	var err error
	t.digest, err = c.Plan.Digest()
	return t, err
}

// Result is what a new member has in the end. It prints as "[secret]".
type Result struct {
	Shares      []shamir.Element
	Keys        []prss.Key // of the new epoch, in the order of prss.SetsOf
	Opened      uint64     // openings of the key that the old epoch has counted
	Certificate *Certificate
}

// Format implements fmt.Formatter.
func (*Result) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// Receiver is a new member's part. It is not safe for concurrent use.
type Receiver struct {
	table
	inbox
	round  Round // whose messages it awaits; 0 at the end
	failed *Abort
	notice []byte // of the failure
	blames []Blame
	ended  []Notice // heard in earlier rounds
	said   map[Round]map[Seat][]byte

	agreement   *agree.Agreement
	commits     []statement                      // of the new members
	commitments [threshold.MaxParties + 1][]byte // the messages themselves
	session     fhe.Digest
	masks       [threshold.MaxParties + 1][]shamir.Element // own shares of the masks of each old member
	masked      [threshold.MaxParties + 1]*message         // of each old member
	echoes      []statement                                // of the new members
	listed      [threshold.MaxParties + 1]threshold.PartySet
	stated      [threshold.MaxParties + 1]statement        // of the old members' messages, as echoed
	used        threshold.PartySet                         // old members whose shares are used
	opening     *shamir.Opening                            // of the old shares' syndromes
	syndromes   [threshold.MaxParties + 1][]shamir.Element // shares of them, of each new member
	confirms    map[threshold.PartyID]eip712.Signature
	result      *Result
	word        []byte // the certificate, as it is said
}

// inbox is what has come in of the present round.
type inbox struct {
	from    Role
	wanted  threshold.PartySet
	heard   threshold.PartySet
	broken  []Blame // of those who sent something else than a message
	stopped []Notice
}

// NewReceiver begins an attempt with randomness that must be fresh, and that
// must be the same if the attempt is taken up after a crash. The receiver
// awaits round Commit.
func NewReceiver(c Config, seed [SeedSize]byte) (*Receiver, error) {
	t, err := c.table(New)
	if err != nil {
		return nil, err
	}
	r := &Receiver{table: t, said: map[Round]map[Seat][]byte{}}
	if r.agreement, err = agree.New(r.next(), c.Party, t.digest, expand(seed)); err != nil {
		return nil, err
	}
	r.commits, r.echoes = make([]statement, r.next().N), make([]statement, r.next().N)
	r.confirms = map[threshold.PartyID]eip712.Signature{}
	r.tell(Commit, Seat{}, r.agreement.Commitments())
	return r, r.enter(Commit)
}

func expand(seed [SeedSize]byte) *sha3.SHAKE {
	h := sha3.NewSHAKE256()
	h.Write([]byte("fhevm reshare seed"))
	h.Write(seed[:])
	return h
}

func (r *Receiver) old() threshold.Quorum  { return r.plan.Old.Quorum() }
func (r *Receiver) next() threshold.Quorum { return r.plan.New.Quorum() }

// tell signs what the receiver says in a round to one member, or to all.
func (r *Receiver) tell(round Round, to Seat, body []byte) {
	if r.said[round] == nil {
		r.said[round] = map[Seat][]byte{}
	}
	r.said[round][to] = sign(r.key, r.digest, header{round, r.session, r.self, to}, body)
}

// Say returns what the receiver says to a member in a round, nil if it has not
// come so far. Before it is handed out, whatever was received before must be
// durable, or the same message could not be said again after a crash.
func (r *Receiver) Say(round Round, to Seat) []byte {
	if round == Certified {
		return r.word
	}
	if b := r.said[round][Seat{}]; b != nil && (to.Role == New || round == Commit || round == Confirm) {
		return b
	}
	if b := r.said[round][to]; b != nil || r.failed == nil {
		return b
	}
	return r.notice
}

// step is what a round demands of its senders, and how it ends. Confirm ends in
// another way (settle).
type step struct {
	from  Role
	spare func(*Receiver) int // how many of them may be silent or send nonsense
	read  func(*Receiver, *message) error
	close func(*Receiver) error
}

func none(*Receiver) int { return 0 }

var steps map[Round]step

func init() {
	steps = map[Round]step{
		Commit:  {New, none, (*Receiver).readCommit, (*Receiver).closeCommit},
		Open:    {New, none, (*Receiver).readOpen, (*Receiver).closeOpen},
		Masked:  {Old, func(r *Receiver) int { return r.old().T }, (*Receiver).readMasked, (*Receiver).closeMasked},
		Echo:    {New, none, (*Receiver).readEcho, (*Receiver).closeEcho},
		Fill:    {New, none, (*Receiver).readFill, (*Receiver).closeFill},
		Check:   {New, func(r *Receiver) int { return r.next().T }, (*Receiver).readCheck, (*Receiver).closeCheck},
		Confirm: {from: New, read: (*Receiver).readConfirm},
	}
}

// enter begins to await a round's messages, with the receiver's own.
func (r *Receiver) enter(round Round) error {
	s := steps[round]
	r.round, r.inbox = round, inbox{from: s.from, wanted: r.plan.Committee(s.from).Quorum().All()}
	if s.from != New {
		return nil
	}
	return r.Receive(round, r.self.Party, r.Say(round, r.self))
}

// Awaits returns the round whose messages the receiver awaits, and of whom;
// round 0 at the end.
func (r *Receiver) Awaits() (Round, []Seat) {
	if r.failed != nil || r.round == 0 {
		return 0, nil
	}
	var seats []Seat
	for id := range (r.wanted &^ r.heard).All() {
		seats = append(seats, Seat{r.from, id})
	}
	return r.round, seats
}

// Receive takes in what a member, known by its connection, said in a round.
// What is not awaited is ignored. It fails with an *Abort, at this call and all
// later ones, if the attempt is over.
func (r *Receiver) Receive(round Round, from threshold.PartyID, b []byte) error {
	if r.failed != nil {
		return r.failed
	}
	if round == 0 || round != r.round || !(r.wanted &^ r.heard).Has(from) {
		return nil
	}
	sender := Seat{r.from, from}
	r.heard = r.heard.With(from)
	if n, stops := r.readStop(sender, b); stops {
		r.stopped = append(r.stopped, n)
	} else if err := r.take(round, sender, b); err != nil {
		var abort *Abort
		if errors.As(err, &abort) {
			return r.abort(abort)
		}
		r.broken = append(r.broken, Blame{Seat: sender, Reason: "sent nonsense: " + err.Error()})
	}
	switch {
	case round == Confirm:
		return r.settle()
	case r.heard == r.wanted || r.hopeless(len(r.broken)):
		return r.close()
	}
	return nil
}

func (r *Receiver) take(round Round, sender Seat, b []byte) error {
	to := r.self
	if round == Commit || round == Masked || round == Echo || round == Check || round == Confirm {
		to = Seat{}
	}
	m, err := r.read(round, sender, to, b)
	if err != nil {
		return err
	}
	// What is in Check depends on what its sender was told before, and the
	// length of Fill on what it has.
	if want := r.bodySize(round, sender.Party, to.Party, 0); len(m.body) != want && round != Fill && round != Check {
		return fmt.Errorf("message has %d bytes, want %d", len(m.body), want)
	}
	// The members compare notes in round Open, which says who is to blame if their
	// sessions differ.
	if m.session != r.session && round != Open {
		return errors.New("message is of another session")
	}
	return steps[round].read(r, m)
}

// Expire says that the time of the present round is over: whoever was not
// heard is silent. Round Confirm has no such end.
func (r *Receiver) Expire() error {
	if r.failed != nil {
		return r.failed
	}
	if r.round == 0 || r.round == Confirm {
		return nil
	}
	return r.close()
}

// hopeless reports whether a round has more faults than it can do with. A new member
// that has stopped is no fault to do without: it never confirms, so that all others
// would confirm in vain.
func (r *Receiver) hopeless(faults int) bool {
	return faults+len(r.stopped) > steps[r.round].spare(r) || (r.from == New && len(r.stopped) > 0)
}

// close ends the present round, with whoever was heard.
func (r *Receiver) close() error {
	faults := slices.Clone(r.broken)
	if !r.hopeless(len(faults)) {
		for id := range (r.wanted &^ r.heard).All() {
			faults = append(faults, Blame{Seat: Seat{r.from, id}, Reason: "is silent"})
		}
	}
	if r.hopeless(len(faults)) {
		return r.abort(&Abort{Blames: faults})
	}
	r.blames, r.ended = append(r.blames, faults...), append(r.ended, r.stopped...)
	r.stopped = nil
	if err := steps[r.round].close(r); err != nil {
		var abort *Abort
		if errors.As(err, &abort) {
			return r.abort(abort)
		}
		return err
	}
	return nil
}

func (r *Receiver) abort(a *Abort) error {
	a.Round, a.Notices = r.round, r.Notices()
	a.Blames = slices.Concat(a.Blames, r.convicted(a.Notices), r.blames)
	r.failed, r.notice = a, r.stop(r.session, a)
	return a
}

// Blames names the members that did something wrong so far, whether or not the
// attempt goes on.
func (r *Receiver) Blames() []Blame { return slices.Concat(r.blames, r.broken) }

// Notices are those of the members that said so far that their attempts are over.
func (r *Receiver) Notices() []Notice { return slices.Concat(r.ended, r.stopped) }

// Stopped is what the member says once its attempt is over, nil before.
func (r *Receiver) Stopped() []byte { return r.notice }

// Result is what the member has in the end, nil before.
func (r *Receiver) Result() *Result {
	if r.round != 0 || r.failed != nil {
		return nil
	}
	return r.result
}

// Wipe forgets all secrets of the attempt, the result's among them.
func (r *Receiver) Wipe() {
	r.agreement.Wipe()
	for _, m := range r.masks {
		clear(m)
	}
	if r.result != nil {
		clear(r.result.Shares)
		clear(r.result.Keys)
	}
	for _, round := range []Round{Open, Mask} {
		for _, b := range r.said[round] {
			clear(b)
		}
		clear(r.said[round])
	}
}

// Format implements fmt.Formatter.
func (*Receiver) Format(s fmt.State, _ rune) { threshold.Redact(s) }
