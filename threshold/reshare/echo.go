package reshare

import (
	"fmt"

	"fhevm/threshold"
)

// readEcho: which old members the sender heard, and what they signed.
func (r *Receiver) readEcho(m *message) error {
	heard := threshold.PartySet(0)
	for id := range r.old().All().All() {
		entry := m.body[int(id-1)*entrySize:][:entrySize]
		if entry[0] == 0 {
			continue
		}
		s := parseStatement(entry[1:])
		if err := r.verify(r.maskedHeader(id), s); err != nil {
			return guilty(m.from, nil, "reports a message of old party %d that it did not sign", id)
		}
		r.note(id, s)
		r.listed[m.from.Party] = r.listed[m.from.Party].With(id)
		heard = heard.With(id)
	}
	if silent := r.old().N - heard.Len(); silent > r.old().T {
		return fmt.Errorf("goes on without %d old members", silent)
	}
	r.echoes[m.from.Party-1] = m.statement()
	return nil
}

func (r *Receiver) maskedHeader(id threshold.PartyID) header {
	return header{round: Masked, session: r.session, from: Seat{Old, id}}
}

// note keeps what an old member was heard to say. One that signed two different
// messages is out.
func (r *Receiver) note(id threshold.PartyID, s statement) {
	switch known := r.stated[id]; {
	case known == statement{}:
		r.stated[id] = s
		r.used = r.used.With(id)
	case known.body != s.body && r.used.Has(id):
		h := r.maskedHeader(id)
		r.used &^= threshold.Parties(id)
		r.blames = append(r.blames, Blame{h.from, "told new members different things", [][]byte{known.testify(h), s.testify(h)}})
	}
}

// closeEcho: from everybody's echoes all have the same set of old members, whom
// at least one new member heard. Each other member gets what it has not heard.
func (r *Receiver) closeEcho() error {
	if r.used.Len() < r.old().N-r.old().T {
		return &Abort{Blames: []Blame{}} // their equivocations are among the blames
	}
	for id := range r.next().All().All() {
		r.tell(Fill, Seat{New, id}, r.fill(r.used&^r.listed[id]))
	}
	return r.enter(Fill)
}
