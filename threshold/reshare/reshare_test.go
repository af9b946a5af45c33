package reshare

import (
	"encoding/binary"
	"encoding/json"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/agree"
	"fhevm/threshold/shamir"
)

// committees are pairs: the same members, others, some of both, fewer and more.
var committees = [][3]int{{4, 4, 0}, {4, 4, 4}, {4, 4, 2}, {4, 7, 0}, {7, 4, 1}, {7, 7, 3}, {10, 4, 2}, {4, 10, 10}}

// TestHonest: new shares open to the old secrets, and are other shares; the
// count that is handed on is one that an honest member has counted.
func TestHonest(t *testing.T) {
	for i, c := range committees {
		t.Run(name(c[0], c[1], c[2]), func(t *testing.T) {
			m := newMeeting(t, uint64(i), c[0], c[1], c[2])
			m.run()
			v := m.check()
			if !v.done || len(v.blamed) != 0 {
				t.Fatalf("done %v, blamed %v, errors %v", v.done, v.blamed, m.errs)
			}
			for id := range m.plan.Old.Quorum().All().All() {
				if err := m.all[Seat{Old, id}].(*Giver).Certificate().Verify(m.plan.Old, m.plan.New); err != nil {
					t.Errorf("old party %d: %v", id, err)
				}
			}
			r := m.all[Seat{New, 1}].(*Receiver).Result()
			if want := uint64(100 + c[0] - m.plan.Old.Quorum().T); r.Opened != want {
				t.Errorf("handed on %d openings, want %d", r.Opened, want)
			}
			if r.Shares[0] == m.shares[1][0] {
				t.Error("a share has not changed")
			}
		})
	}
}

// TestRestarts: members that crash before any step, all of them, go on where
// they were and say nothing else than before.
func TestRestarts(t *testing.T) {
	for seed := range uint64(4) {
		m := newMeeting(t, 50+seed, 4, 4, int(seed)%3)
		m.restart = 60
		m.run()
		if v := m.check(); !v.done || len(v.blamed) != 0 {
			t.Fatalf("seed %d: done %v, blamed %v, errors %v", seed, v.done, v.blamed, m.errs)
		}
	}
}

// addTo adds 1 to a field element of a body, if there is one.
func addTo(body []byte, at int) []byte {
	if len(body) < at+8 {
		return body
	}
	w := binary.BigEndian.Uint64(body[at:])
	binary.BigEndian.PutUint64(body[at:], shamir.Fields[0].Add(w, 1))
	return body
}

// fault is what corrupt members do. It says who they are, and how it must end.
type fault struct {
	name    string
	corrupt func(m *meeting) []Seat
	tamper  func(m *meeting, round Round, from, to Seat, b []byte) []byte
	done    bool // in spite of it
	proof   bool // that convinces others
	quiet   bool // nobody is blamed
	late    bool // the honest have confirmed: no attempt with the same signers may follow
}

// oldLiars and newLiars are as many as are tolerated.
func oldLiars(m *meeting) []Seat { return some(m, Old, m.plan.Old.Quorum().T) }
func newLiars(m *meeting) []Seat { return some(m, New, m.plan.New.Quorum().T) }
func oneNew(m *meeting) []Seat   { return some(m, New, 1) }

func some(m *meeting, role Role, count int) (out []Seat) {
	for _, i := range m.rng.Perm(m.plan.Committee(role).Quorum().N)[:count] {
		out = append(out, Seat{role, threshold.PartyID(i + 1)})
	}
	return out
}

// in makes a fault of one round.
func in(round Round, do func(m *meeting, from, to Seat, b []byte) []byte) func(*meeting, Round, Seat, Seat, []byte) []byte {
	return func(m *meeting, r Round, from, to Seat, b []byte) []byte {
		if r != round {
			return b
		}
		return do(m, from, to, b)
	}
}

func silent(*meeting, Seat, Seat, []byte) []byte  { return nil }
func garbage(*meeting, Seat, Seat, []byte) []byte { return []byte("garbage") }

// lying adds 1 to the element at an offset of the body.
func lying(at func(m *meeting) int) func(*meeting, Seat, Seat, []byte) []byte {
	return func(m *meeting, _, _ Seat, b []byte) []byte {
		return m.resign(b, func(body []byte) []byte { return addTo(body, at(m)) })
	}
}

func at(n int) func(*meeting) int { return func(*meeting) int { return n } }

// differently lies to the members with odd numbers only.
func differently(lie func(*meeting, Seat, Seat, []byte) []byte) func(*meeting, Seat, Seat, []byte) []byte {
	return func(m *meeting, from, to Seat, b []byte) []byte {
		if to.Party%2 == 0 {
			return b
		}
		return lie(m, from, to, b)
	}
}

// toOne does to the first honest new member what is right, and the wrong to all
// others.
func toOne(wrong func(*meeting, Seat, Seat, []byte) []byte) func(*meeting, Seat, Seat, []byte) []byte {
	return func(m *meeting, from, to Seat, b []byte) []byte {
		if to == m.firstHonest() {
			return b
		}
		return wrong(m, from, to, b)
	}
}

// againstOne does to the first honest new member what is wrong.
func againstOne(wrong func(*meeting, Seat, Seat, []byte) []byte) func(*meeting, Seat, Seat, []byte) []byte {
	return func(m *meeting, from, to Seat, b []byte) []byte {
		if to != m.firstHonest() {
			return b
		}
		return wrong(m, from, to, b)
	}
}

func (m *meeting) firstHonest() Seat {
	first := Seat{New, 1}
	for m.corrupt[first] {
		first.Party++
	}
	return first
}

// keepsCertificate is for those who tell nobody that they have it.
func keepsCertificate(f func(*meeting, Round, Seat, Seat, []byte) []byte) func(*meeting, Round, Seat, Seat, []byte) []byte {
	return func(m *meeting, r Round, from, to Seat, b []byte) []byte {
		if r == Certified {
			return nil
		}
		return f(m, r, from, to, b)
	}
}

// falseCertificate is signed by all, for something else, or is none.
func falseCertificate(m *meeting, r Round, from, to Seat, b []byte) []byte {
	switch {
	case r == Confirm:
		return toOne(silent)(m, from, to, b)
	case r != Certified:
		return b
	case to.Party%2 == 0:
		return []byte("{}")
	}
	c, err := ParseCertificate(b)
	if err != nil {
		m.t.Fatal(err)
	}
	c.Transcript[0]++
	if b, err = json.Marshal(c); err != nil {
		m.t.Fatal(err)
	}
	return b
}

// accuse stops with evidence against the member after the sender that is none.
func accuse(m *meeting, from, _ Seat, b []byte) []byte {
	honest := Seat{New, from.Party%threshold.PartyID(m.plan.New.Quorum().N) + 1}
	return m.sayStop(from, Blame{honest, "lies", [][]byte{b, b}})
}

func statements(m *meeting) int { return m.plan.New.Quorum().N * statementSize }

var faults = []fault{
	{name: "old members lie about their shares", corrupt: oldLiars, tamper: in(Masked, lying(at(countSize))), done: true},
	{name: "old members lie in the last word", corrupt: oldLiars, tamper: in(Masked, lying(at(countSize+16*secretsInTests-16))), done: true},
	{name: "old members are silent", corrupt: oldLiars, tamper: in(Masked, silent), done: true},
	{name: "old members send garbage", corrupt: oldLiars, tamper: in(Masked, garbage), done: true},
	{name: "old members tell different things", corrupt: oldLiars, tamper: in(Masked, differently(lying(at(countSize)))), done: true, proof: true},
	{name: "old members speak to some only", corrupt: oldLiars, tamper: in(Masked, differently(silent)), done: true},
	{name: "old members overstate their counts", corrupt: oldLiars, tamper: in(Masked, lying(at(0))), done: true, quiet: true},
	{name: "new members lie about masks", corrupt: newLiars, tamper: in(Mask, lying(at(0))), done: true},
	{name: "new members are silent about masks", corrupt: newLiars, tamper: in(Mask, silent), done: true},
	{name: "new members lie about syndromes", corrupt: newLiars, tamper: in(Check, lying(statements)), done: true},
	{name: "new members are silent about syndromes", corrupt: newLiars, tamper: in(Check, silent), done: true},
	{name: "new members send garbage for syndromes", corrupt: newLiars, tamper: in(Check, garbage), done: true},
	{name: "a new member lies about syndromes differently", corrupt: newLiars, tamper: in(Check, differently(lying(statements))), done: true},
	{name: "commitments that are not kept", corrupt: oneNew, tamper: in(Open, lying(statements)), proof: true},
	{name: "contributions that differ", corrupt: oneNew, tamper: in(Open, differently(lying(statements))), proof: true},
	{name: "different commitments", corrupt: oneNew, tamper: in(Commit, differently(lying(at(0)))), proof: true},
	{name: "a false report of commitments", corrupt: oneNew, tamper: in(Open, lying(at(0)))},
	{name: "different echoes", corrupt: oneNew, tamper: in(Echo, differently(func(m *meeting, _, _ Seat, b []byte) []byte {
		return m.resign(b, func(body []byte) []byte { clear(body[:entrySize]); return body })
	})), proof: true},
	{name: "an echo of what nobody said", corrupt: oneNew, tamper: in(Echo, lying(at(1)))},
	{name: "another transcript", corrupt: oneNew, tamper: keepsCertificate(in(Confirm, lying(at(0)))), late: true},
	{name: "confirms to one alone", corrupt: newLiars, tamper: keepsCertificate(in(Confirm, toOne(silent))), done: true, quiet: true},
	{name: "another transcript to all but one", corrupt: oneNew, tamper: keepsCertificate(in(Confirm, toOne(lying(at(0))))), done: true},
	{name: "false certificates", corrupt: newLiars, tamper: falseCertificate, done: true, quiet: true},
	{name: "garbage for commitments", corrupt: oneNew, tamper: in(Commit, garbage)},
	{name: "garbage for contributions", corrupt: oneNew, tamper: in(Open, garbage)},
	{name: "garbage for an echo", corrupt: oneNew, tamper: in(Echo, garbage)},
	{name: "garbage in the place of messages", corrupt: oneNew, tamper: in(Fill, garbage)},
	{name: "garbage in the place of some messages", corrupt: oneNew, tamper: in(Fill, differently(garbage))},
	{name: "garbage in the place of messages for one", corrupt: oneNew, tamper: in(Fill, againstOne(garbage))},
	{name: "a false accusation", corrupt: oneNew, tamper: in(Echo, accuse), quiet: true},
	{name: "no commitments", corrupt: oneNew, tamper: in(Commit, silent)},
	{name: "no contributions", corrupt: oneNew, tamper: in(Open, silent)},
	{name: "no echo", corrupt: oneNew, tamper: in(Echo, silent)},
	{name: "no messages handed on", corrupt: oneNew, tamper: in(Fill, silent)},
	{name: "no confirmation", corrupt: oneNew, tamper: keepsCertificate(in(Confirm, silent)), late: true},
}

// TestFaults: each fault, in each pair of committees, ends as it must, and nobody
// but the corrupt is blamed.
func TestFaults(t *testing.T) {
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for j, c := range committees[2:5] {
				m := newMeeting(t, uint64(1000+100*i+j), c[0], c[1], c[2])
				who := f.corrupt(m)
				for _, s := range who {
					m.corrupt[s] = true
				}
				m.tamper = func(r Round, from, to Seat, b []byte) []byte { return f.tamper(m, r, from, to, b) }
				m.restart = 5
				m.run()
				v := m.check()
				if v.done != f.done {
					t.Fatalf("%s: done is %v, want %v: %v", name(c[0], c[1], c[2]), v.done, f.done, m.errs)
				}
				m.wantEnd(f, v, who)
			}
		})
	}
}

func (m *meeting) wantEnd(f fault, v verdict, who []Seat) {
	m.t.Helper()
	for s, x := range m.all {
		if r, ok := x.(*Receiver); ok && !m.corrupt[s] && r.Committed() != (f.done || f.late) {
			m.t.Errorf("%v has confirmed: %v", s, r.Committed())
		}
	}
	switch {
	case f.quiet:
		m.wantBlamed(v)
	case f.name == "old members speak to some only":
		for s := range v.blamed { // whether it is noticed depends on who was heard
			if !m.corrupt[s] {
				m.t.Errorf("%v is blamed", s)
			}
		}
	default:
		m.wantBlamed(v, who...)
	}
	if f.proof {
		for _, s := range who {
			m.wantProof(v, s)
		}
	}
}

// TestHoardedMessage: what an old member told one corrupt new member only, who
// reports it and keeps it, is that member's fault.
func TestHoardedMessage(t *testing.T) {
	m := newMeeting(t, 7, 4, 4, 4)
	hoarder, friend := Seat{New, 2}, Seat{Old, 3}
	m.corrupt[hoarder], m.corrupt[friend] = true, true
	m.tamper = func(r Round, from, to Seat, b []byte) []byte {
		if r == Masked && to != hoarder {
			return nil
		}
		if r == Fill {
			return m.resign(b, func([]byte) []byte { return []byte{0, 0} })
		}
		return b
	}
	m.run()
	v := m.check()
	if v.anyDone {
		t.Error("the attempt ends well")
	}
	m.wantBlamed(v, hoarder, friend)
}

// TestTooManyOldFaults: with more old members silent or lying than t the attempt
// ends and names them all, whatever mixture they are.
func TestTooManyOldFaults(t *testing.T) {
	for _, c := range committees[:5] {
		for lies := range 2 {
			m := newMeeting(t, uint64(2000+lies), c[0], c[1], c[2])
			who := some(m, Old, m.plan.Old.Quorum().T+1)
			for _, s := range who {
				m.corrupt[s] = true
			}
			m.tamper = func(r Round, from, to Seat, b []byte) []byte {
				switch {
				case r != Masked:
					return b
				case lies > 0 && from == who[0]:
					return lying(at(countSize))(m, from, to, b)
				}
				return nil
			}
			m.run()
			v := m.check()
			if v.anyDone {
				t.Fatalf("%v: the attempt ends well without %v", name(c[0], c[1], c[2]), who)
			}
			if lies > 0 && c[0] == 4 { // an error among three shares is found but cannot be located
				who = who[1:]
			}
			m.wantBlamed(v, who...)
		}
	}
}

// TestAnotherPlan: nothing said under one plan counts under another.
func TestAnotherPlan(t *testing.T) {
	m := newMeeting(t, 8, 4, 4, 0)
	other := newMeeting(t, 8, 4, 4, 0)
	other.plan.Attempt = 2
	r := m.all[Seat{New, 1}].(*Receiver)
	for id := threshold.PartyID(2); id <= 4; id++ {
		b := other.fresh(Seat{New, id}).Say(Commit, Seat{New, 1})
		if err := r.Receive(Commit, id, b); err == nil {
			t.Fatal("a message of another attempt counts")
		}
	}
}

func TestPlanCheck(t *testing.T) {
	good := func() *Plan {
		return &Plan{Old: committeeOf(t, 1, 1, 4), New: committeeOf(t, 2, 3, 7), Attempt: 1}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Plan){
		"no attempt":        func(p *Plan) { p.Attempt = 0 },
		"an epoch left out": func(p *Plan) { p.New.Epoch.Number = 3 },
		"another key":       func(p *Plan) { p.New.Epoch.Key[0]++ },
		"another squash":    func(p *Plan) { p.New.Epoch.SquashKey[0]++ },
		"no margin":         func(p *Plan) { p.New.Stat++ },
		"less noise":        func(p *Plan) { p.Old.Noise++ },
		"five members":      func(p *Plan) { p.New.Members = p.New.Members[:5] },
	} {
		p := good()
		if spoil(p); p.Check() == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// FuzzMessage: arbitrary messages in any round change nothing but who is called
// silent or a liar, and never come through as anyone's word.
func FuzzMessage(f *testing.F) {
	plan := &Plan{Old: committeeOf(f, 1, 1, 4), New: committeeOf(f, 2, 1, 4), Attempt: 1}
	r, err := NewReceiver(Config{Plan: plan, Party: 1, Key: keyOf(1), Count: 1}, [SeedSize]byte{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(Commit), r.Say(Commit, Seat{New, 2}))
	f.Add(uint8(Fill), make([]byte, envelopeSize+4))
	f.Add(uint8(Echo), []byte{})
	f.Fuzz(func(t *testing.T, round uint8, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		for of, read := range map[Round]func(*Receiver, *message) error{
			Echo: (*Receiver).readEcho, Fill: (*Receiver).readFill, Masked: (*Receiver).readMasked, Check: (*Receiver).readCheck,
		} {
			fresh, err := NewReceiver(Config{Plan: plan, Party: 1, Key: keyOf(1), Count: 1}, [SeedSize]byte{})
			if err != nil {
				t.Fatal(err)
			}
			if fresh.Receive(Round(round), 2, b); len(fresh.Blames()) == 0 && Round(round) == Commit && fresh.failed == nil {
				t.Fatal("somebody's message passes as party 2's")
			}
			m, err := parse(b)
			if err != nil {
				continue
			}
			m.from = Seat{New, 2}
			if want := fresh.bodySize(of, 2, 1, 4); len(m.body) == want { // what is of another size is not read
				read(fresh, m)
			}
			Convicts(plan, Blame{Seat: m.from, Evidence: [][]byte{b, b}})
		}
		r.readStop(Seat{New, 2}, b)
		if c, err := ParseCertificate(b); err == nil && r.Certify(c) == nil {
			t.Fatal("a certificate before anyone confirms")
		}
		fill, err := parse(b)
		if err == nil {
			fill.from = Seat{New, 2}
			r.readFill(fill)
		}
		agree.Check(plan.New.Quorum(), r.digest, 2, 1, b, b)
	})
}

// TestPatience: somebody who speaks to all but one keeps that one behind for as long as it
// waits. In the next round it is waited for longer than that.
func TestPatience(t *testing.T) {
	for r := Commit; r < Confirm; r++ {
		if (r + 1).Patience() <= r.Patience() {
			t.Errorf("who waited %d units in round %v is waited for %d units in round %v", r.Patience(), r, (r + 1).Patience(), r+1)
		}
	}
}
