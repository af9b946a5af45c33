package ceremony

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/identity"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/reshare"
	"fhevm/threshold/shamir"
)

// meeting is all members of a resharing, in one process.
type meeting struct {
	t       testing.TB
	d       *lwetest.Dealt
	people  []*identity.Identity // the first four are the old committee
	lenders []*lender            // of them
	plan    *reshare.Plan
	dir     string
	// keeps says what a member does not say to another one.
	keeps func(from, to int, round reshare.Round) bool

	mu     sync.Mutex
	tables map[fhe.Digest]*Table // of members that are there
}

// newMeeting is for a refresh.
func newMeeting(t testing.TB, seed uint64) *meeting { return meetingOf(t, seed, 0) }

// meetingOf is for a resharing to four members, the first of whom is at an index of
// the people.
func meetingOf(t testing.TB, seed uint64, first int) *meeting {
	m := &meeting{
		t: t, d: lwetest.Deal(t, 4, seed), people: lwetest.Deal(t, 7, 1).Identities, dir: filepath.Join(t.TempDir(), `a [path\ of * what?`), tables: map[fhe.Digest]*Table{},
		keeps: func(int, int, reshare.Round) bool { return false },
	}
	for i, s := range m.d.Secrets {
		m.lenders = append(m.lenders, &lender{share: s.Share, count: uint64(10 + i), open: map[fhe.Digest]bool{}})
	}
	m.plan = m.planTo(first, 1)
	return m
}

func (m *meeting) planTo(first int, attempt uint32) *reshare.Plan {
	next := *m.d.Committee
	next.Epoch.Number++
	next.Members = nil
	for i := range 4 {
		next.Members = append(next.Members, m.people[first+i].Member(threshold.PartyID(i+1), fmt.Sprintf("127.0.0.1:%d", 9000+first+i)))
	}
	return &reshare.Plan{Old: m.d.Committee, New: &next, Attempt: attempt}
}

// lender hands on the same count in every attempt, and knows in which.
type lender struct {
	share *decrypt.Share
	count uint64
	open  map[fhe.Digest]bool
	fails error // of TakeBack
}

func (l *lender) Lend() *decrypt.Share { return l.share }

func (l *lender) HandOver(attempt fhe.Digest) (uint64, error) {
	l.open[attempt] = true
	return l.count, nil
}

func (l *lender) TakeBack(attempt fhe.Digest) error {
	if l.fails != nil {
		return l.fails
	}
	delete(l.open, attempt)
	return nil
}

// wantOpen demands in how many attempts a member's count is handed on.
func (m *meeting) wantOpen(i, want int) {
	m.t.Helper()
	if got := len(m.lenders[i].open); got != want {
		m.t.Errorf("member %d has handed on its count in %d attempts, want %d", i+1, got, want)
	}
}

// chair is a member as another one reaches it, if it is there.
type chair struct {
	m      *meeting
	to, by fhe.Digest
}

func (c chair) Fetch(ctx context.Context, r *committee.FetchRequest) (*committee.FetchAnswer, error) {
	c.m.mu.Lock()
	t := c.m.tables[c.to]
	c.m.mu.Unlock()
	if t == nil || c.m.keeps(c.m.index(c.to), c.m.index(c.by), reshare.Round(r.Round)) {
		return nil, errors.New("not there")
	}
	return t.Fetch(ctx, c.by, r)
}

func (m *meeting) index(f fhe.Digest) int {
	return slices.IndexFunc(m.people, func(i *identity.Identity) bool { return i.Fingerprint() == f })
}

func (m *meeting) folder(i int) string { return filepath.Join(m.dir, fmt.Sprint(i)) }

// config is what a member takes part with.
func (m *meeting) config(i int, patience Patience) Config {
	c := Config{Plan: m.plan, Identity: m.people[i], Dir: m.folder(i), Patience: patience}
	if i < len(m.lenders) {
		c.Lender = m.lenders[i]
	}
	return c
}

// open seats a member.
func (m *meeting) open(i int, patience Patience) (*Session, error) {
	return m.seat(i, m.config(i, patience))
}

func (m *meeting) seat(i int, c Config) (*Session, error) {
	s, err := Open(c)
	if err == nil {
		m.mu.Lock()
		m.tables[m.people[i].Fingerprint()] = s.Table
		m.mu.Unlock()
		m.t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// openAll seats members that wait without end.
func (m *meeting) openAll(members ...int) map[int]*Session {
	m.t.Helper()
	sessions := map[int]*Session{}
	for _, i := range members {
		s, err := m.open(i, Patience{})
		if err != nil {
			m.t.Fatal(err)
		}
		sessions[i] = s
	}
	return sessions
}

func closeAll(sessions map[int]*Session) {
	for _, s := range sessions {
		s.Close()
	}
}

// run has a member take part to the end.
func (m *meeting) run(ctx context.Context, i int, s *Session) (*Outcome, error) {
	peers := map[fhe.Digest]Peer{}
	for _, other := range m.people {
		if other != m.people[i] {
			peers[other.Fingerprint()] = chair{m, other.Fingerprint(), m.people[i].Fingerprint()}
		}
	}
	return s.Run(ctx, peers)
}

// together runs some members to the end.
func (m *meeting) together(ctx context.Context, sessions map[int]*Session) (map[int]*Outcome, map[int]error) {
	outcomes, errs := map[int]*Outcome{}, map[int]error{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, s := range sessions {
		wg.Go(func() {
			out, err := m.run(ctx, i, s)
			mu.Lock()
			defer mu.Unlock()
			outcomes[i], errs[i] = out, err
		})
	}
	wg.Wait()
	return outcomes, errs
}

func (m *meeting) wantDecrypts(outcomes map[int]*Outcome) {
	m.t.Helper()
	value := uint256.NewInt(0xabcdef)
	blocks := lwetest.Value(rand.New(rand.NewPCG(3, 3)), m.d.Bits, fhe.Uint32, value)
	c := decrypt.NewCombiner(m.d.Margin, []fhe.Type{fhe.Uint32})
	for i, out := range outcomes {
		if err := out.Certificate.Verify(m.plan.Old, m.plan.New); err != nil {
			m.t.Error(err)
		}
		if out.Secret == nil {
			continue
		}
		m.wantCount(i, out.Secret.Opened)
		m.addPartials(c, out.Secret, blocks)
	}
	if got, err := c.Values(); err != nil || !got[0].Eq(value) || c.Liars() != 0 {
		m.t.Errorf("new shares decrypt to %v: %v, liars %v", got, err, c.Liars())
	}
}

// wantCount: a member begins with the second largest count, or with its own if that
// is larger.
func (m *meeting) wantCount(i int, got uint64) {
	m.t.Helper()
	want := uint64(12)
	if i < len(m.lenders) {
		want = max(want, m.lenders[i].count)
	}
	if got != want {
		m.t.Errorf("member %d begins with %d openings, want %d", i+1, got, want)
	}
}

func (m *meeting) addPartials(c *decrypt.Combiner, s *dealer.Secret, blocks []*squash.Ciphertext) {
	m.t.Helper()
	key, err := s.Key()
	if err != nil {
		m.t.Fatal(err)
	}
	var shares []shamir.Element
	for _, p := range key.Partials(decrypt.NewBlocks(blocks)) {
		shares = append(shares, p.Share)
	}
	if err := c.Add(s.Party, shares); err != nil {
		m.t.Fatal(err)
	}
}
