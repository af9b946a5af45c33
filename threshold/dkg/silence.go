package dkg

import (
	"cmp"
	"errors"
	"fmt"

	"fhevm/threshold"
)

// Nobody can prove that another is silent. A party that has waited too long asks all
// others for the messages that it lacks; who has one passes it on, since its sender
// has signed it, and the run continues. What nobody has ends the run: the parties tell
// each other what they wait for, and those who are missed in the earliest round are
// to blame, for others may only be late because of them.

var errSilence = errors.New("parties are silent")

// Timeout gives up waiting for what Awaited says.
func (m *Machine) Timeout() {
	switch {
	case m.failure != nil || m.phase == done:
	case m.trial != nil:
		m.trial.silent |= m.trial.awaited(m)
		m.judge()
	case m.silent || m.resumed: // which asked when it began
		m.blameSilence()
	default:
		m.miss()
	}
}

// maxComplaints is how often a party may complain in a run. The last place is for one
// that resumes it, and does not know how often it did.
const (
	maxComplaints = 16
	lastComplaint = maxComplaints - 1
)

// complaints are those of a party, in their order.
func (m *Machine) complaints(id threshold.PartyID) (out []*Message) {
	for i := range uint32(maxComplaints) {
		if msg := m.inbox[slot{from: id, kind: Complaint, index: i}]; msg != nil {
			out = append(out, msg)
		}
	}
	return out
}

// miss tells the others what this party waits for.
func (m *Machine) miss() {
	silent := m.Awaited()
	n := len(m.complaints(m.id))
	if n == lastComplaint {
		m.fail(errSilence, blameAll(silent, "is silent again and again"))
		return
	}
	m.silent = true
	m.send(0, Complaint, uint32(n), m.here(silent).encode())
	m.settle()
}

// here is a complaint about the present round.
func (m *Machine) here(silent threshold.PartySet) complaint {
	c := complaint{kind: m.phase, silent: silent}
	if m.phase == Bodies {
		c.index = m.next
	}
	return c
}

// reach notes how far a party has come: what it sends in a round says that it has
// all that it needed before.
func (m *Machine) reach(msg *Message) {
	old := m.reached[msg.From]
	if msg.Kind <= Confirm && (msg.Kind > old.kind || msg.Kind == old.kind && msg.Index > old.index) {
		m.reached[msg.From] = msg.slot()
	}
}

// missing returns what a party misses still, as far as this one knows: nil if it has
// not complained, has gone on since, or can have what it misses from here.
func (m *Machine) missing(id threshold.PartyID) *complaint {
	all := m.complaints(id)
	if len(all) == 0 {
		return nil
	}
	c, err := parseComplaint(all[len(all)-1].Body)
	now := m.reached[id]
	switch {
	case err != nil || c.silent == 0 || now.kind > c.kind:
		return nil
	case c.kind == Bodies && now.kind == Bodies && now.index >= c.index+window:
		return nil
	}
	for silent := range c.silent.All() { // it has been passed on
		if c.kind != Reveal && m.inbox[slot{from: silent, kind: c.kind, index: c.index}] != nil {
			c.silent &^= threshold.Parties(silent)
		}
	}
	if c.silent == 0 {
		return nil
	}
	return &c
}

// relay is a message that was passed on.
type relay struct {
	slot
	receiver threshold.PartyID
}

// answer passes on what a party misses, each message once.
func (m *Machine) answer(id threshold.PartyID) {
	all := m.complaints(id)
	c, err := parseComplaint(all[len(all)-1].Body)
	if err != nil || c.kind == Reveal {
		return
	}
	for silent := range c.silent.All() {
		s := slot{from: silent, kind: c.kind, index: c.index}
		if msg := m.inbox[s]; msg != nil && !m.relayed[relay{s, id}] {
			m.relayed[relay{s, id}] = true
			m.out = append(m.out, Envelope{threshold.Parties(id), msg})
		}
	}
}

// settle blames, as soon as all have spoken but those who are missed.
func (m *Machine) settle() {
	_, silent := m.earliest()
	for id := range (m.run.quorum.All() &^ silent).All() {
		if m.missing(id) == nil {
			return
		}
	}
	m.blameSilence()
}

func blameAll(set threshold.PartySet, reason string) map[threshold.PartyID]string {
	out := make(map[threshold.PartyID]string)
	for id := range set.All() {
		out[id] = reason
	}
	return out
}

// earliest returns the earliest complaints, and all whom they miss.
func (m *Machine) earliest() (by map[threshold.PartyID]*complaint, silent threshold.PartySet) {
	var first *complaint
	for id := range m.run.quorum.All().All() {
		c := m.missing(id)
		if c == nil {
			continue
		}
		order := -1
		if first != nil {
			order = cmp.Or(cmp.Compare(c.kind, first.kind), cmp.Compare(c.index, first.index))
		}
		if order > 0 {
			continue
		}
		if order < 0 {
			first, by, silent = c, make(map[threshold.PartyID]*complaint), 0
		}
		by[id] = c
		silent |= c.silent
	}
	return by, silent
}

func (m *Machine) blameSilence() {
	by, _ := m.earliest()
	if len(by) == 0 {
		m.fail(errSilence, blameAll(m.Awaited(), "is silent"))
		return
	}
	blames := make(map[threshold.PartyID]string)
	for who := range m.run.quorum.All().All() {
		if by[who] == nil {
			continue
		}
		for id := range by[who].silent.All() {
			if blames[id] == "" || who == m.id {
				blames[id] = fmt.Sprintf("sent no %v, says party %d", by[who].kind, who)
			}
		}
	}
	m.fail(errSilence, blames)
}
