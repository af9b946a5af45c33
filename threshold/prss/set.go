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

// NoiseSets lists sets of t+1 parties such that whichever t parties are corrupt,
// one set has none of them: all within the first half of the parties, and all
// within the second. For t parties that meet every set within a half leave at most
// t of it, so to spoil both halves takes n-2t = t+1.
//
// There are 2, 5, 10 and 27 of them for n = 4, 7, 10 and 13. They serve where a
// polynomial of degree 2t will do: errors of a key, opened once.
func NoiseSets(q threshold.Quorum) (out []threshold.PartySet) {
	first := threshold.PartySet(1)<<(q.N/2+1) - 2
	for s := threshold.PartySet(0); s <= q.All(); s += 2 {
		if s.Len() == q.T+1 && (s&first == s || s&first == 0) {
			out = append(out, s)
		}
	}
	return out
}

// coefficient is Coefficient in both fields of the squash.
func coefficient(q threshold.Quorum, set threshold.PartySet, id threshold.PartyID) (out shamir.Element) {
	for k, f := range shamir.Fields {
		out[k] = Coefficient(f, q, set, id)
	}
	return out
}

// Coefficient returns f_A(id) = prod over j outside A of (j - id)/j: the value at a
// party of the polynomial that is 1 at 0 and 0 at the parties outside A.
func Coefficient(f shamir.Field, q threshold.Quorum, set threshold.PartySet, id threshold.PartyID) uint64 {
	out := uint64(1)
	for j := range (q.All() &^ set).All() {
		out = f.Mul(out, f.Mul(f.Sub(uint64(j), uint64(id)), f.Inv(uint64(j))))
	}
	return out
}
