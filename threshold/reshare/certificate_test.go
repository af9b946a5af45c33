package reshare

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// TestStoppedAfterConfirming: t+1 members that have stopped end the attempt also of
// those who have confirmed; with t of them it is open, since they may be liars.
func TestStoppedAfterConfirming(t *testing.T) {
	for stopped := 1; stopped <= 2; stopped++ {
		m := newMeeting(t, 9, 4, 4, 4)
		stops := func(s Seat) bool { return s.Role == New && int(s.Party) <= stopped }
		for id := threshold.PartyID(1); int(id) <= stopped; id++ {
			m.corrupt[Seat{New, id}] = true
		}
		m.tamper = func(r Round, from, to Seat, b []byte) []byte {
			switch {
			case r == Certified:
				return nil
			case r != Confirm || !stops(from):
				return b
			}
			return m.sayStop(from)
		}
		m.run()
		for _, s := range []Seat{{New, 3}, {New, 4}, {Old, 1}} {
			round, _ := m.all[s].Awaits()
			if over := m.errs[s] != nil; over != (stopped > 1) || over == (round == Confirm) {
				t.Errorf("%d stopped: %v awaits %v with %v", stopped, s, round, m.errs[s])
			}
		}
	}
}

// TestLongNotice: a notice blames a few times as many as there are members at most,
// and little of it is shown.
func TestLongNotice(t *testing.T) {
	m := newMeeting(t, 11, 4, 4, 4)
	from := Seat{New, 2}
	say := func(count int) []byte {
		m.plan.Old.Members = append(m.plan.Old.Members, make([]threshold.Member, count)...) // so that it does not cut its own
		defer func() { m.plan.Old.Members = m.plan.Old.Members[:4] }()
		x := &table{plan: m.plan, self: from, key: m.key(from)}
		r := m.all[Seat{New, 1}].(*Receiver)
		x.digest = r.digest
		return x.stop(fhe.Digest{}, &Abort{Blames: make([]Blame, count)})
	}
	r := m.all[Seat{New, 1}].(*Receiver)
	if _, ok := r.readStop(from, say(17)); ok {
		t.Error("a notice with more blames than two for each member is read")
	}
	n, ok := r.readStop(from, say(16))
	if !ok || len(n.Blames) != 16 {
		t.Fatalf("%d blames are read", len(n.Blames))
	}
	if shown := n.String(); strings.Count(shown, "it says") != maxShown || !strings.HasSuffix(shown, "and 12 more") {
		t.Errorf("shows %q", shown)
	}
	many := &Abort{Blames: make([]Blame, 1000)}
	if n, ok := r.readStop(r.self, r.stop(fhe.Digest{}, many)); !ok || len(n.Blames) != 16 {
		t.Errorf("its own notice has %d blames", len(n.Blames))
	}
}

func (m *meeting) sayStop(from Seat, blames ...Blame) []byte {
	digest, err := m.plan.Digest()
	if err != nil {
		m.t.Fatal(err)
	}
	t := &table{plan: m.plan, digest: digest, self: from, key: m.key(from)}
	return t.stop(fhe.Digest{}, &Abort{Blames: blames})
}

// TestCertificateOfAnother: a certificate is taken by whoever has confirmed the same
// session of the same attempt, and by nobody else; who has not come so far learns
// that it has lost its journal.
func TestCertificateOfAnother(t *testing.T) {
	m := newMeeting(t, 10, 4, 4, 0)
	m.run()
	right := m.all[Seat{New, 1}].(*Receiver).Result().Certificate
	if err := m.fresh(Seat{New, 2}).Certify(right); !errors.Is(err, errNotConfirmed) {
		t.Errorf("a member that has heard nothing takes it: %v", err)
	}
	g := m.fresh(Seat{Old, 2})
	if err := g.Certify(right); err != nil || g.(*Giver).Certificate() == nil {
		t.Errorf("an old member that has heard nothing does not take it: %v", err)
	}
	for name, spoil := range map[string]func(*Certificate){
		"another attempt":    func(c *Certificate) { c.Attempt++ },
		"another session":    func(c *Certificate) { c.Session[0]++ },
		"another transcript": func(c *Certificate) { c.Transcript[0]++ },
		"a signature less":   func(c *Certificate) { c.Signatures = c.Signatures[1:] },
		"a false signature":  func(c *Certificate) { c.Signatures[3] = c.Signatures[2] },
	} {
		for _, s := range []Seat{{New, 2}, {Old, 2}} {
			x := m.fresh(s)
			for _, in := range m.inputs[s] {
				if in.round < Confirm {
					apply(x, in)
				}
			}
			wrong := *right
			wrong.Signatures = slices.Clone(right.Signatures)
			spoil(&wrong)
			if err := x.Certify(&wrong); err == nil {
				t.Errorf("%v takes %s", s, name)
			}
			if err := x.Certify(right); err != nil || x.Say(Certified, Seat{New, 1}) == nil {
				t.Errorf("%v does not take the right one after %s: %v", s, name, err)
			}
		}
	}
}

// FuzzCertificate: what others say is a certificate changes nothing for a member
// before its time, and replaces no signature.
func FuzzCertificate(f *testing.F) {
	plan := &Plan{Old: committeeOf(f, 1, 1, 4), New: committeeOf(f, 2, 1, 4), Attempt: 1}
	b, err := json.Marshal(&Certificate{Attempt: 1, Signatures: make([]eip712.Signature, 4)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"attempt":1,"signatures":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCertificate(b)
		if err != nil {
			return
		}
		r, err := NewReceiver(Config{Plan: plan, Party: 1, Key: keyOf(1), Count: 1}, [SeedSize]byte{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Verify(plan.Old, plan.New) == nil || r.Certify(c) == nil || r.Committed() {
			t.Errorf("%s certifies", b)
		}
	})
}
