package reshare

import (
	"encoding/binary"
	"encoding/json"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

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
