package node

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/reshare"

	"golang.org/x/sync/errgroup"
)

// table is a member as others in this process reach it.
type table struct {
	*ceremony.Table
	by fhe.Digest
}

func (p table) Fetch(ctx context.Context, r *committee.FetchRequest) (*committee.FetchAnswer, error) {
	return p.Table.Fetch(ctx, p.by, r)
}

// heldShare hands on a share with a count.
type heldShare struct {
	share *decrypt.Share
	count uint64
}

func (h heldShare) Lend() *decrypt.Share                { return h.share }
func (h heldShare) HandOver(fhe.Digest) (uint64, error) { return h.count, nil }
func (heldShare) TakeBack(fhe.Digest) error             { return nil }

// counted is what the first person of a resharing hands on: more than the others.
const counted = 100

// resharings has the first epoch's members reshare to the end, the first one in a given
// folder, and returns the certificate. Nobody writes anything.
func (r *realm) resharings(plan *reshare.Plan, dir string) *reshare.Certificate {
	r.t.Helper()
	sessions, peers := map[int]*ceremony.Session{}, map[fhe.Digest]*ceremony.Session{}
	for i, secret := range r.secrets {
		keys := r.people[i]
		s, err := ceremony.Open(ceremony.Config{Plan: plan, Identity: keys, Dir: dir, Lender: heldShare{secret.Share, uint64(counted - i)}})
		r.must(err)
		defer s.Close()
		sessions[i], peers[keys.Fingerprint()], dir = s, s, r.t.TempDir()
	}
	var group errgroup.Group
	var last atomic.Pointer[reshare.Certificate]
	for i, s := range sessions {
		others := map[fhe.Digest]ceremony.Peer{}
		for f, other := range peers {
			if other != s {
				others[f] = table{other.Table, r.people[i].Fingerprint()}
			}
		}
		group.Go(func() error {
			out, err := s.Run(r.t.Context(), others)
			if err == nil {
				last.Store(out.Certificate)
			}
			return err
		})
	}
	r.must(group.Wait())
	return last.Load()
}

// TestRecover: a party that confirmed and was then alone gets its share as soon as its
// folder has the certificate and the registry the epoch.
func TestRecover(t *testing.T) {
	r := newRealm(t, 4)
	x := r.tenant(0)
	s := x.confirmed()
	journal := filepath.Join(x.journals(2), "attempt-1", "new.journal")
	r.activate(s)
	x.look(false, 1)
	x.wantErased(journal, false)
	x.describe(s)
	x.look(true, 1, 2)
	x.wantErased(journal, true)
	x.wantCount(s)
	r.retire(1)
	x.look(true, 2)
}

// wantCount demands that a share that was recovered counts from what was handed on with
// the one before.
func (x *tenant) wantCount(s *network.Succession) {
	x.r.t.Helper()
	d, err := x.cfg.Network.Description()
	x.r.must(err)
	secret, err := x.cfg.Network.SecretOf(d, &s.Committee, 1, x.keys)
	x.r.must(err)
	if secret.Opened != counted {
		x.r.t.Errorf("begins with %d openings, want %d", secret.Opened, counted)
	}
}

// confirmed has the first four reshare among themselves, of which the tenant has the
// journals only.
func (x *tenant) confirmed() *network.Succession {
	x.r.t.Helper()
	next, err := network.Propose(&x.r.first.Committee, nil)
	x.r.must(err)
	plan := &reshare.Plan{Old: &x.r.first.Committee, New: next, Attempt: 1}
	return &network.Succession{Committee: *next, Certificate: x.r.resharings(plan, x.journals(2))}
}

// describe puts an epoch into the folder, without a share.
func (x *tenant) describe(s *network.Succession) {
	x.r.t.Helper()
	_, err := x.cfg.Network.AddEpoch(s)
	x.r.must(err)
}

// TestOvertaken: a party that is left behind by the registry writes the share that its
// journals lead to before it erases them, with the share of the epoch before.
func TestOvertaken(t *testing.T) {
	r := newRealm(t, 5)
	x := r.tenant(0)
	second := x.confirmed()
	third := r.succeed(&second.Committee, 1, 4, 1, 2, 3)
	r.activate(second)
	r.activate(third)
	r.retire(1)
	r.retire(2)
	journal := filepath.Join(x.journals(2), "attempt-1", "new.journal")
	whole, err := os.ReadFile(journal)
	r.must(err)
	r.must(os.WriteFile(journal, whole[:len(whole)/2], 0o600))
	x.describe(second)
	x.look(false)
	x.look(false)
	x.wantTold("do not lead this party to its share", 1)
	x.wantErased(x.cfg.Network.ShareFile(1), false)
	x.wantErased(journal, false)
	r.must(os.WriteFile(journal, whole, 0o600))
	clear(x.lost) // as a restart does
	x.look(false)
	x.wantCount(second)
	x.wantErased(x.cfg.Network.ShareFile(1), true)
	x.wantErased(journal, true)
	x.describe(third)
	x.look(true)
	if left, _ := filepath.Glob(filepath.Join(string(x.cfg.Network), "party-1.*share")); len(left) != 0 {
		t.Errorf("shares %v are there", left)
	}
}

// TestOtherAttempt: a party that takes part in another attempt when an epoch comes in
// force that it has confirmed leaves that attempt, and gets its share.
func TestOtherAttempt(t *testing.T) {
	r := newRealm(t, 5)
	x := r.tenant(0)
	s := x.confirmed()
	other, err := network.Propose(&r.first.Committee, r.members(0, 1, 2, 4))
	r.must(err)
	plan := &reshare.Plan{Old: &r.first.Committee, New: other, Attempt: 2}
	session, err := ceremony.Open(ceremony.Config{Plan: plan, Identity: x.keys, Dir: x.journals(2), Lender: heldShare{r.secrets[0].Share, 1}})
	r.must(err)
	x.resharing = &resharing{tenure: x.tenure, plan: plan, session: session, hangUp: func() {}, stop: func() {}}
	run, over := x.resharing.start(t.Context()), make(chan error, 1)
	go func() { over <- run() }()
	r.activate(s)
	x.look(false, 1)
	x.describe(s)
	x.look(true, 1, 2)
	r.must(<-over)
	x.wantCount(s)
}

// TestEndWaits: who ends a resharing waits until its run has let go of the session.
func TestEndWaits(t *testing.T) { synctest.Test(t, testEndWaits) }

func testEndWaits(t *testing.T) {
	r := found(t, 4)
	c := &r.first.Committee
	next, err := network.Propose(c, nil)
	r.must(err)
	busy, free := make(chan struct{}), make(chan struct{})
	plan := &reshare.Plan{Old: c, New: next, Attempt: 1}
	session, err := ceremony.Open(ceremony.Config{
		Plan: plan, Identity: r.people[0], Dir: t.TempDir(), Lender: heldShare{new(decrypt.Share), 1},
		Progress: func(string) { busy <- struct{}{}; <-free },
	})
	r.must(err)
	x := &resharing{tenure: &tenure{cfg: &PartyConfig{}}, plan: plan, session: session, hangUp: func() {}, stop: func() {}}
	run := x.start(t.Context())
	ended, over := make(chan error, 1), make(chan error, 1)
	go func() { over <- run() }()
	<-busy
	<-busy // both roles
	go func() { ended <- x.end() }()
	synctest.Wait()
	select {
	case <-ended:
		t.Error("it ends while its run is busy with the session")
	default:
	}
	close(free)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
}
