package dkg

import (
	"strings"
	"testing"

	"fhevm/threshold"
)

// runWhere delivers, in order, all flights that ok lets through, and keeps the others.
func (n *net) runWhere(ok func(to threshold.PartyID, m *Message) bool) {
	n.collect()
	for {
		found := false
		for i, f := range n.flying {
			if !ok(f.to, f.msg) {
				continue
			}
			n.flying = append(n.flying[:i:i], n.flying[i+1:]...)
			msg, err := ParseMessage(f.msg.Encode())
			if err != nil {
				n.t.Fatalf("undeliverable message of %d bytes from honest party %d: %v", len(f.msg.Body), f.msg.From, err)
			}
			n.machines[f.to].Receive(msg)
			n.collect()
			found = true
			break
		}
		if !found {
			return
		}
	}
}

func (n *net) by(from threshold.PartyID, kind Kind, index uint32, body []byte) *Message {
	return n.sign(Message{Run: n.run.ID(), From: from, Kind: kind, Index: index}, body)
}

// A malformed complaint does not make a party that has confirmed disclose, while another is done.
func TestDiscloseAfterConfirm(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 1)
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return !(to == 1 && m.Kind == Confirm && m.From == 3) })
	victim, done := n.machines[1], n.machines[2]
	if victim.phase != Confirm || !done.Done() {
		t.Fatal("setup", victim.phase, done.phase)
	}
	victim.Receive(n.by(3, Complaint, 0, []byte{}))
	for _, e := range victim.Out() {
		if e.Kind != Disclosure {
			continue
		}
		own, seen, _ := n.run.parseDisclosure(e.Message)
		known := make(contributions)
		known.add(1, own)
		for _, msg := range seen {
			if msg.Kind == Reveal {
				got := make(map[threshold.PartySet]contribution)
				for i, set := range n.run.common(msg.From, msg.To) {
					got[set] = contribution(msg.Body[32*(1+i):])
				}
				known.add(msg.From, got)
			}
		}
		set := threshold.Parties(1) | threshold.Parties(2) | threshold.Parties(4) // without the corrupt party 3
		seed := known.seeds(n.run)(set)
		for _, term := range done.randomness.large {
			if term.seed.Bytes() == seed.Bytes() {
				t.Errorf("LEAK: party 1 disclosed after it confirmed, party 2 is done; the seed of set %v that party 3 must not know came out", set)
			}
		}
	}
}

// One complaint, without any Timeout, ends nothing.
func TestComplaintFramesHonest(t *testing.T) {
	t.Parallel()
	for _, phase := range []Kind{Commitments, Squares, Bodies} {
		n := newNet(t, newTestRun(t, 4, &small), 1)
		hold := func(to threshold.PartyID, m *Message) bool { // 3 is prompt, 2 and 4 a moment late
			return !(to == 1 && m.Kind >= phase && m.From != 3)
		}
		n.runWhere(hold)
		n.machines[1].Receive(n.by(3, Complaint, 0, complaint{kind: Confirm, silent: threshold.Parties(2) | threshold.Parties(4)}.encode()))
		f := n.machines[1].Failure()
		if f != nil {
			t.Errorf("%v: without a timeout: %v", phase, f)
		}
		n.runWhere(func(threshold.PartyID, *Message) bool { return true })
		for id := range n.run.quorum.All().All() {
			if !n.machines[id].Done() {
				t.Errorf("%v: party %d: %v, waits for %v", phase, id, n.machines[id].Failure(), n.machines[id].Awaited())
			}
		}
	}
}

// An honest complainer that meets another lie later has two verdicts, and is not convicted for it.
func TestTwoVerdicts(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 1)
	n.tamper[3] = func(n *net, to threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Squares {
			return flip(1000)(n, to, msg)
		}
		return msg
	}
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return m.Kind != Verdict })
	h := n.machines[1]
	if h.Failure() != nil || h.trial == nil {
		t.Fatal("setup")
	}
	h.Receive(n.by(3, Complaint, 5, complaint{kind: Squares, silent: 2}.encode()))
	h.Receive(n.by(3, Complaint, 5, complaint{kind: Masked, silent: 2}.encode()))
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return m.From == 1 })
	for _, id := range []threshold.PartyID{2, 4} {
		if f := n.machines[id].Failure(); f != nil {
			for _, b := range f.Blames {
				if b.Party == 1 {
					t.Errorf("party %d blames honest party 1: %v", id, f)
				}
			}
		}
	}
}

// Two large verdicts do not make an honest party's accusation too large to send.
func TestHugeVerdict(t *testing.T) {
	n := newNet(t, newTestRun(t, 4, &small), 1)
	n.collect()
	for i := range 2 {
		inner := n.by(3, Bodies, uint32(i), make([]byte, 9<<20))
		n.machines[1].Receive(n.by(3, Verdict, 0, encodeMessages([]*Message{inner})))
	}
	for _, e := range n.machines[1].Out() {
		if size := len(e.Message.Encode()); size > MaxMessage {
			t.Errorf("honest party 1 failed (%v) and its verdict has %d bytes, more than %d: nobody takes it", n.machines[1].Failure(), size, MaxMessage)
		}
	}
}

// Parties that gave up for silence disclose nothing to one that complains a moment later, and are not blamed for it.
func TestSilenceRace(t *testing.T) {
	n := newNet(t, newTestRun(t, 4, &small), 1)
	var kept *Message
	n.tamper[3] = func(n *net, to threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Squares {
			kept = flip(1000)(n, to, msg)
			return nil
		}
		return msg
	}
	all := func(threshold.PartyID, *Message) bool { return true }
	n.runWhere(all)
	for _, id := range []threshold.PartyID{1, 2, 4} {
		n.machines[id].Timeout() // all miss party 3's squares
	}
	n.collect()
	// the corrupt party sees the complaints and gives 1 wrong shares before those of 2 and 4 come to it
	n.machines[1].Receive(kept)
	n.collect()
	// complaints of silence arrive at 2 and 4 in the order in which they were sent
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return to != 3 })
	for range 6 {
		for _, id := range []threshold.PartyID{1, 2, 4} {
			n.machines[id].Timeout()
		}
		n.runWhere(func(to threshold.PartyID, m *Message) bool { return to != 3 })
	}
	for _, id := range []threshold.PartyID{1, 2, 4} {
		f := n.machines[id].Failure()
		for _, b := range f.Blames {
			if b.Party != 3 {
				t.Errorf("party %d blames honest %v: %v", id, b.Party, f)
			}
		}
	}
}

// Two parties gave up because nobody had a liar's message; a third gets it a moment later,
// goes on alone, and blames the liar for their absence.
func TestTooLate(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &tiny), 1)
	var kept *Message
	n.tamper[3] = func(_ *net, _ threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Masked {
			kept = msg
			return nil
		}
		return msg
	}
	n.runWhere(func(threshold.PartyID, *Message) bool { return true })
	for _, id := range []threshold.PartyID{1, 2, 4} {
		n.machines[id].Timeout() // all miss party 3's masked bits
	}
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return to == 1 || to == 4 })
	if n.machines[1].Failure() == nil || n.machines[4].Failure() == nil {
		t.Fatal("setup")
	}
	n.machines[2].Receive(kept)
	for range 4 {
		n.runWhere(func(to threshold.PartyID, m *Message) bool { return to != 3 })
		n.machines[2].Timeout()
	}
	n.blames(3, "masked bits")
}

// Two parties give up for the lack of a message that a third has just got, before it
// missed anything. It learns from their farewells why they are gone.
func TestGoneForAReason(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &tiny), 1)
	var kept *Message
	n.tamper[3] = func(_ *net, _ threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Masked {
			kept = msg
			return nil
		}
		return msg
	}
	n.runWhere(func(threshold.PartyID, *Message) bool { return true })
	for range 2 {
		for _, id := range []threshold.PartyID{1, 4} {
			n.machines[id].Timeout()
		}
		n.collect()
	}
	if n.machines[1].Failure() == nil || n.machines[4].Failure() == nil {
		t.Fatal("setup")
	}
	n.machines[2].Receive(kept)
	for range 4 {
		n.runWhere(func(to threshold.PartyID, m *Message) bool { return to != 3 })
		n.machines[2].Timeout()
	}
	n.blames(3, "")
	if f := n.machines[2].Failure(); !strings.Contains(f.Error(), "say parties {1 4}") {
		t.Errorf("party 2 knows of no reason: %v", f)
	}
}

// A farewell of one liar convicts nobody.
func TestFarewellFramesHonest(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &tiny), 1)
	n.tamper[3] = func(_ *net, _ threshold.PartyID, msg *Message) *Message { return nil }
	for _, id := range []threshold.PartyID{1, 2, 4} {
		n.machines[id].Receive(n.by(3, Farewell, 0, farewell{blamed: threshold.Parties(1, 2, 4)}.encode()))
	}
	n.play()
	n.blames(3, "sent no")
}

// A party confirms to one other only. That one is done, and passes the confirmation on.
func TestSplit(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 1)
	n.tamper[3] = func(n *net, to threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Confirm && to != 2 {
			return nil
		}
		return msg
	}
	n.play()
	for id := range n.honest().All() {
		if !n.machines[id].Done() {
			t.Errorf("party %d: %v", id, n.machines[id].Failure())
		}
	}
}

// A complaint that only party 1 gets, hidden behind a harmless one of a higher index,
// does not send party 1 to trial alone.
func TestHiddenComplaint(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 1)
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return m.Kind <= Reveal || m.From == 3 })
	h := n.machines[1]
	h.Receive(n.by(3, Complaint, 15, complaint{kind: Commitments, silent: 2}.encode()))
	h.Receive(n.by(3, Complaint, 0, complaint{kind: Commitments}.encode()))
	n.runWhere(func(to threshold.PartyID, m *Message) bool { return true })
	for range 6 {
		for _, id := range []threshold.PartyID{1, 2, 4} {
			n.machines[id].Timeout()
		}
		n.runWhere(func(to threshold.PartyID, m *Message) bool { return true })
	}
	for _, id := range []threshold.PartyID{1, 2, 4} {
		for _, b := range n.machines[id].Failure().Blames {
			if b.Party != 3 {
				t.Errorf("party %d blames honest party %d: %v", id, b.Party, n.machines[id].Failure())
			}
		}
	}
}
