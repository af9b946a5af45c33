package ceremony

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

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
	Dir      string // of the member's journals of this attempt
	// Share is the share of an old member, which is only read, and HandOver the
	// count that it hands on (committee.Party.HandOver).
	Share    *decrypt.Share
	HandOver func() (uint64, error)
	Patience Patience     // optional: an hour, a minute
	Log      *slog.Logger // optional: silence
	Progress func(string) // optional: told who is waited for, for people
}

// Session is a member's part in an attempt: one role or both.
type Session struct {
	cfg   Config
	Table *Table
	roles []*role
}

// Outcome is what a member has in the end.
type Outcome struct {
	Certificate *reshare.Certificate
	Secret      *dealer.Secret // of a new member
}

// Open begins an attempt, or takes it up where a journal says that the member
// was. It refuses an attempt that is over.
func Open(cfg Config) (s *Session, err error) {
	cfg.setDefaults()
	table, err := NewTable(cfg.Plan)
	if err != nil {
		return nil, err
	}
	if why, err := os.ReadFile(cfg.over()); err == nil {
		return nil, fmt.Errorf("attempt %d at epoch %d is over: %s", cfg.Plan.Attempt, cfg.Plan.New.Epoch.Number, why)
	}
	s = &Session{cfg: cfg, Table: table}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, r := range []reshare.Role{reshare.Old, reshare.New} {
		if seat, ok := table.seat(r, cfg.Identity.Fingerprint()); ok {
			if err := s.take(seat); err != nil {
				return s, err
			}
		}
	}
	if len(s.roles) == 0 {
		return s, errors.New("this identity is in neither committee")
	}
	return s, nil
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Patience.Gather == 0 {
		c.Patience.Gather = time.Hour
	}
	if c.Patience.Round == 0 {
		c.Patience.Round = time.Minute
	}
}

func (c *Config) over() string { return filepath.Join(c.Dir, "over") }

func (c *Config) journal(r reshare.Role) string { return filepath.Join(c.Dir, r.String()+".journal") }

// take opens a role's journal and brings its machine to where it was. The first
// record is what the machine begins with.
func (s *Session) take(seat reshare.Seat) error {
	journal, records, err := OpenJournal(s.cfg.journal(seat.Role), s.cfg.Identity.Age)
	if err != nil {
		return err
	}
	r := &role{
		table: s.Table, self: seat, journal: journal, patience: s.cfg.Patience, log: s.cfg.Log, progress: s.cfg.Progress,
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
	s.Table.place(seat.Role, r.machine)
	return r.replay(records[1:])
}

// begin draws or counts what a machine begins with.
func (s *Session) begin(r reshare.Role) ([]byte, error) {
	if r == reshare.Old {
		if s.cfg.HandOver == nil {
			return nil, errors.New("an old member needs its records")
		}
		n, err := s.cfg.HandOver()
		return binary.BigEndian.AppendUint64(nil, n), err
	}
	seed := make([]byte, reshare.SeedSize)
	_, err := rand.Read(seed)
	return seed, err
}

func (s *Session) machine(seat reshare.Seat, first []byte) (machine, error) {
	c := reshare.Config{Plan: s.cfg.Plan, Party: seat.Party, Key: s.cfg.Identity.Signer, Count: squash.Dim}
	switch {
	case seat.Role == reshare.Old && len(first) == 8 && s.cfg.Share != nil:
		return reshare.NewGiver(c, s.cfg.Share.Elements(), binary.BigEndian.Uint64(first))
	case seat.Role == reshare.New && len(first) == reshare.SeedSize:
		return reshare.NewReceiver(c, [reshare.SeedSize]byte(first))
	}
	return nil, fmt.Errorf("cannot begin as %v: its share is missing, or the journal is not of this role", seat)
}

// Run takes part until the member has what it is to have. The table goes on
// serving others until Close. An attempt that ends with a *reshare.Abort before
// anything was confirmed is over for good; any other can be taken up again.
func (s *Session) Run(ctx context.Context, peers map[fhe.Digest]Peer) (*Outcome, error) {
	all := map[fhe.Digest]Peer{s.cfg.Identity.Fingerprint(): local{s.Table, s.cfg.Identity.Fingerprint()}}
	for f, p := range peers {
		all[f] = p
	}
	var roles sync.WaitGroup
	for _, r := range s.roles {
		r.peers = all
		roles.Go(func() { r.err = r.run(ctx) })
	}
	roles.Wait()
	// The new role comes last. It is the one that counts: a member whose shares are
	// not used gets new ones all the same.
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

// bury erases the journals of an attempt that is over, and leaves a note why, so
// that the member never says anything else in it.
func (s *Session) bury(err error) error {
	var abort *reshare.Abort
	if !errors.As(err, &abort) {
		return err
	}
	if abort.Round == reshare.Confirm {
		return fmt.Errorf("%w: shares of the new epoch are there but not all have confirmed: run this attempt again", err)
	}
	if err := os.WriteFile(s.cfg.over(), []byte(abort.Error()), 0o600); err != nil {
		return errors.Join(abort, err)
	}
	for _, r := range s.roles {
		if erased := Erase(s.cfg.journal(r.self.Role)); erased != nil {
			return errors.Join(abort, erased)
		}
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
			out.Secret = &dealer.Secret{Party: r.self.Party, Committee: s.cfg.Plan.New, Keys: slices.Clone(result.Keys), Share: share, Opened: result.Opened}
		}
	}
	return out, nil
}

// Close forgets what the machines know and closes the journals, which stay.
func (s *Session) Close() error {
	var errs []error
	for _, r := range s.roles {
		if r.machine != nil {
			s.Table.do(r.machine.Wipe)
		}
		errs = append(errs, r.journal.Close())
	}
	return errors.Join(errs...)
}

// Forget erases the journals in a folder, when the epoch that they led to is in
// force.
func Forget(dir string) error {
	for _, r := range []reshare.Role{reshare.Old, reshare.New} {
		c := Config{Dir: dir}
		if err := Erase(c.journal(r)); err != nil {
			return err
		}
	}
	return nil
}
