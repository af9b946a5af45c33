// Package resharetest makes what only a finished resharing has, for the tests of
// those who rely on it.
package resharetest

import (
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/identity"
	"fhevm/threshold/reshare"
	"fhevm/threshold/shamir"
)

// machine is a reshare.Giver or reshare.Receiver.
type machine interface {
	Awaits() (reshare.Round, []reshare.Seat)
	Receive(reshare.Round, threshold.PartyID, []byte) error
	Say(reshare.Round, reshare.Seat) []byte
}

// Certify has the members of both committees reshare a single secret, for the
// certificate's sake. People are all members, in any order.
func Certify(t testing.TB, plan *reshare.Plan, people []*identity.Identity) *reshare.Certificate {
	t.Helper()
	seats := map[reshare.Seat]machine{}
	for _, role := range []reshare.Role{reshare.Old, reshare.New} {
		for _, m := range plan.Committee(role).Members {
			seats[reshare.Seat{Role: role, Party: m.Party}] = sit(t, plan, role, m, people)
		}
	}
	first := seats[reshare.Seat{Role: reshare.New, Party: 1}].(*reshare.Receiver)
	for first.Result() == nil {
		for s := range seats {
			hear(t, s, seats)
		}
	}
	return first.Result().Certificate
}

func sit(t testing.TB, plan *reshare.Plan, role reshare.Role, m threshold.Member, people []*identity.Identity) machine {
	t.Helper()
	for _, keys := range people {
		if keys.Fingerprint() != m.TLS {
			continue
		}
		c := reshare.Config{Plan: plan, Party: m.Party, Key: keys.Signer, Count: 1}
		var out machine
		var err error
		if role == reshare.Old {
			out, err = reshare.NewGiver(c, make([]shamir.Element, 1), 0)
		} else {
			out, err = reshare.NewReceiver(c, [reshare.SeedSize]byte{byte(m.Party), byte(plan.Attempt)})
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Fatalf("%v party %d is nobody's", role, m.Party)
	return nil
}

func hear(t testing.TB, to reshare.Seat, seats map[reshare.Seat]machine) {
	t.Helper()
	round, awaited := seats[to].Awaits()
	for _, from := range awaited {
		if b := seats[from].Say(round, to); b != nil {
			if err := seats[to].Receive(round, from.Party, b); err != nil {
				t.Fatal(err)
			}
		}
	}
}
