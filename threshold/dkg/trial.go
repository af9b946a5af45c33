package dkg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fhevm/threshold"
)

// Failure says that a run was given up, and who is to blame. Its keys and shares are
// of no use; the parties begin anew when those to blame have been replaced.
type Failure struct {
	Blames []threshold.Blame // by party
	Cause  error
}

// Error implements error.
func (f *Failure) Error() string {
	var who []string
	for _, b := range f.Blames {
		who = append(who, b.String())
	}
	return fmt.Sprintf("key generation was given up: %v (%s)", f.Cause, strings.Join(who, "; "))
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Cause }

var (
	errLie       = errors.New("a party contradicts itself")
	errComplaint = errors.New("a party complains")
)

// fail ends the run.
func (m *Machine) fail(cause error, blames map[threshold.PartyID]string) {
	f, bye := &Failure{Cause: cause}, farewell{disclosed: m.inbox[slot{from: m.id, kind: Disclosure}] != nil, verdicts: len(m.verdicts(m.id))}
	for id := range m.run.quorum.All().All() {
		if reason, ok := blames[id]; ok {
			f.Blames = append(f.Blames, threshold.Blame{Party: id, Reason: reason})
			bye.blamed = bye.blamed.With(id)
		}
	}
	m.failure = f
	m.send(0, Farewell, 0, bye.encode())
}

// farewell is what a party says that gives the run up.
type farewell struct {
	disclosed bool
	verdicts  int
	blamed    threshold.PartySet
}

func (f farewell) encode() []byte {
	b := []byte{0, byte(f.verdicts)}
	if f.disclosed {
		b[0] = 1
	}
	return binary.BigEndian.AppendUint16(b, uint16(f.blamed))
}

// farewell is that of a party, nil if it has said none that can be read.
func (m *Machine) farewell(id threshold.PartyID) *farewell {
	msg := m.inbox[slot{from: id, kind: Farewell}]
	if msg == nil || len(msg.Body) != 4 {
		return nil
	}
	return &farewell{disclosed: msg.Body[0] != 0, verdicts: int(msg.Body[1]), blamed: threshold.PartySet(binary.BigEndian.Uint16(msg.Body[2:])) & m.run.quorum.All()}
}

// accuse ends the run by messages that speak for themselves, and shows them to all.
func (m *Machine) accuse(cause error, messages ...*Message) {
	m.show(encodeMessages(messages))
	m.fail(cause, m.evident(messages))
}

// maxVerdicts is how many verdicts a party has in a run: one of a trial, and one that
// speaks for itself.
const maxVerdicts = 2

// verdicts are those of a party, in their order.
func (m *Machine) verdicts(id threshold.PartyID) (out []*Message) {
	for i := range uint32(maxVerdicts) {
		if msg := m.inbox[slot{from: id, kind: Verdict, index: i}]; msg != nil {
			out = append(out, msg)
		}
	}
	return out
}

func (m *Machine) show(verdict []byte) {
	if n := len(m.verdicts(m.id)); n < maxVerdicts {
		m.send(0, Verdict, uint32(n), verdict)
	}
}

// evident blames the senders of messages that convict them without any disclosure:
// two different messages for one place, keys that are not those that were opened, and
// a complaint of a party that was ready.
func (m *Machine) evident(messages []*Message) map[threshold.PartyID]string {
	blames := make(map[threshold.PartyID]string)
	for i, msg := range messages {
		if !m.run.authentic(msg) {
			continue
		}
		known := append(messages[:i:i], m.inbox[msg.slot()], m.inbox[slot{from: msg.From, kind: Ready}])
		for _, o := range append(known, m.complaints(msg.From)...) {
			if o == nil || o.From != msg.From || m.inbox[o.slot()] != o && !m.run.authentic(o) {
				continue
			}
			if reason := contradiction(o, msg); reason != "" {
				blames[msg.From] = reason
			}
		}
		if _, err := parseComplaint(msg.Body); msg.Kind == Complaint && err != nil {
			blames[msg.From] = "sent a malformed complaint"
		}
		if m.digests != nil && (msg.Kind == Ready || msg.Kind == Confirm) && string(msg.Body) != string(m.digests) {
			blames[msg.From] = fmt.Sprintf("claims to have other keys in its %v", msg.Kind)
		}
	}
	return blames
}

// contradiction says why no honest party sends both messages, "" if one may.
func contradiction(a, b *Message) string {
	if a.slot() == b.slot() && a.digest() != b.digest() {
		return "sent two different messages of " + a.Kind.String()
	}
	for _, c := range []*Message{a, b} {
		other := a
		if c == a {
			other = b
		}
		if c.accuses() && other.Kind == Ready {
			return "complained although it was ready"
		}
	}
	return ""
}

// accuses reports whether the message is a complaint of shares that do not fit.
func (msg *Message) accuses() bool {
	c, err := parseComplaint(msg.Body)
	return msg.Kind == Complaint && err == nil && c.silent == 0
}

// heed ends the run if a complaint that has come speaks against itself.
func (m *Machine) heed() {
	for id := range m.others().All() {
		ready := m.inbox[slot{from: id, kind: Ready}]
		for _, c := range m.complaints(id) {
			_, err := parseComplaint(c.Body)
			switch {
			case m.failure != nil:
				return
			case err != nil:
				m.accuse(errLie, c)
			case ready != nil && c.accuses():
				m.accuse(errLie, c, ready)
			}
		}
	}
}

// heedShown ends the run if a verdict's messages speak for themselves. It looks at
// them once when they come, and once when this party has keys to compare with.
func (m *Machine) heedShown(verdict *Message) {
	messages, err := parseMessages(verdict.Body)
	if err != nil || m.failure != nil {
		return
	}
	if blames := m.evident(messages); len(blames) > 0 {
		m.show(verdict.Body)
		m.fail(errLie, blames)
	}
}

// heedAll is heedShown for all verdicts.
func (m *Machine) heedAll() {
	for id := range m.others().All() {
		for _, msg := range m.verdicts(id) {
			m.heedShown(msg)
		}
	}
}

// A run whose shares do not fit together is given up by all before anyone has
// confirmed its keys, and its secrets serve nothing: so the parties disclose all that
// their shares are made of, and everyone can tell whose were wrong. Whoever has
// confirmed discloses nothing; then every party was ready, and none may complain.

// trial finds out who is to blame.
type trial struct {
	cause    error
	silent   threshold.PartySet // did not answer in time
	evidence *evidence          // once all have disclosed
	waited   bool               // as long for verdicts as for disclosures
}

// complain gives the run up for messages that do not fit together.
func (m *Machine) complain(cause error) {
	m.send(0, Complaint, uint32(len(m.complaints(m.id))), m.here(0).encode())
	m.try(cause)
}

// try discloses.
func (m *Machine) try(cause error) {
	m.trial = &trial{cause: cause}
	m.send(0, Disclosure, 0, m.disclosure())
}

// complainers are the parties that complain of shares.
func (m *Machine) complainers() (set threshold.PartySet) {
	for id := range m.run.quorum.All().All() {
		for _, msg := range m.complaints(id) {
			if msg.accuses() {
				set = set.With(id)
			}
		}
	}
	return set
}

// awaited returns the parties whose disclosures have not come, or if all have, those
// whose verdicts on what they complained of have not.
func (t *trial) awaited(m *Machine) threshold.PartySet {
	if missing := m.undisclosed(); missing != 0 {
		return missing
	}
	return m.without(Verdict, m.complainers()&^t.silent&^m.left(func(f *farewell) bool { return f.verdicts == 0 }))
}

// undisclosed are the parties whose disclosures may still come.
func (m *Machine) undisclosed() threshold.PartySet {
	return m.without(Disclosure, m.run.quorum.All()&^m.trial.silent&^m.left(func(f *farewell) bool { return !f.disclosed }))
}

// left returns the parties that have given the run up without something, as their
// farewells say.
func (m *Machine) left(without func(*farewell) bool) (set threshold.PartySet) {
	for id := range m.run.quorum.All().All() {
		if f := m.farewell(id); f != nil && without(f) {
			set = set.With(id)
		}
	}
	return set
}

// without returns those of the parties whose message of a kind has not come.
func (m *Machine) without(kind Kind, parties threshold.PartySet) (missing threshold.PartySet) {
	for id := range parties.All() {
		if m.inbox[slot{from: id, kind: kind}] == nil {
			missing = missing.With(id)
		}
	}
	return missing
}

// adjourn gives up waiting for what awaited says. A party that complained may have waited until
// now for a disclosure that a liar gave to all others, and so its verdict may come after as long
// a time again.
func (m *Machine) adjourn() {
	t := m.trial
	if m.undisclosed() == 0 && !t.waited {
		t.waited = true
		return
	}
	t.silent |= t.awaited(m)
	m.judge()
}

// judge weighs what was disclosed when all have, reports what convicts if this party
// complained, and ends the run when all who complained have done so.
func (m *Machine) judge() {
	t := m.trial
	if m.undisclosed() != 0 {
		return
	}
	if t.evidence == nil {
		t.evidence = m.gather()
		if m.complainers().Has(m.id) {
			m.show(encodeMessages(m.incriminating()))
		}
	}
	if t.awaited(m) == 0 {
		m.conclude()
	}
}

// conclude blames the silent, those whose disclosures are false, all whom messages
// convict, and those who complained for no reason: where something was not disclosed,
// their reason may lie in that.
func (m *Machine) conclude() {
	t, blames := m.trial, make(map[threshold.PartyID]string)
	for id := range t.silent.All() {
		blames[id] = "did not say why it complained"
		if m.inbox[slot{from: id, kind: Disclosure}] == nil {
			blames[id] = "disclosed nothing"
		}
	}
	for id, reason := range t.evidence.lies {
		blames[id] = reason
	}
	all := m.without(Disclosure, m.run.quorum.All()) == 0
	for id := range m.complainers().All() {
		proven := false
		for _, verdict := range m.verdicts(id) {
			proven = m.weigh(verdict, blames) || proven
		}
		if !proven && all && len(t.evidence.lies) == 0 {
			blames[id] = "complained without proof"
		}
	}
	m.fail(t.cause, blames)
}

// weigh blames the senders of a verdict's messages that are lies, and reports
// whether there is one.
func (m *Machine) weigh(verdict *Message, blames map[threshold.PartyID]string) (proven bool) {
	messages, err := parseMessages(verdict.Body)
	if err != nil {
		return false
	}
	for _, msg := range messages {
		if !m.run.authentic(msg) {
			continue
		}
		if reason := m.trial.evidence.lie(m, msg); reason != "" {
			blames[msg.From] = reason
			proven = true
		}
	}
	return proven
}

// incriminating lists what convicts parties, t of them at most: commitments in two forms,
// and lies in the round that this party complains of. What a liar disclosed is no part of
// it, for others may have heard something else.
func (m *Machine) incriminating() (out []*Message) {
	convicted := 0
	for id := range m.others().All() {
		found := slices.Clone(m.trial.evidence.forked[id])
		if msg := m.message(m.phase, id); msg != nil && m.trial.evidence.lie(m, msg) != "" {
			found = append(found, msg)
		}
		if len(found) > 0 && convicted < m.run.quorum.T {
			convicted++
			out = append(out, found...)
		}
	}
	return out
}
