package reshare

import (
	"slices"
	"testing"

	"fhevm/threshold/shamir"
)

// TestWipe: nothing of what one member alone may know is left.
func TestWipe(t *testing.T) {
	m := newMeeting(t, 12, 4, 4, 4)
	for range 300 { // into the later rounds
		for _, s := range m.seats() {
			if round, _ := m.all[s].Awaits(); round < Echo {
				m.listen(s)
			}
		}
	}
	r := m.all[Seat{New, 1}].(*Receiver)
	var secrets [][]byte
	for _, round := range []Round{Open, Mask} {
		for _, b := range r.said[round] {
			secrets = append(secrets, b)
		}
	}
	g := m.fresh(Seat{Old, 1}).(*Giver)
	if err := g.Receive(Mask, 1, r.Say(Mask, g.self)); err != nil || len(g.masks) != 1 {
		t.Fatalf("%d masks, %v", len(g.masks), err)
	}
	shares := g.masks[r.session][1]
	r.Wipe()
	g.Wipe()
	if len(secrets) != 8 || len(shares) == 0 {
		t.Fatalf("%d messages, %d shares", len(secrets), len(shares))
	}
	for _, b := range secrets {
		if slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) {
			t.Error("a message is left")
		}
	}
	if slices.ContainsFunc(shares, func(e shamir.Element) bool { return e != shamir.Element{} }) {
		t.Error("shares of a mask are left")
	}
}
