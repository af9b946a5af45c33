package threshold

import (
	"fmt"
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// PartyID is a party's position in its committee, from 1. It is also the
// party's evaluation point in secret sharing, so 0 is no party.
type PartyID uint8

// MaxParties is the size of the largest committee.
const MaxParties = 13

// PartySet is a set of parties. Every tally of the protocols is one, never a
// counter, so that no party counts twice. The zero value is empty.
type PartySet uint16

// Parties returns the set of the given parties.
func Parties(ids ...PartyID) (s PartySet) {
	for _, id := range ids {
		s = s.With(id)
	}
	return s
}

// With returns s and id.
func (s PartySet) With(id PartyID) PartySet { return s | 1<<id }

// Has reports whether id is in s.
func (s PartySet) Has(id PartyID) bool { return s>>id&1 == 1 }

// Len is the number of parties in s.
func (s PartySet) Len() int { return bits.OnesCount16(uint16(s)) }

// All yields the parties of s in ascending order.
func (s PartySet) All() iter.Seq[PartyID] {
	return func(yield func(PartyID) bool) {
		for rest := s; rest != 0; rest &= rest - 1 {
			if !yield(PartyID(bits.TrailingZeros16(uint16(rest)))) {
				return
			}
		}
	}
}

// String lists the parties, such as "{1 3}".
func (s PartySet) String() string {
	var ids []string
	for id := range s.All() {
		ids = append(ids, strconv.Itoa(int(id)))
	}
	return "{" + strings.Join(ids, " ") + "}"
}

// Quorum is the size of a committee and every count that follows from it. Make
// it with NewQuorum.
type Quorum struct {
	N int // parties
	T int // parties that may be corrupt; also the degree of sharings
}

// NewQuorum returns the quorum of n parties, n in {4, 7, 10, 13}.
func NewQuorum(n int) (Quorum, error) {
	if n < 4 || n > MaxParties || n%3 != 1 {
		return Quorum{}, fmt.Errorf("committee has %d parties, want 4, 7, 10 or 13", n)
	}
	return Quorum{N: n, T: (n - 1) / 3}, nil
}

// Agree is the number of parties that must agree before anything is taken as
// true: 2t+1. Among them t+1 are honest, enough to fix a sharing of degree t;
// and n-t parties, all that can be counted on to answer, are as many.
func (q Quorum) Agree() int { return 2*q.T + 1 }

// All is the set of all parties.
func (q Quorum) All() PartySet { return 1<<(q.N+1) - 2 }

// Has reports whether id is a party of the committee.
func (q Quorum) Has(id PartyID) bool { return id >= 1 && int(id) <= q.N }
