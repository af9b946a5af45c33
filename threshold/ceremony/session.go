package ceremony

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/identity"
	"fhevm/threshold/reshare"
)

// Config says what a member takes part with. Optional fields have defaults.
type Config struct {
	Plan     *reshare.Plan
	Identity *identity.Identity
	Dir      string // of what the member keeps of all attempts at the new epoch
	// Lender is the old member's party. Without one its share is lost, and it takes
	// part as a new member only.
	Lender Lender
	// Certificate is the new members' word where others brought it, nil while nobody
	// has. It is asked again and again. Optional.
	Certificate func() *reshare.Certificate
	Patience    Patience     // optional: an hour, a minute
	Log         *slog.Logger // optional: silence
	Progress    func(string) // optional: told who is waited for, for people
}

// Lender is who hands on a share (committee.Party).
type Lender interface {
	// Lend returns the share, which is only read.
	Lend() *decrypt.Share
	// HandOver returns the count that goes with it in an attempt, and TakeBack is told
	// that no epoch can come of that attempt any more that counts from it.
	HandOver(attempt fhe.Digest) (uint64, error)
	TakeBack(attempt fhe.Digest) error
}

// Session is a member's part in an attempt: one role or both.
type Session struct {
	cfg     Config
	Table   *Table
	attempt *attempt
	unlock  io.Closer
	roles   []*role
	closing sync.Once
	handed  uint64 // by the old member
}

// Outcome is what a member has in the end.
type Outcome struct {
	Certificate *reshare.Certificate
	Secret      *dealer.Secret // of a new member
}

// Open begins an attempt, or takes it up where a journal says that the member
// was. It refuses any beside one that the member has confirmed with the same new
// members. Beginning one ends those before it. Of an attempt that is over there is a
// table that tells the others so, and Run fails with ErrOver; it is refused if this
// member had nothing to tell.
func Open(cfg Config) (s *Session, err error) {
	cfg.setDefaults()
	table, err := NewTable(cfg.Plan)
	if err != nil {
		return nil, err
	}
	s = &Session{cfg: cfg, Table: table}
	seats, err := s.seats()
	if err != nil {
		return nil, err
	}
	if s.attempt, s.unlock, err = s.cfg.enter(); err != nil {
		return nil, err
	}
	if s.attempt.over != nil {
		if err := s.layOutStops(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	for _, seat := range seats {
		if err := s.take(seat); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.recount(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// layOutStops puts on the table what the member said when the attempt was over.
func (s *Session) layOutStops() error {
	for _, r := range []reshare.Role{reshare.Old, reshare.New} {
		if !s.attempt.has(stopNote(r)) {
			continue
		}
		b, err := disk.ReadFile(filepath.Join(s.attempt.dir, stopNote(r)), maxRecord)
		if err != nil {
			return err
		}
		s.Table.place(r, stopped(b))
	}
	return nil
}

// recount reads what this member handed on before it was without its old share.
func (s *Session) recount() error {
	if s.cfg.Lender != nil || !s.attempt.hasJournal(reshare.Old) {
		return nil
	}
	journal, records, err := OpenJournal(s.attempt.journal(reshare.Old), s.cfg.Identity.Age)
	if err != nil {
		return err
	}
	if len(records) > 0 && len(records[0]) == 8 {
		s.handed = binary.BigEndian.Uint64(records[0])
	}
	return journal.Close()
}

// seats are the member's places in both committees.
func (s *Session) seats() (out []reshare.Seat, err error) {
	old, gives := s.Table.seat(reshare.Old, s.cfg.Identity.Fingerprint())
	next, receives := s.Table.seat(reshare.New, s.cfg.Identity.Fingerprint())
	switch {
	case gives && s.cfg.Lender != nil:
		out = append(out, old)
	case gives && receives:
		s.cfg.Log.Warn("resharing: without a share, as a new member only", "seat", old)
		s.cfg.Progress(fmt.Sprintf("the share of %v of epoch %d is missing: it takes part as %v only, and counts as one of the up to %d old members that may be silent",
			old, s.cfg.Plan.Old.Epoch.Number, next, s.cfg.Plan.Old.Quorum().T))
	case gives:
		return nil, fmt.Errorf("the share of %v of epoch %d, which it is to hand on, is missing: up to %d old members may be left out",
			old, s.cfg.Plan.Old.Epoch.Number, s.cfg.Plan.Old.Quorum().T)
	case !receives:
		return nil, errors.New("this identity is in neither committee")
	}
	if receives {
		out = append(out, next)
	}
	return out, nil
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Certificate == nil {
		c.Certificate = func() *reshare.Certificate { return nil }
	}
	if c.Patience.Gather == 0 {
		c.Patience.Gather = time.Hour
	}
	if c.Patience.Round == 0 {
		c.Patience.Round = time.Minute
	}
}

// take opens a role's journal and brings its machine to where it was. The first
// record is what the machine begins with.
func (s *Session) take(seat reshare.Seat) error {
	journal, records, err := OpenJournal(s.attempt.journal(seat.Role), s.cfg.Identity.Age)
	if err != nil {
		return err
	}
	r := &role{
		table: s.Table, self: seat, journal: journal, patience: s.cfg.Patience, log: s.cfg.Log, progress: s.cfg.Progress,
		attempt: s.attempt, known: s.cfg.Certificate,
	}
	s.roles = append(s.roles, r)
	if len(records) == 0 {
		first, err := s.begin(seat.Role)
		if err != nil {
			return err
		}
		if err := journal.Append(first); err != nil {
			return err
		}
		records = [][]byte{first}
	}
	if r.machine, err = s.machine(seat, records[0]); err != nil {
		return err
	}
	clear(records[0])
	s.Table.place(seat.Role, r.machine)
	if err := r.replay(records[1:]); err != nil || r.err != nil {
		return err
	}
	if c := s.cfg.Certificate(); c != nil {
		return r.certify(c)
	}
	return nil
}

// begin draws or counts what a machine begins with.
func (s *Session) begin(r reshare.Role) ([]byte, error) {
	if r == reshare.Old {
		n, err := s.cfg.Lender.HandOver(s.attempt.plan.Plan)
		return binary.BigEndian.AppendUint64(nil, n), err
	}
	if s.attempt.has(confirmedNote) || s.cfg.Certificate() != nil {
		return nil, errLost
	}
	seed := make([]byte, reshare.SeedSize)
	_, err := rand.Read(seed)
	return seed, err
}

// errLost keeps a member from beginning again what it has confirmed.
var errLost = errors.New("this party has confirmed the attempt, and the journal that leads to its share is gone: it can only be replaced by the next resharing")

func (s *Session) machine(seat reshare.Seat, first []byte) (machine, error) {
	c := reshare.Config{Plan: s.cfg.Plan, Party: seat.Party, Key: s.cfg.Identity.Signer, Count: squash.Dim}
	switch {
	case seat.Role == reshare.Old && len(first) == 8:
		s.handed = binary.BigEndian.Uint64(first)
		return reshare.NewGiver(c, s.cfg.Lender.Lend().Elements(), s.handed)
	case seat.Role == reshare.New && len(first) == reshare.SeedSize:
		return reshare.NewReceiver(c, [reshare.SeedSize]byte(first))
	}
	return nil, fmt.Errorf("cannot begin as %v: the journal is not of this role", seat)
}

// Run takes part until the member has what it is to have. The table goes on
// serving others, also after Close. An attempt that ends with a *reshare.Abort is
// over for good; any other can be taken up again.
func (s *Session) Run(ctx context.Context, peers map[fhe.Digest]Peer) (*Outcome, error) {
	if s.attempt.over != nil {
		return nil, s.attempt.over
	}
	all := map[fhe.Digest]Peer{s.cfg.Identity.Fingerprint(): local{s.Table, s.cfg.Identity.Fingerprint()}}
	for f, p := range peers {
		all[f] = p
	}
	// The new role comes last. It is the one that counts: a member whose shares are
	// not used gets new ones all the same, and without it there is no certificate.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var roles sync.WaitGroup
	for _, r := range s.roles {
		r.peers = all
		roles.Go(func() {
			if r.err = r.run(ctx); r.self.Role == reshare.New {
				cancel()
			}
		})
	}
	roles.Wait()
	if err := s.roles[len(s.roles)-1].err; err != nil {
		return nil, s.bury(err)
	}
	return s.outcome()
}

// local is the member itself as a peer.
type local struct {
	table *Table
	self  fhe.Digest
}

func (l local) Fetch(ctx context.Context, r *committee.FetchRequest) (*committee.FetchAnswer, error) {
	return l.table.Fetch(ctx, l.self, r)
}

// bury ends an attempt that is over. What it says of that stays: others may need it to
// know that theirs is over too.
func (s *Session) bury(err error) error {
	var abort *reshare.Abort
	if !errors.As(err, &abort) {
		return err
	}
	for _, r := range s.roles {
		if b := r.machine.Stopped(); b != nil {
			if err := s.attempt.note(stopNote(r.self.Role), b); err != nil {
				return errors.Join(abort, err)
			}
		}
	}
	if err := s.cfg.end(s.attempt, abort.Error()); err != nil {
		return errors.Join(abort, err)
	}
	return fmt.Errorf("%w: the old epoch stays in force; once that is mended, run --attempt %d on every member", err, s.cfg.Plan.Attempt+1)
}

func (s *Session) outcome() (*Outcome, error) {
	out := &Outcome{}
	for _, r := range s.roles {
		for _, b := range r.machine.Blames() {
			s.cfg.Log.Warn("resharing: a member was wrong or silent", "member", b.Seat, "reason", b.Reason)
			s.cfg.Progress("in spite of a fault: " + b.String())
		}
		switch m := r.machine.(type) {
		case *reshare.Giver:
			out.Certificate = m.Certificate() // nil if it failed: there is a receiver then
		case *reshare.Receiver:
			result := m.Result()
			share, err := decrypt.NewShare(result.Shares)
			if err != nil {
				return nil, err
			}
			out.Certificate = result.Certificate
			out.Secret = &dealer.Secret{
				Party: r.self.Party, Committee: s.cfg.Plan.New, Keys: slices.Clone(result.Keys), Share: share,
				Opened: max(result.Opened, s.handed), // what this party counted itself may be more than the others did
			}
		}
	}
	return out, nil
}

// Close forgets what the machines know and closes the journals, which stay. It must
// follow the end of Run, and may be repeated.
func (s *Session) Close() (err error) {
	s.closing.Do(func() {
		for _, r := range s.roles {
			if r.machine != nil {
				s.Table.do(r.machine.Wipe)
			}
			err = errors.Join(err, r.journal.Close())
		}
		err = errors.Join(err, s.unlock.Close())
	})
	return err
}
