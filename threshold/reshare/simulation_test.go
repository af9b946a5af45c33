package reshare

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
)

// runs is the number of simulated resharings; -short takes a twentieth.
var runs = flag.Int("runs", 100, "simulated resharings with up to t adversaries in each committee")

func count() int {
	if testing.Short() {
		return *runs / 20
	}
	return *runs
}

// shapeOf spreads runs over the pairs of committees, few over the large ones, whose runs
// have several times the messages.
func shapeOf(run int) [3]int {
	return committees[[]int{0, 1, 2, 0, 2, 1, 0, 1, 2, 3 + run/10%3}[run%10]]
}

// attack is one run with up to t corrupt members in each committee, on a network that
// loses, repeats and reorders, and with members that crash.
func attack(t *testing.T, run int) (*meeting, *adversary) {
	t.Helper()
	c := shapeOf(run)
	m := newMeeting(t, 10_000+uint64(run), c[0], c[1], c[2])
	m.restart, m.lose, m.repeat = []int{0, 0, 2, 10}[m.rng.IntN(4)], m.rng.IntN(60), m.rng.IntN(20)
	a := newAdversary(m)
	m.run()
	return m, a
}

// TestSimulation: with up to t adversaries in each committee either all honest members
// have their shares, which open to the secrets, and the old ones the certificate; or no
// honest member has. Nobody but the corrupt is blamed, and somebody is.
func TestSimulation(t *testing.T) {
	var done, late, restarts int
	blames := map[string]int{}
	for run := range count() {
		m, a := attack(t, run)
		v := m.check()
		if err := m.outcome(v); err != nil || t.Failed() {
			t.Fatalf("run %d, %v, corrupt %v: %v", run, shapeOf(run), a, err)
		}
		restarts += m.restarts
		switch {
		case v.done:
			done++
		case m.confirmed():
			late++
		}
		for _, bs := range v.blamed {
			for _, b := range bs {
				blames[b.Reason[:min(len(b.Reason), 16)]]++
			}
		}
	}
	t.Logf("%d runs: %d ended well, %d were left open, %d restarts, blames %v", count(), done, late, restarts, blames)
	if count() >= 100 && (done < count()/10 || done > count()*9/10 || late == 0 || restarts == 0) {
		t.Error("too little was put to the test")
	}
}

// outcome demands that honest members end alike: either every new one has shares of one
// transcript, and every old one its certificate, or none has; then a corrupt member is
// blamed, or has said stop.
func (m *meeting) outcome(v verdict) error {
	for s := range v.blamed {
		if !m.corrupt[s] {
			return fmt.Errorf("%v is blamed: %v", s, v.blamed[s])
		}
	}
	switch {
	case v.anyDone && !v.done:
		return fmt.Errorf("some honest new members have shares, and some have not: %v", m.errs)
	case v.done:
		return m.sameCertificate()
	case len(v.blamed) == 0 && !m.corruptStopped():
		return fmt.Errorf("nobody is to blame: %v", m.errs)
	}
	return m.over()
}

// sameCertificate demands that all honest members have one, of the same result, with a
// count that lies between those of honest members.
func (m *meeting) sameCertificate() error {
	var first *Certificate
	least, most := ^uint64(0), uint64(0)
	for s, x := range m.all {
		var c *Certificate
		switch x := x.(type) {
		case *Giver:
			c = x.Certificate()
		case *Receiver:
			if c = nil; x.Result() != nil {
				c = x.Result().Certificate
			}
		}
		if m.corrupt[s] {
			continue
		}
		if s.Role == Old {
			least, most = min(least, m.counts[s.Party]), max(most, m.counts[s.Party])
		}
		if first == nil {
			first = c
		}
		if c == nil || c.Session != first.Session || c.Transcript != first.Transcript {
			return fmt.Errorf("%v has certificate %v, another one %v: %v", s, c, first, m.errs[s])
		}
	}
	for s, x := range m.all {
		if r, ok := x.(*Receiver); ok && !m.corrupt[s] && (r.Result().Opened < least || r.Result().Opened > most) {
			return fmt.Errorf("%v begins with %d openings, honest members counted %d to %d", s, r.Result().Opened, least, most)
		}
	}
	return nil
}

// over demands of an attempt that failed that no honest new member still waits where
// t+1 have said that it is over, and that whoever stopped says why.
func (m *meeting) over() error {
	for s, x := range m.all {
		r, ok := x.(*Receiver)
		if !ok || m.corrupt[s] {
			continue
		}
		if r.failed == nil && len(r.Notices()) > r.next().T {
			return fmt.Errorf("%v waits although %v", s, r.Notices())
		}
		if r.failed != nil && len(r.failed.Blames)+len(r.failed.Notices) == 0 {
			return fmt.Errorf("%v gives no reason", s)
		}
	}
	return nil
}

// corruptStopped reports whether an honest member heard a corrupt one say stop.
func (m *meeting) corruptStopped() bool {
	for s, x := range m.all {
		if m.corrupt[s] {
			continue
		}
		for _, n := range x.(interface{ Notices() []Notice }).Notices() {
			if m.corrupt[n.By] {
				return true
			}
		}
	}
	return false
}

// confirmed reports whether an honest new member has confirmed.
func (m *meeting) confirmed() bool {
	for s, x := range m.all {
		if r, ok := x.(*Receiver); ok && !m.corrupt[s] && r.Committed() {
			return true
		}
	}
	return false
}

// String lists who is corrupt and what they do.
func (a *adversary) String() string {
	var who []Seat
	for _, s := range a.m.seats() {
		if a.m.corrupt[s] {
			who = append(who, s)
		}
	}
	out := fmt.Sprint(who)
	for _, t := range a.tactics {
		out += fmt.Sprintf("; %v %s in rounds %v to %v, to %v, alike %v", t.by, t.do.name, t.first, t.last, t.to, t.alike)
	}
	return out
}

// TestTranscript pins every message of resharings without faults, for all machines and
// builds: what is said does not depend on the order in which it is heard.
func TestTranscript(t *testing.T) {
	for i, want := range map[int]string{
		0: "0xadd14314dd3b0cf8e90c2dbb41c362fa1d16613e2bb905881864707fc72b44da",
		3: "0xa4ed092ce128aafb350167872c308ad29c1745b28187fa44ecb6a62adde96fcb",
		4: "0xd024548403ac10bf62aa8f0ab4db3b74cc07eb8642d4e69aa07d0e8048fec60b",
		5: "0x1a2caf30d54f40485f061ccf92df16a7dd638d8d29e9c6c3dd20929780b9eead",
	} {
		c := committees[i]
		for order := range uint64(2) {
			m := newMeeting(t, uint64(i), c[0], c[1], c[2])
			m.rng = rand.New(rand.NewPCG(order, 6))
			m.run()
			if v := m.check(); !v.done {
				t.Fatal(m.errs)
			}
			if got := m.transcript().String(); got != want {
				t.Errorf("%s, order %d: messages hash to %s, want %s", name(c[0], c[1], c[2]), order, got, want)
			}
		}
	}
}

// transcript is the hash of all that everybody says to everybody, round by round.
func (m *meeting) transcript() fhe.Digest {
	var hashes []byte
	for round := Commit; round <= Certified; round++ {
		for _, from := range m.seats() {
			for _, to := range m.seats() {
				d := fhe.Keccak(m.all[from].Say(round, to))
				hashes = append(hashes, d[:]...)
			}
		}
	}
	return fhe.Keccak(hashes)
}
