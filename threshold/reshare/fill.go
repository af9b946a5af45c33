package reshare

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

const fillHeader = 2

// fill is the messages of round Masked that a member lacks and this one has: the
// set of their senders (2), then the messages.
func (r *Receiver) fill(lacking threshold.PartySet) []byte {
	var set threshold.PartySet
	var messages []byte
	for id := range lacking.All() {
		if m := r.masked[id]; m != nil && fhe.Keccak(m.body) == r.stated[id].body {
			set, messages = set.With(id), append(messages, m.raw...)
		}
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(set)), messages...)
}

// readFill: messages of old members that this one has not heard.
func (r *Receiver) readFill(m *message) error {
	if len(m.body) < fillHeader {
		return errors.New("message is too short")
	}
	set := threshold.PartySet(binary.BigEndian.Uint16(m.body)) & r.old().All()
	messages := m.body[fillHeader:]
	if len(messages) != set.Len()*r.maskedSize() {
		return fmt.Errorf("%d bytes for %d messages of %d", len(messages), set.Len(), r.maskedSize())
	}
	for id := range set.All() {
		if err := r.fillIn(id, messages[:r.maskedSize()]); err != nil {
			return err
		}
		messages = messages[r.maskedSize():]
	}
	return nil
}

func (r *Receiver) fillIn(id threshold.PartyID, b []byte) error {
	m, err := r.read(Masked, Seat{Old, id}, Seat{}, b)
	if err != nil {
		return fmt.Errorf("message of old party %d: %w", id, err)
	}
	if _, err := shamir.ParseElements(m.body[countSize:], r.count); err != nil {
		return fmt.Errorf("message of old party %d: %w", id, err)
	}
	if r.masked[id] == nil && fhe.Keccak(m.body) == r.stated[id].body {
		r.masked[id] = m
	}
	return nil
}

// closeFill: this member has all messages that are used, and tells its shares
// of the syndromes of the old shares. It may not say them before the others
// have agreed which messages count: of a member that uses other ones they would
// be shares of something else.
func (r *Receiver) closeFill() error {
	var missing []Blame
	for id := range r.used.All() {
		if m := r.masked[id]; m != nil && fhe.Keccak(m.body) == r.stated[id].body {
			continue
		}
		for other := range r.next().All().All() {
			if r.listed[other].Has(id) {
				missing = append(missing, Blame{Seat: Seat{New, other}, Reason: fmt.Sprintf("heard old party %d but does not hand on what it said", id)})
			}
		}
	}
	if len(missing) > 0 {
		return &Abort{Blames: missing}
	}
	r.tell(Check, Seat{}, r.check())
	return r.enter(Check)
}
