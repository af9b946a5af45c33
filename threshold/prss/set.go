package prss

import (
	"fmt"

	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// KeySize is the size of the key of a set.
const KeySize = 32

// Key is the key r_A of a set of n-t parties. It prints as "[secret]".
type Key [KeySize]byte

// Format implements fmt.Formatter.
func (Key) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// Sets lists the sets of n-t parties in ascending order of their bits: the
// order of keys everywhere.
func Sets(q threshold.Quorum) (out []threshold.PartySet) {
	for s := threshold.PartySet(0); s <= q.All(); s += 2 {
		if s.Len() == q.N-q.T {
			out = append(out, s)
		}
	}
	return out
}

// SetsOf lists the sets that id is a member of, in the order of Sets.
func SetsOf(q threshold.Quorum, id threshold.PartyID) (out []threshold.PartySet) {
	for _, s := range Sets(q) {
		if s.Has(id) {
			out = append(out, s)
		}
	}
	return out
}

// coefficient returns f_A(id) = prod over j outside A of (j - id)/j.
func coefficient(q threshold.Quorum, set threshold.PartySet, id threshold.PartyID) shamir.Element {
	out := shamir.Element{1, 1}
	for k, f := range shamir.Fields {
		for j := range (q.All() &^ set).All() {
			out[k] = f.Mul(out[k], f.Mul(f.Sub(uint64(j), uint64(id)), f.Inv(uint64(j))))
		}
	}
	return out
}
