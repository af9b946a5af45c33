package dkg

import (
	"slices"
	"strings"
	"testing"

	"fhevm/threshold"
)

// at has a party misbehave in one kind of message only.
func at(kind Kind, change tamper) tamper {
	return func(n *net, to threshold.PartyID, msg *Message) *Message {
		if msg.Kind != kind {
			return msg
		}
		return change(n, to, msg)
	}
}

// flip changes one byte of what everyone gets.
func flip(place int) tamper {
	return func(n *net, _ threshold.PartyID, msg *Message) *Message {
		body := slices.Clone(msg.Body)
		body[place] ^= 1
		return n.sign(*msg, body)
	}
}

// only does it to one receiver.
func only(victim threshold.PartyID, change tamper) tamper {
	return func(n *net, to threshold.PartyID, msg *Message) *Message {
		if to != victim {
			return msg
		}
		return change(n, to, msg)
	}
}

// except does it to all but one.
func except(spared threshold.PartyID, change tamper) tamper {
	return func(n *net, to threshold.PartyID, msg *Message) *Message {
		if to == spared {
			return msg
		}
		return change(n, to, msg)
	}
}

func short(n *net, _ threshold.PartyID, msg *Message) *Message { return n.sign(*msg, msg.Body[1:]) }

func nothing(*net, threshold.PartyID, *Message) *Message { return nil }

// twice sends a second message for the same place.
func twice(n *net, to threshold.PartyID, msg *Message) *Message {
	n.flying = append(n.flying, flight{to, flip(40)(n, to, msg)})
	return msg
}

// cry complains of nothing, beside what the party sends.
func cry(n *net, to threshold.PartyID, msg *Message) *Message {
	n.flying = append(n.flying, flight{to, n.sign(Message{Run: msg.Run, From: msg.From, Kind: Complaint}, complaint{kind: Squares}.encode())})
	return msg
}

// TestLiars has a party misbehave in every way in every round. Each time the run ends
// in failure at every honest party, and that party, and no other, is blamed.
func TestLiars(t *testing.T) {
	const liar = 3
	cases := map[string]struct {
		tamper tamper
		reason string
	}{
		"silent from the start":   {nothing, "sent no commitments"},
		"malformed commitments":   {at(Commitments, short), "malformed commitments"},
		"two commitments":         {at(Commitments, only(1, flip(3))), "different"},
		"two commitments to one":  {at(Commitments, only(2, twice)), "different"},
		"no contributions":        {at(Reveal, nothing), "sent no contributions"},
		"no contributions to one": {at(Reveal, only(1, nothing)), "sent no contributions"},
		"malformed contributions": {at(Reveal, only(2, short)), "other contributions"},
		"other contributions":     {at(Reveal, only(1, flip(64))), "other contributions"},
		"other contributions to one, who hears another disclosure": {only(1, func(n *net, to threshold.PartyID, msg *Message) *Message {
			switch msg.Kind {
			case Reveal:
				return flip(64)(n, to, msg)
			case Disclosure:
				return short(n, to, msg)
			}
			return msg
		}), "other contributions"},
		"other contributions to one, who hears no disclosure": {only(4, func(n *net, to threshold.PartyID, msg *Message) *Message {
			switch msg.Kind {
			case Reveal:
				return flip(64)(n, to, msg)
			case Disclosure:
				return nil
			}
			return msg
		}), "other contributions"},
		"commitments nobody sent": {at(Reveal, only(1, flip(0))), "other commitments"},
		"no squares":              {at(Squares, nothing), "sent no squares"},
		"wrong squares":           {at(Squares, flip(1000)), "wrong shares of squares"},
		"wrong squares to one":    {at(Squares, only(4, flip(1000))), "of squares"},
		"malformed squares":       {at(Squares, short), "wrong shares of squares"},
		"squares that are not reduced": {at(Squares, func(n *net, _ threshold.PartyID, m *Message) *Message {
			return n.sign(*m, slices.Repeat([]byte{255}, len(m.Body)))
		}), "wrong shares of squares"},
		"wrong masked bits":        {at(Masked, flip(31)), "wrong shares of masked bits"},
		"wrong masked bits to one": {at(Masked, only(1, flip(31))), "of masked bits"},
		"no masked bits":           {at(Masked, nothing), "sent no masked bits"},
		"wrong bodies":             {at(Bodies, flip(79)), "wrong shares of bodies"},
		"wrong bodies to one":      {at(Bodies, only(2, flip(79))), "of bodies"},
		"malformed bodies":         {at(Bodies, short), "wrong shares of bodies"},
		"no bodies":                {at(Bodies, nothing), "sent no bodies"},
		"other keys":               {at(Ready, flip(5)), "other keys"},
		"other keys to one":        {at(Ready, only(1, flip(5))), "other keys"},
		"not ready":                {at(Ready, nothing), "sent no finished keys"},
		"complains of nothing":     {at(Squares, cry), ""},
		"complains of nothing when all is done but to confirm": {at(Ready, cry), ""},
		"confirms other keys": {at(Confirm, flip(1)), "other keys in its confirmation"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNet(t, newTestRun(t, 4, &small), uint64(len(name)))
			n.tamper[liar] = c.tamper
			n.play()
			n.blames(liar, c.reason)
		})
	}
}

// blames demands that all honest parties blame the liar and nobody else.
func (n *net) blames(liar threshold.PartyID, reason string) {
	n.t.Helper()
	for id := range n.honest().All() {
		m := n.machines[id]
		f := m.Failure()
		if f == nil {
			n.t.Errorf("party %d: phase %v, done %v, waits for %v: no failure", id, m.phase, m.Done(), m.Awaited())
			continue
		}
		if len(f.Blames) != 1 || f.Blames[0].Party != liar || !strings.Contains(f.Blames[0].Reason, reason) {
			n.t.Errorf("party %d: %v", id, f)
		}
	}
}

// TestTwoLiars has two of seven misbehave at a time. What one of them did may end the
// run before the other's turn.
func TestTwoLiars(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 7, &small), 1)
	n.tamper[2], n.tamper[7] = at(Bodies, only(1, flip(79))), at(Bodies, flip(100))
	n.play()
	for id := range n.honest().All() {
		f := n.machines[id].Failure()
		if f == nil || len(f.Blames) == 0 || slices.ContainsFunc(f.Blames, func(b threshold.Blame) bool { return b.Party != 2 && b.Party != 7 }) {
			t.Errorf("party %d: %v", id, f)
		}
	}
}

// TestWithheld has liars say nothing to one party, in rounds whose messages go to all:
// the others pass on what they have, and do not take for silent who is only behind.
func TestWithheld(t *testing.T) {
	from := func(kind Kind) tamper { // that kind and all later ones
		return only(1, func(_ *net, _ threshold.PartyID, msg *Message) *Message {
			if msg.Kind >= kind {
				return nil
			}
			return msg
		})
	}
	for name, tampers := range map[string][]tamper{
		"squares":                          {at(Squares, only(1, nothing))},
		"masked bits":                      {at(Masked, only(1, nothing))},
		"bodies":                           {at(Bodies, only(1, nothing))},
		"bodies from all but one":          {at(Bodies, except(1, nothing))},
		"finished keys":                    {at(Ready, only(1, nothing))},
		"all from the squares on":          {from(Squares)},
		"masked bits, and bodies by two":   {at(Masked, only(1, nothing)), at(Bodies, only(1, nothing))},
		"all but contributions, one later": {from(Squares), from(Bodies)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3 - len(tampers)) {
				n := newNet(t, newTestRun(t, 1+3*len(tampers), &tiny), seed)
				for i, change := range tampers {
					n.tamper[threshold.PartyID(2+2*i)] = change
				}
				n.play()
				for id := range n.honest().All() {
					if m := n.machines[id]; !m.Done() {
						t.Errorf("seed %d, party %d: %v, waits for %v of %v", seed, id, m.Failure(), m.phase, m.Awaited())
					}
				}
			}
		})
	}
}

// TestForged drops what is not its sender's, and messages of other runs.
func TestForged(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 1)
	other := newTestRun(t, 4, &small)
	other.id[0] ^= 1
	n.tamper[3] = func(n *net, to threshold.PartyID, msg *Message) *Message {
		forged := *n.sign(*msg, flipped(msg.Body))
		forged.From = 2
		foreign := *msg
		foreign.Run = other.ID()
		n.flying = append(n.flying, flight{to, &forged}, flight{to, n.sign(foreign, flipped(msg.Body))})
		return msg
	}
	n.play()
	for id, m := range n.machines {
		if !m.Done() {
			t.Errorf("party %d: %v, waits for %v of %v", id, m.Failure(), m.phase, m.Awaited())
		}
	}
}

func flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[0] ^= 1
	return b
}

func FuzzMessage(f *testing.F) {
	run := newTestRun(f, 4, &small)
	n := newNet(f, run, 3)
	for _, m := range n.machines {
		f.Add(m.Out()[0].Encode())
	}
	f.Add(encodeMessages([]*Message{{Kind: Reveal, Body: []byte{1}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if msg, err := ParseMessage(b); err == nil {
			if again := msg.Encode(); string(again) != string(b) {
				t.Error("encodes to something else")
			}
			_, _, _ = run.parseDisclosure(msg)
			n.machines[1].Receive(msg)
		}
		if list, err := parseMessages(b); err == nil && string(encodeMessages(list)) != string(b) {
			t.Error("a list encodes to something else")
		}
		if c, err := parseComplaint(b); err == nil && string(c.encode()) != string(b) {
			t.Error("a complaint encodes to something else")
		}
		_, _ = parseWide(b, len(b)/wideSize)
		_, _ = parseChunk(&small, 1, b)
	})
}
