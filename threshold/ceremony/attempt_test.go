package ceremony

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fhevm/threshold/committee"
	"fhevm/threshold/reshare"
)

// withheld has everybody take part, but for what one member keeps to itself, for ten
// minutes. The others are told who does not confirm, and go on waiting.
func (m *meeting) withheld(members []int, corrupt int) (sessions map[int]*Session, outcomes map[int]*Outcome) {
	m.t.Helper()
	m.keeps = func(from, _ int, round reshare.Round) bool { return from == corrupt && round >= reshare.Confirm }
	sessions = map[int]*Session{}
	told := make([]atomic.Bool, len(m.people))
	for _, i := range members {
		c := m.config(i, Patience{})
		c.Progress = func(s string) {
			if strings.Contains(s, "does not begin, and new party") {
				told[i].Store(true)
			}
		}
		s, err := m.seat(i, c)
		if err != nil {
			m.t.Fatal(err)
		}
		sessions[i] = s
	}
	ctx, stop := context.WithTimeout(m.t.Context(), 10*time.Minute)
	defer stop()
	outcomes, errs := m.together(ctx, sessions)
	for _, i := range members {
		if i == corrupt && errs[i] != nil {
			m.t.Fatalf("member %d: %v", i+1, errs[i])
		}
		if i != corrupt && (!errors.Is(errs[i], context.DeadlineExceeded) || !told[i].Load()) {
			m.t.Fatalf("member %d: %v, told %v", i+1, errs[i], told[i].Load())
		}
	}
	return sessions, outcomes
}

// TestConfirmsToOne: a member that confirms to one other member only keeps nobody
// from the certificate.
func TestConfirmsToOne(t *testing.T) { synctest.Test(t, testConfirmsToOne) }

func testConfirmsToOne(t *testing.T) {
	m := newMeeting(t, 35)
	m.keeps = func(from, to int, round reshare.Round) bool {
		return from == 3 && round >= reshare.Confirm && (to != 0 || round == reshare.Certified)
	}
	outcomes, errs := m.together(t.Context(), m.openAll(0, 1, 2, 3))
	m.wantNone(errs)
	m.wantDecrypts(outcomes)
}

// TestWithheldConfirmation: who has confirmed stays able to finish that attempt,
// however often it is started again and from wherever the certificate comes at
// last, and begins no other with the same members meanwhile.
func TestWithheldConfirmation(t *testing.T) { synctest.Test(t, testWithheldConfirmation) }

func testWithheldConfirmation(t *testing.T) {
	m := newMeeting(t, 36)
	sessions, outcomes := m.withheld([]int{0, 1, 2, 3}, 3)
	closeAll(sessions)
	first := m.plan
	for i := range 3 {
		m.plan = m.planTo(0, 2)
		if _, err := m.open(i, Patience{}); err == nil || !strings.Contains(err.Error(), "--attempt 1") {
			t.Errorf("member %d begins another attempt: %v", i+1, err)
		}
		m.plan = first
		m.wantOpen(i, 1)
		m.wantJournals(i, 2)
	}
	sessions, _ = m.withheld([]int{0, 1, 2, 3}, 3)
	closeAll(sessions)
	clear(m.tables) // nobody is there any more
	c := m.config(0, Patience{})
	c.Certificate = func() *reshare.Certificate { return outcomes[3].Certificate }
	s, err := m.seat(0, c)
	if err != nil {
		t.Fatal(err)
	}
	if outcomes[0], err = m.run(t.Context(), 0, s); err != nil {
		t.Fatal(err)
	}
	// The one that has the certificate now is enough for the others.
	m.keeps = func(from, _ int, _ reshare.Round) bool { return from == 3 }
	rest, errs := m.together(t.Context(), m.openAll(1, 2))
	m.wantNone(errs)
	outcomes[1], outcomes[2] = rest[1], rest[2]
	m.wantDecrypts(outcomes)
}

// TestReplaceSilent: the member that does not confirm is replaced in another
// attempt, while the one before it stays open and its count handed on.
func TestReplaceSilent(t *testing.T) { synctest.Test(t, testReplaceSilent) }

func testReplaceSilent(t *testing.T) {
	m := meetingOf(t, 37, 0)
	sessions, _ := m.withheld([]int{0, 1, 2, 3}, 0)
	closeAll(sessions)
	m.plan = m.planTo(1, 2)
	m.keeps = func(int, int, reshare.Round) bool { return false }
	outcomes, errs := m.together(t.Context(), m.openAll(0, 1, 2, 3, 4))
	m.wantNone(errs)
	m.wantDecrypts(outcomes)
	for i := 1; i < 4; i++ {
		m.wantOpen(i, 2)
		m.wantJournals(i, 4)
	}
}

// TestNextAttempt: beginning an attempt ends those before it, of which nothing can
// come without this member; a departing member cannot know that once its masked
// share is out.
func TestNextAttempt(t *testing.T) { synctest.Test(t, testNextAttempt) }

func testNextAttempt(t *testing.T) {
	m := meetingOf(t, 38, 1)
	closeAll(m.openAll(0, 1)) // attempt 1, in which nothing is said
	m.plan = m.planTo(1, 2)
	sessions, _ := m.withheld([]int{0, 1, 2, 3, 4}, 4)
	closeAll(sessions)
	m.wantJournals(0, 1)
	m.wantOpen(0, 1)
	m.plan = m.planTo(1, 1)
	for i := range 2 {
		if _, err := m.open(i, Patience{}); err == nil || !strings.Contains(err.Error(), "attempt 2 was begun after it") {
			t.Errorf("member %d goes back: %v", i+1, err)
		}
	}
	m.plan = m.planTo(1, 3)
	closeAll(m.openAll(0))
	m.wantOpen(0, 2)
	m.wantJournals(0, 2)
	m.plan = m.planTo(2, 3)
	if _, err := m.open(0, Patience{}); err == nil || !strings.Contains(err.Error(), "between other committees") {
		t.Errorf("an attempt of other committees goes on: %v", err)
	}
}

// TestNotedBeforeShown: what cannot be noted is not said.
func TestNotedBeforeShown(t *testing.T) { synctest.Test(t, testNotedBeforeShown) }

func testNotedBeforeShown(t *testing.T) {
	m := newMeeting(t, 39)
	sessions := m.openAll(0, 1, 2, 3)
	if err := os.MkdirAll(filepath.Join(m.folder(2), "attempt-1", confirmedNote, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	if _, errs := m.together(ctx, sessions); errs[2] == nil || !strings.Contains(errs[2].Error(), "note confirmed") {
		t.Errorf("it goes on: %v", errs[2])
	}
	r := &committee.FetchRequest{Plan: sessions[2].Table.digest, Round: uint8(reshare.Confirm), From: uint8(reshare.New), To: uint8(reshare.New)}
	if _, err := sessions[2].Table.Fetch(t.Context(), m.people[1].Fingerprint(), r); err == nil {
		t.Error("a confirmation is shown that is not on record")
	}
}

// TestFinishAgain: what failed when an attempt was ended can be done later.
func TestFinishAgain(t *testing.T) {
	m := newMeeting(t, 45)
	closeAll(m.openAll(0))
	first := m.plan
	m.plan = m.planTo(0, 2)
	m.lenders[0].fails = errors.New("disk full")
	if _, err := m.open(0, Patience{}); err == nil {
		t.Error("an attempt ends without its promise being taken back")
	}
	m.wantOpen(0, 1)
	m.lenders[0].fails, m.plan = nil, first
	if err := Finish(m.folder(0), m.lenders[0]); err != nil {
		t.Fatal(err)
	}
	m.wantOpen(0, 0)
	m.wantJournals(0, 0)
}

// TestUnreadableAttempt: what cannot be read does not pass for an attempt that was not
// begun or confirmed.
func TestUnreadableAttempt(t *testing.T) {
	m := newMeeting(t, 44)
	closeAll(m.openAll(0))
	m.plan = m.planTo(0, 2)
	if err := os.WriteFile(filepath.Join(m.folder(0), "attempt-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.open(0, Patience{}); err == nil {
		t.Error("begins an attempt beside one that it cannot read")
	}
	if err := Forget(m.folder(0)); err == nil {
		t.Error("takes for erased what it cannot read")
	}
	if _, err := Confirmed(m.folder(0), 3); err == nil {
		t.Error("takes for not confirmed what it cannot read")
	}
}

// TestLostShare: a member that lost its share takes part as a new member; one that
// is to leave cannot take part at all.
func TestLostShare(t *testing.T) { synctest.Test(t, testLostShare) }

func testLostShare(t *testing.T) {
	m := newMeeting(t, 40)
	sessions := m.openAll(0, 1, 2)
	told := ""
	c := m.config(3, Patience{})
	c.Lender, c.Progress = nil, func(s string) { told += s }
	s, err := m.seat(3, c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told, "takes part as new party 4 only") {
		t.Errorf("the operator is told %q", told)
	}
	sessions[3] = s
	outcomes, errs := m.together(t.Context(), sessions)
	m.wantNone(errs)
	for i, want := range []uint64{11, 11, 12, 11} {
		if got := outcomes[i].Secret.Opened; got != want {
			t.Errorf("member %d begins with %d openings, want %d", i+1, got, want)
		}
	}
	leaving := meetingOf(t, 41, 1)
	leaving.lenders = nil
	if _, err := leaving.open(0, Patience{}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("a member without a share leaves: %v", err)
	}
}

// TestLargerCount: a member's count never falls.
func TestLargerCount(t *testing.T) { synctest.Test(t, testLargerCount) }

func testLargerCount(t *testing.T) {
	m := newMeeting(t, 42)
	m.lenders[1].count = 1 << 40
	outcomes, errs := m.together(t.Context(), m.openAll(0, 1, 2, 3))
	m.wantNone(errs)
	for i, want := range []uint64{13, 1 << 40, 13, 13} {
		if got := outcomes[i].Secret.Opened; got != want {
			t.Errorf("member %d begins with %d openings, want %d", i+1, got, want)
		}
	}
}

// TestCloseTwice: a member that was closed can be opened again, and says the same.
func TestCloseTwice(t *testing.T) {
	m := newMeeting(t, 43)
	s, err := m.open(0, Patience{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	again, err := m.open(0, Patience{})
	if err != nil {
		t.Fatal(err)
	}
	if before, after := said(s), said(again); before == nil || !bytes.Equal(before, after) {
		t.Error("says something else after a restart")
	}
}

func said(s *Session) []byte {
	return s.Table.machines[reshare.New].Say(reshare.Commit, reshare.Seat{Role: reshare.New, Party: 2})
}
