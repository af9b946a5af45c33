package ceremony

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/reshare"
)

// TestRefresh: all members take part; afterwards a member that comes back from a
// crash is done again at once, from its journals.
func TestRefresh(t *testing.T) { synctest.Test(t, testRefresh) }

func testRefresh(t *testing.T) {
	m := newMeeting(t, 31)
	sessions := m.openAll(0, 1, 2, 3)
	outcomes, errs := m.together(t.Context(), sessions)
	m.wantNone(errs)
	m.wantDecrypts(outcomes)
	if _, err := m.open(2, Patience{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a member takes part twice: %v", err)
	}
	closeAll(sessions)
	again, err := m.open(2, Patience{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.run(t.Context(), 2, again)
	if err != nil || !bytes.Equal(out.Secret.Share.Append(nil), outcomes[2].Secret.Share.Append(nil)) {
		t.Errorf("after a restart: %v", err)
	}
	if err := Forget(m.folder(2)); err != nil {
		t.Fatal(err)
	}
	m.wantJournals(2, 0)
	again.Close()
	if _, err := m.open(2, Patience{}); !errors.Is(err, errLost) {
		t.Errorf("a member begins again what it has confirmed: %v", err)
	}
}

func (m *meeting) wantNone(errs map[int]error) {
	m.t.Helper()
	for i, err := range errs {
		if err != nil {
			m.t.Fatalf("member %d: %v", i+1, err)
		}
	}
}

// wantJournals demands how many journals a member has, of all attempts.
func (m *meeting) wantJournals(i, want int) {
	m.t.Helper()
	var got []string
	err := filepath.WalkDir(m.folder(i), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".journal") {
			got = append(got, path)
		}
		return err
	})
	if err != nil || len(got) != want {
		m.t.Errorf("member %d has journals %v, want %d", i+1, got, want)
	}
}

// where says which messages a member's roles await. Confirmations are not kept, so
// that a role that was done comes back to await them.
func (s *Session) where() (out []string) {
	for _, r := range s.roles {
		if round, seats := r.awaits(); round != 0 && round != reshare.Confirm {
			out = append(out, fmt.Sprint(r.self, round, seats))
		}
	}
	return out
}

// TestStops: members that are stopped in the middle, each at another time, are
// where they were when they come back, and go on to the same end.
func TestStops(t *testing.T) { synctest.Test(t, testStops) }

func testStops(t *testing.T) {
	m := newMeeting(t, 32)
	left := map[int][]string{}
	for stops := 0; ; stops++ {
		sessions := map[int]*Session{}
		ctx, stop := context.WithCancel(t.Context())
		for i, s := range m.openAll(0, 1, 2, 3) {
			if now := s.where(); stops > 0 && !slices.Equal(now, left[i]) {
				t.Fatalf("member %d awaits %v, before it was stopped %v", i+1, now, left[i])
			}
			if i == stops%4 { // stops everybody after it has heard a little more
				for _, r := range s.roles {
					steps := 2 + stops
					r.progress = func(string) {
						if steps--; steps == 0 {
							stop()
						}
					}
				}
			}
			sessions[i] = s
		}
		outcomes, errs := m.together(ctx, sessions)
		stopped := ctx.Err() != nil
		stop()
		failed := false
		for i, err := range errs {
			if err != nil && !stopped {
				t.Fatalf("member %d: %v", i+1, err)
			}
			failed = failed || err != nil
		}
		for i, s := range sessions {
			left[i] = s.where()
			s.Close()
		}
		if !failed {
			if stops < 3 {
				t.Errorf("only %d stops: the test shows little", stops)
			}
			m.wantDecrypts(outcomes)
			return
		}
	}
}

// TestSilentMember: whom everybody waited for in vain is named, and the attempt
// is over for good, which a member tells the others also after a restart.
func TestSilentMember(t *testing.T) { synctest.Test(t, testSilentMember) }

func testSilentMember(t *testing.T) {
	m := newMeeting(t, 33)
	sessions := map[int]*Session{}
	for i := range 3 {
		s, err := m.open(i, Patience{})
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = s
	}
	_, errs := m.together(t.Context(), sessions)
	for i, err := range errs {
		var abort *reshare.Abort
		if !errors.As(err, &abort) || !strings.Contains(err.Error(), "new party 4 is silent") || !strings.Contains(err.Error(), "--attempt 2") {
			t.Errorf("member %d: %v", i+1, err)
		}
		before := m.stopOf(sessions[i], (i+1)%3)
		sessions[i].Close()
		again, err := m.open(i, Patience{})
		m.wantNone(map[int]error{i: err})
		if _, err := m.run(t.Context(), i, again); !errors.Is(err, ErrOver) || !strings.Contains(err.Error(), "attempt 1 at epoch 2 is over") {
			t.Errorf("member %d begins the attempt again: %v", i+1, err)
		}
		if !bytes.Equal(before, m.stopOf(again, (i+1)%3)) {
			t.Errorf("member %d does not say again that it has stopped", i+1)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		m.wantJournals(i, 0)
		m.wantOpen(i, 0)
	}
}

// stopOf is what a member that heard no commitments says to another one in the next
// round.
func (m *meeting) stopOf(s *Session, to int) []byte {
	m.t.Helper()
	r := &committee.FetchRequest{Plan: s.Table.digest, Round: uint8(reshare.Open), From: uint8(reshare.New), To: uint8(reshare.New)}
	a, err := s.Table.Fetch(m.t.Context(), m.people[to].Fingerprint(), r)
	if err != nil {
		m.t.Fatal(err)
	}
	return a.Piece
}

// TestLateDeparture: an old member that comes when the others have finished learns so.
func TestLateDeparture(t *testing.T) { synctest.Test(t, testLateDeparture) }

func testLateDeparture(t *testing.T) {
	m := meetingOf(t, 46, 1)
	sessions := m.openAll(1, 2, 3, 4)
	outcomes, errs := m.together(t.Context(), sessions)
	m.wantNone(errs)
	closeAll(sessions)
	late, err := m.open(0, Patience{})
	if err != nil {
		t.Fatal(err)
	}
	if outcomes[0], err = m.run(t.Context(), 0, late); err != nil {
		t.Fatal(err)
	}
	m.wantDecrypts(outcomes)
}

// TestPieceIsCopied: what a member fetches is not wiped with what it is a copy of.
func TestPieceIsCopied(t *testing.T) {
	m := newMeeting(t, 47)
	said := []byte("said")
	table, err := NewTable(m.plan)
	if err != nil {
		t.Fatal(err)
	}
	table.place(reshare.New, stopped(said))
	a, err := table.Fetch(t.Context(), m.people[0].Fingerprint(), &committee.FetchRequest{
		Plan: table.digest, Round: uint8(reshare.Open), From: uint8(reshare.New), To: uint8(reshare.New),
	})
	clear(said)
	if err != nil || string(a.Piece) != "said" {
		t.Errorf("%q, %v", a.Piece, err)
	}
}

// TestFetchIsForMembers: what a member says to one is given to no other.
func TestFetchIsForMembers(t *testing.T) {
	m := newMeeting(t, 34)
	s, err := m.open(0, Patience{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := m.plan.Digest()
	if err != nil {
		t.Fatal(err)
	}
	good := committee.FetchRequest{Plan: plan, Round: uint8(reshare.Commit), From: uint8(reshare.New), To: uint8(reshare.New)}
	a, err := s.Table.Fetch(t.Context(), m.d.Identities[1].Fingerprint(), &good)
	if err != nil || a.Size != len(a.Piece) || a.Size == 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	stranger := m.people[5].Fingerprint()
	for name, c := range map[string]struct {
		caller fhe.Digest
		spoil  func(*committee.FetchRequest)
	}{
		"a stranger":       {stranger, func(*committee.FetchRequest) {}},
		"no role":          {m.d.Identities[1].Fingerprint(), func(r *committee.FetchRequest) { r.To = 3 }},
		"another plan":     {m.d.Identities[1].Fingerprint(), func(r *committee.FetchRequest) { r.Plan[0]++ }},
		"beyond the end":   {m.d.Identities[1].Fingerprint(), func(r *committee.FetchRequest) { r.Offset = a.Size + 1 }},
		"before the begin": {m.d.Identities[1].Fingerprint(), func(r *committee.FetchRequest) { r.Offset = -1 }},
	} {
		r := good
		c.spoil(&r)
		if _, err := s.Table.Fetch(t.Context(), c.caller, &r); err == nil {
			t.Errorf("%s gets an answer", name)
		}
	}
}

// TestJournalCutOff: a record that a crash cut off is dropped, and the journal
// goes on after the one before; a damaged one is an error.
func TestJournalCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	owner := lwetest.Deal(t, 4, 1).Identities[0].Age
	write := func(records ...string) {
		t.Helper()
		j, _, err := OpenJournal(path, owner)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if err := j.Append([]byte(r)); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("one", "two")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	write("three")
	_, records, err := OpenJournal(path, owner)
	if err != nil || len(records) != 2 || string(records[0]) != "one" || string(records[1]) != "three" {
		t.Fatalf("%q, %v", records, err)
	}
	whole[len(whole)-1] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenJournal(path, owner); err == nil {
		t.Error("a damaged record is read")
	}
	if err := Erase(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the file is still there")
	}
}

// FuzzJournal reads arbitrary files.
func FuzzJournal(f *testing.F) {
	owner := lwetest.Deal(f, 4, 1).Identities[0].Age
	f.Add([]byte{0, 0, 0, 1, 7})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		records, size, err := readRecords(bytes.NewReader(b), owner)
		if err == nil && (len(records) != 0 || size != 0) {
			t.Error("records that the owner did not write")
		}
	})
}

// FuzzRecord reads what a journal has decrypted: what is read is written as it was.
func FuzzRecord(f *testing.F) {
	f.Add(heard{reshare.Open, 3, []byte("said")}.record())
	f.Add(heard{reshare.Commit, 0, nil}.record())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseRecord(b)
		if (err == nil) != (len(b) >= 2) || err == nil && !bytes.Equal(h.record(), b) {
			t.Errorf("%x is read as %+v, %v", b, h, err)
		}
	})
}

// FuzzFetch: whatever a member asks for, it hears what was said to its own seat or
// nothing.
func FuzzFetch(f *testing.F) {
	m := newMeeting(f, 48)
	table, err := NewTable(m.plan)
	if err != nil {
		f.Fatal(err)
	}
	said := []byte("what is said in every round")
	table.place(reshare.New, stopped(said))
	r := committee.FetchRequest{Plan: table.digest, Round: uint8(reshare.Open), From: uint8(reshare.New), To: uint8(reshare.New)}
	for _, r.Offset = range []int{0, 5, -1, len(said), 1 << 40} {
		b, err := json.Marshal(&r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	caller := m.people[0].Fingerprint()
	gone, leave := context.WithCancel(f.Context())
	leave() // nothing further will be said: there is no waiting for it
	f.Fuzz(func(t *testing.T, b []byte) {
		var r committee.FetchRequest
		if threshold.DecodeJSON(b, &r) != nil {
			return
		}
		a, err := table.Fetch(gone, caller, &r)
		if err == nil && (a.Size != len(said) || !bytes.Equal(a.Piece, said[r.Offset:])) {
			t.Errorf("%s gets %q", b, a.Piece)
		}
	})
}
