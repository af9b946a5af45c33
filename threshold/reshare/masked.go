package reshare

import (
	"fhevm/threshold/shamir"
)

// readMasked: an old member's count of openings, and its shares plus its masks.
func (r *Receiver) readMasked(m *message) error {
	if _, err := shamir.ParseElements(m.body[countSize:], r.count); err != nil {
		return err
	}
	r.masked[m.from.Party] = m
	return nil
}

// closeMasked: the others are told which old members said what.
func (r *Receiver) closeMasked() error {
	var body []byte
	for id := range r.old().All().All() {
		body = appendEntry(body, r.masked[id])
	}
	r.tell(Echo, Seat{}, body)
	return r.enter(Echo)
}

// appendEntry is 1 and a statement of m, or zeros if m is missing.
func appendEntry(b []byte, m *message) []byte {
	if m == nil {
		return append(b, make([]byte, entrySize)...)
	}
	return m.statement().append(append(b, 1))
}
