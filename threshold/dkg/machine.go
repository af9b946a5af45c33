package dkg

import (
	"fmt"
	"io"

	"fhevm/threshold"
	"fhevm/threshold/eip712"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Machine is one party in a run: messages go in and come out, and nothing else
// happens. It has no clock: who drives it says with Timeout that it will not wait any
// longer. It is not safe for concurrent use. It prints as "[secret]".
type Machine struct {
	run    *Run
	id     threshold.PartyID
	signer *secp256k1.PrivateKey

	phase phase
	inbox map[slot]*Message // what has come and may still be needed, own messages too
	out   []Envelope

	own        map[threshold.PartySet]contribution
	randomness *randomness
	roots      []wide
	masks      [narrows][]uint64
	secret     *secret
	assembly   *assembly
	openers    openers
	next       uint32 // chunk that is to be opened
	keys       *Keys
	digests    []byte // of finished keys, as Ready and Confirm carry them
	resumed    bool

	relayed map[relay]bool
	waited  int                        // timeouts in this round: it has told the others what it misses
	reached map[threshold.PartyID]slot // the latest message of a round from each party
	trial   *trial                     // once shares do not fit together
	failure *Failure
}

// Envelope is a message and the parties that are to get it.
type Envelope struct {
	To threshold.PartySet
	*Message
}

// phase is what a machine waits for: the messages of that kind, from all others.
type phase = Kind

// done comes after all kinds of messages.
const done phase = 255

// window is how many chunks a party sends ahead of the one that it opens.
const window = 4

// Format implements fmt.Formatter.
func (*Machine) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// New begins party id's part in a run, with contributions drawn from rand. Out has
// the first messages.
func New(run *Run, id threshold.PartyID, signer *secp256k1.PrivateKey, rand io.Reader) (*Machine, error) {
	m, err := newMachine(run, id, signer)
	if err != nil {
		return nil, err
	}
	return m, m.commit(rand)
}

func newMachine(run *Run, id threshold.PartyID, signer *secp256k1.PrivateKey) (*Machine, error) {
	member, err := run.Committee.Member(id)
	if err != nil {
		return nil, err
	}
	if eip712.AddressOf(signer.PubKey()) != member.Signer {
		return nil, fmt.Errorf("the signing key is not that of party %d", id)
	}
	return &Machine{
		run: run, id: id, signer: signer, phase: Commitments, inbox: make(map[slot]*Message),
		own: make(map[threshold.PartySet]contribution), openers: newOpeners(run.quorum), reached: make(map[threshold.PartyID]slot),
		relayed: make(map[relay]bool),
	}, nil
}

// Out returns the messages that are to be sent, and forgets them. They must reach
// their receivers, in any order; more than once does no harm.
func (m *Machine) Out() (out []Envelope) {
	out, m.out = m.out, nil
	return out
}

// send signs a message and takes note of it as if it had come.
func (m *Machine) send(to threshold.PartyID, kind Kind, index uint32, body []byte) {
	msg := &Message{Run: m.run.id, From: m.id, To: to, Kind: kind, Index: index, Body: body}
	msg.Signature = eip712.Sign(m.signer, msg.digest())
	m.inbox[msg.slot()] = msg
	m.reach(msg)
	receivers := m.others()
	if to != 0 {
		receivers = threshold.Parties(to)
	}
	m.out = append(m.out, Envelope{receivers, msg})
}

// Receive takes a message. What is not of this run, or not signed by its sender, is
// dropped: nobody can be blamed for it.
func (m *Machine) Receive(msg *Message) {
	if m.failure != nil || msg.From == m.id || msg.To != 0 && msg.To != m.id || !m.awaits(msg) || !m.run.authentic(msg) {
		return
	}
	if old := m.inbox[msg.slot()]; old != nil {
		if old.digest() != msg.digest() && msg.Kind <= Complaint && m.phase != done {
			m.accuse(errLie, old, msg)
		}
		return
	}
	m.inbox[msg.slot()] = msg
	m.reach(msg)
	m.pass(msg)
	switch msg.Kind {
	case Complaint:
		m.answer(msg.From)
	case Disclosure:
		m.overhear(msg)
	case Verdict:
		m.heedShown(msg)
	}
	m.advance()
}

// awaits bounds what is kept: messages of this round and later ones, and few chunks
// ahead. A party cannot be further ahead: it has opened no chunk that this one has not
// sent, and sends no more than a window beyond.
func (m *Machine) awaits(msg *Message) bool {
	switch {
	case m.phase == done && msg.Kind != Complaint: // what others still miss is all that matters
		return false
	case len(msg.Body) > m.run.limits[min(msg.Kind, Farewell)] || (msg.To != 0) != (msg.Kind == Reveal):
		return false
	case msg.Kind == Bodies:
		return msg.Index >= m.next && msg.Index < min(m.next+2*window, uint32(chunks(m.run.Params)))
	case msg.Kind == Complaint:
		return msg.Index < maxComplaints
	case msg.Kind == Verdict:
		return msg.Index < maxVerdicts
	case msg.Kind == Disclosure || msg.Kind == Farewell:
		return msg.Index == 0
	}
	return msg.Index == 0 && (msg.Kind <= Reveal || msg.Kind >= m.phase) && msg.Kind >= Commitments && msg.Kind <= Confirm
}

// advance goes on as long as everything is there that the phase needs.
func (m *Machine) advance() {
	for m.failure == nil && m.phase != done {
		if m.heed(); m.failure != nil {
			return
		}
		if m.trial == nil && m.phase < Confirm && m.complainers() != 0 {
			m.try(errComplaint)
		}
		switch {
		case m.trial != nil:
			m.judge()
			return
		case m.Awaited() != 0:
			if m.waited > 0 {
				m.settle()
			}
			return
		}
		m.waited = 0
		if err := m.rounds(); err != nil {
			m.complain(err)
		}
	}
}

// rounds does what the phase's messages allow, and enters the next one.
func (m *Machine) rounds() error {
	switch m.phase {
	case Commitments:
		return m.reveal()
	case Reveal:
		return m.square()
	case Squares:
		return m.moveBits()
	case Masked:
		return m.begin()
	case Bodies:
		return m.open()
	case Ready:
		return m.confirm()
	}
	return m.finish()
}

// Awaited returns the parties whose messages the machine waits for.
func (m *Machine) Awaited() (missing threshold.PartySet) {
	if m.trial != nil {
		return m.trial.awaited(m)
	}
	for id := range m.run.quorum.All().All() {
		if m.phase != done && m.message(m.phase, id) == nil {
			missing = missing.With(id)
		}
	}
	return missing
}

// message is that of a party for the phase's round, nil if it has not come.
func (m *Machine) message(kind Kind, from threshold.PartyID) *Message {
	s := slot{from: from, kind: kind}
	switch {
	case kind == Reveal && from == m.id: // to itself a party reveals nothing
		s.kind = Commitments
	case kind == Reveal:
		s.to = m.id
	case kind == Bodies:
		s.index = m.next
	}
	return m.inbox[s]
}

// bodies are those of all parties' messages of a round, in the order of their ids.
func (m *Machine) bodies(kind Kind) (out [][]byte) {
	for id := range m.run.quorum.All().All() {
		out = append(out, m.message(kind, id).Body)
	}
	return out
}

// Progress says how many of a run's rounds and chunks are done.
func (m *Machine) Progress() (done, total int) {
	total = int(Confirm) - 1 + chunks(m.run.Params)
	if m.phase < Bodies {
		return int(m.phase) - 1, total
	}
	return min(int(m.phase)-1+int(m.next), total), total
}

// Done reports whether all parties have confirmed the keys.
func (m *Machine) Done() bool { return m.phase == done && m.failure == nil }

// Confirmed reports whether the party has confirmed the keys: then others may take the
// run for done, whatever becomes of it here.
func (m *Machine) Confirmed() bool { return m.phase >= Confirm }

// Failure is not nil once the run has been given up and all who can be blamed are.
func (m *Machine) Failure() *Failure { return m.failure }

// Wipe overwrites what is secret. The machine is of no use any more.
func (m *Machine) Wipe() {
	clear(m.own)
	for s, msg := range m.inbox {
		if s.kind == Reveal || s.kind == Disclosure {
			clear(msg.Body)
		}
	}
	clear(m.inbox)
	clear(m.roots)
	for k := range m.masks {
		clear(m.masks[k])
	}
	if m.secret != nil {
		m.secret.wipe()
	}
	if m.randomness != nil {
		m.randomness.wipe()
	}
}
