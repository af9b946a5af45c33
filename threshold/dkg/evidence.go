package dkg

import (
	"bytes"
	"encoding/binary"

	"fhevm/fhe"
	"fhevm/threshold"
)

// evidence is what all disclosures say together.
type evidence struct {
	commitments map[threshold.PartyID]*Message
	forked      map[threshold.PartyID][]*Message // commitments in two forms
	known       contributions
	lies        map[threshold.PartyID]string // of disclosures themselves
	replayed    *replay
}

// disclosure is this party's contributions, set by set, and the signed commitments,
// contributions and complaints of the others.
func (m *Machine) disclosure() []byte {
	var own []byte
	for _, set := range m.run.setsOf(m.id) {
		c := m.own[set]
		own = append(own, c[:]...)
	}
	var seen []*Message
	for id := range m.others().All() {
		for _, kind := range []Kind{Commitments, Reveal} {
			if msg := m.message(kind, id); msg != nil {
				seen = append(seen, msg)
			}
		}
		for _, c := range m.complaints(id) {
			if c.accuses() {
				seen = append(seen, c)
				break
			}
		}
	}
	return append(own, encodeMessages(seen)...)
}

// gather joins the disclosures. Commitments that two parties have in two forms
// convict who made them.
func (m *Machine) gather() *evidence {
	e := &evidence{
		commitments: make(map[threshold.PartyID]*Message), forked: make(map[threshold.PartyID][]*Message),
		known: make(contributions), lies: make(map[threshold.PartyID]string),
	}
	for id := range m.run.quorum.All().All() {
		if msg := m.message(Commitments, id); msg != nil {
			e.commitments[id] = msg
		}
	}
	var reveals []*Message
	for id := range m.run.quorum.All().All() {
		msg := m.inbox[slot{from: id, kind: Disclosure}]
		if msg == nil {
			continue
		}
		given, seen, ok := m.run.parseDisclosure(msg)
		if !ok {
			e.lies[id] = "sent a malformed disclosure"
			continue
		}
		reveals = append(reveals, e.read(m.run, seen)...)
		e.own(m.run, id, given)
	}
	for _, msg := range reveals {
		e.take(m.run, msg)
	}
	return e
}

// read sorts the messages of a disclosure, and returns those that reveal.
func (e *evidence) read(r *Run, seen []*Message) (reveals []*Message) {
	for _, msg := range seen {
		if !r.authentic(msg) {
			continue
		}
		switch old := e.commitments[msg.From]; {
		case msg.Kind == Reveal:
			reveals = append(reveals, msg)
		case msg.Kind != Commitments:
		case old == nil:
			e.commitments[msg.From] = msg
		case old.digest() != msg.digest():
			e.lies[msg.From] = "committed to different things"
			e.forked[msg.From] = []*Message{old, msg}
		}
	}
	return reveals
}

// own takes what a party says of itself.
func (e *evidence) own(r *Run, id threshold.PartyID, given map[threshold.PartySet]contribution) {
	msg := e.commitments[id]
	if msg == nil {
		return
	}
	hashes := r.commitments(msg)
	for set, c := range given {
		if r.commitment(id, set, c) != hashes[set] {
			e.lies[id] = "disclosed other contributions than it committed to"
			return
		}
	}
	e.known.add(id, given)
}

// take takes what a party has revealed to another.
func (e *evidence) take(r *Run, msg *Message) {
	commitments := e.commitments[msg.From]
	if commitments == nil {
		return
	}
	if given, ok := r.revealed(msg, commitments); ok {
		e.known.add(msg.From, given)
	}
}

// complete reports whether all seeds are known.
func (e *evidence) complete(r *Run) bool {
	for _, set := range r.sets {
		if len(e.known[set]) != set.Len() {
			return false
		}
	}
	return true
}

// overhear takes the complaints in another party's disclosure: a liar may have kept
// them from this one.
func (m *Machine) overhear(disclosure *Message) {
	_, seen, _ := m.run.parseDisclosure(disclosure)
	for _, msg := range seen {
		if msg.Kind == Complaint && msg.From != m.id && msg.Index < maxComplaints && msg.To == 0 && m.inbox[msg.slot()] == nil && m.run.authentic(msg) {
			m.inbox[msg.slot()] = msg
		}
	}
}

// lie says what is wrong with a message, which is authentic; "" if nothing is, as far
// as can be told.
func (e *evidence) lie(m *Machine, msg *Message) string {
	switch msg.Kind {
	case Commitments:
		if len(msg.Body) != 32*len(m.run.setsOf(msg.From)) {
			return "sent malformed commitments"
		}
	case Reveal:
		return e.lieOfReveal(m.run, msg)
	case Squares, Masked, Bodies:
		if !e.complete(m.run) || msg.Kind == Bodies && int(msg.Index) >= chunks(m.run.Params) {
			return ""
		}
		if e.replayed == nil {
			e.replayed = newReplay(m.run, e.known.seeds(m.run))
		}
		if !bytes.Equal(e.replayed.body(msg.From, msg.Kind, int(msg.Index)), msg.Body) {
			return "sent wrong shares of " + msg.Kind.String()
		}
	}
	return ""
}

func (e *evidence) lieOfReveal(r *Run, msg *Message) string {
	commitments := e.commitments[msg.From]
	if commitments == nil || e.forked[msg.From] != nil {
		return ""
	}
	if _, ok := r.revealed(msg, commitments); !ok {
		return "revealed other contributions than it committed to"
	}
	var all [][]byte
	for id := range r.quorum.All().All() {
		c := e.commitments[id]
		if c == nil || e.forked[id] != nil {
			return ""
		}
		all = append(all, c.Body)
	}
	if fhe.Digest(msg.Body[:32]) != fhe.Keccak(all...) {
		return "claims to have seen other commitments"
	}
	return ""
}

// parseDisclosure is the inverse of Machine.disclosure.
func (r *Run) parseDisclosure(msg *Message) (map[threshold.PartySet]contribution, []*Message, bool) {
	sets := r.setsOf(msg.From)
	if len(msg.Body) < 32*len(sets) {
		return nil, nil, false
	}
	own := make(map[threshold.PartySet]contribution)
	for i, set := range sets {
		own[set] = contribution(msg.Body[32*i:])
	}
	seen, err := parseMessages(msg.Body[32*len(sets):])
	return own, seen, err == nil
}

// maxMessages bounds a list: commitments, contributions and complaints of all other
// parties.
const maxMessages = 3 * threshold.MaxParties

// encodeMessages returns count(1), then each message's size(4) and encoding.
func encodeMessages(list []*Message) []byte {
	b := []byte{byte(len(list))}
	for _, msg := range list {
		enc := msg.Encode()
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(enc))), enc...)
	}
	return b
}

func parseMessages(b []byte) ([]*Message, error) {
	if len(b) < 1 || b[0] > maxMessages {
		return nil, errBody
	}
	count, b := int(b[0]), b[1:]
	var out []*Message
	for range count {
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, errBody
		}
		size := int(binary.BigEndian.Uint32(b))
		msg, err := ParseMessage(b[4:][:size])
		if err != nil {
			return nil, err
		}
		out, b = append(out, msg), b[4+size:]
	}
	if len(b) != 0 {
		return nil, errBody
	}
	return out, nil
}

// complaint says which round failed, and if parties were silent in it, which.
type complaint struct {
	kind   Kind
	index  uint32
	silent threshold.PartySet
}

// encode returns kind(1) | index(4) | silent parties(2).
func (c complaint) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(c.kind)}, c.index)
	return binary.BigEndian.AppendUint16(b, uint16(c.silent))
}

func parseComplaint(b []byte) (complaint, error) {
	if len(b) != 7 || b[0] < byte(Commitments) || b[0] > byte(Confirm) {
		return complaint{}, errBody
	}
	return complaint{Kind(b[0]), binary.BigEndian.Uint32(b[1:]), threshold.PartySet(binary.BigEndian.Uint16(b[5:]))}, nil
}
