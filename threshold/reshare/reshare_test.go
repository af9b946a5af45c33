package reshare

import (
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/agree"
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
