package dkg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"fhevm/threshold"
)

// Nobody can prove that another is silent. A party that has waited too long asks all
// others for the messages that it lacks; who has one passes it on, since its sender
// has signed it, and so all that this sender says later, and the run continues. What
// nobody has ends the run: the parties tell each other what they wait for, and those
// who are missed in the earliest round are to blame, for others may only be late
// because of them. Each of t silent parties can hold up another one once, so that
// the others wait t times more for that one before they blame it.

var errSilence = errors.New("parties are silent")

// Timeout gives up waiting for what Awaited says.
func (m *Machine) Timeout() {
	switch {
	case m.failure != nil || m.phase == done:
	case m.trial != nil:
		m.adjourn()
	case m.waited == 0:
		m.miss()
	case m.waited < m.run.quorum.T:
		m.waited++
	default:
		m.blameSilence()
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
		m.giveUp(blameAll(silent, "is silent again and again"))
		return
	}
	m.waited = 1
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
	if n := len(all); n > 0 && all[n-1].Index == lastComplaint {
		all = all[:n-1] // a question, asked before it has waited
	}
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
		if c.kind != Reveal && m.inbox[slot{from: silent, kind: c.kind, index: c.index}] != nil && !m.tooLate(id, c, silent) {
			c.silent &^= threshold.Parties(silent)
		}
	}
	if id == m.id {
		c.silent &= m.Awaited()
	}
	if c.silent &^= threshold.Parties(m.id); c.silent == 0 { // this one has said all that it could
		return nil
	}
	return &c
}

// tooLate reports whether a message came here, but only after this party had missed it
// as well, and not to one that had given the run up by then.
func (m *Machine) tooLate(id threshold.PartyID, c complaint, silent threshold.PartyID) bool {
	return m.inbox[slot{from: id, kind: Farewell}] != nil && m.complained(m.id, func(own complaint) bool {
		return own.kind == c.kind && own.index == c.index && own.silent.Has(silent)
	})
}

// complained reports whether a party has made such a complaint.
func (m *Machine) complained(id threshold.PartyID, such func(complaint) bool) bool {
	return slices.ContainsFunc(m.complaints(id), func(msg *Message) bool {
		c, err := parseComplaint(msg.Body)
		return err == nil && such(c)
	})
}

// relay is a message that was passed on.
type relay struct {
	slot
	receiver threshold.PartyID
}

// answer passes on what a party misses, and what those whom it misses have said since.
func (m *Machine) answer(id threshold.PartyID) {
	all := m.complaints(id)
	c, err := parseComplaint(all[len(all)-1].Body)
	if err != nil {
		return
	}
	for kind := c.kind; kind <= Confirm; kind++ {
		for silent := range c.silent.All() {
			m.pass(m.inbox[slot{from: silent, kind: kind}])
			for index := c.index; kind == Bodies && index <= m.next; index++ {
				m.pass(m.inbox[slot{from: silent, kind: kind, index: index}])
			}
		}
	}
}

// pass passes a message on, once, to those who have missed its sender in that round or
// before. A chunk waits for its turn: before, it may be too early for a receiver.
func (m *Machine) pass(msg *Message) {
	if msg == nil || msg.To != 0 || msg.Kind > Confirm || msg.Kind == Bodies && msg.Index > m.next {
		return
	}
	for id := range (m.others() &^ threshold.Parties(msg.From)).All() {
		to := relay{msg.slot(), id}
		if !m.relayed[to] && m.complained(id, func(c complaint) bool {
			return c.silent.Has(msg.From) && (c.kind < msg.Kind || c.kind == msg.Kind && c.index <= msg.Index)
		}) {
			m.relayed[to] = true
			m.out = append(m.out, Envelope{threshold.Parties(id), msg})
		}
	}
}

// settle blames, as soon as all but those who are missed say that they miss the same.
// Who is further has it and passes it on, or waits for one that may still get it. Where more
// than t are missed, some of them are only late.
func (m *Machine) settle() {
	by, silent := m.earliest()
	if silent.Len() > m.run.quorum.T {
		return
	}
	for id := range (m.run.quorum.All() &^ silent).All() {
		if by[id] == nil || by[id].silent != silent {
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
	by, silent := m.earliest()
	if len(by) == 0 {
		m.giveUp(blameAll(m.Awaited(), fmt.Sprintf("sent no %v, says party %d", m.phase, m.id)))
		return
	}
	blames, culprits := make(map[threshold.PartyID]string), m.culprits(by, silent)
	for who := range m.run.quorum.All().All() {
		if by[who] == nil {
			continue
		}
		for id := range (by[who].silent & culprits).All() {
			if blames[id] == "" || who == m.id {
				blames[id] = fmt.Sprintf("sent no %v, says party %d", by[who].kind, who)
			}
		}
	}
	m.giveUp(blames)
}

// culprits are the silent ones. Of more than t some are only late: then those whom more than
// t miss are to blame, for one of these is honest, if there are any.
func (m *Machine) culprits(by map[threshold.PartyID]*complaint, silent threshold.PartySet) (often threshold.PartySet) {
	if silent.Len() <= m.run.quorum.T {
		return silent
	}
	for id := range silent.All() {
		missed := 0
		for _, c := range by {
			if c.silent.Has(id) {
				missed++
			}
		}
		if missed > m.run.quorum.T {
			often = often.With(id)
		}
	}
	return cmp.Or(often, silent)
}

// giveUp blames parties for silence, unless one of them is gone for a reason.
func (m *Machine) giveUp(silent map[threshold.PartyID]string) {
	known := m.reasons()
	for id := range silent {
		if m.farewell(id) != nil && len(known) > 0 {
			silent = known
			break
		}
	}
	m.fail(errSilence, silent)
}

// reasons are the parties that t+1 others blamed when they gave the run up: one of
// these is honest, and those who left are not to be waited for.
func (m *Machine) reasons() map[threshold.PartyID]string {
	by := make(map[threshold.PartyID]threshold.PartySet)
	for id := range m.others().All() {
		if f := m.farewell(id); f != nil {
			for blamed := range f.blamed.All() {
				by[blamed] = by[blamed].With(id)
			}
		}
	}
	blames := make(map[threshold.PartyID]string)
	for id, who := range by {
		if who.Len() > m.run.quorum.T {
			blames[id] = fmt.Sprintf("is to blame, say parties %v, who have given the run up", who)
		}
	}
	return blames
}
