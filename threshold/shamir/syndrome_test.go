package shamir

import (
	"math/rand/v2"
	"testing"

	"fhevm/threshold"
)

// TestSyndrome: whatever up to the largest possible number of parties add to
// their shares in each committee, with parties missing, the syndrome tells it.
func TestSyndrome(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	for _, q := range quorums {
		for missing := range q.T + 1 {
			for range 20 {
				oneSyndrome(t, rng, q, missing)
			}
		}
	}
}

func oneSyndrome(t *testing.T, rng *rand.Rand, q threshold.Quorum, missing int) {
	t.Helper()
	secrets, all := batch(t, rng, q, 1)
	var parties threshold.PartySet
	for _, i := range rng.Perm(q.N)[missing:] {
		parties = parties.With(threshold.PartyID(i + 1))
	}
	s := NewSyndrome(parties, q.T)
	var shares, added []Element
	var liars threshold.PartySet
	spare := q.T - missing
	for id := range parties.All() {
		e := Element{}
		if spare > 0 && rng.IntN(2) == 0 {
			spare--
			e[rng.IntN(2)] = 1 + rng.Uint64N(Q1-1)
			liars = liars.With(id)
		}
		shares, added = append(shares, all[id][0].Add(e)), append(added, e)
	}
	syndrome := s.Of(shares)
	errors, blamed, ok := s.Errors(syndrome)
	if !ok || blamed != liars || len(syndrome) != parties.Len()-q.T-1 {
		t.Fatalf("n=%d: blamed %v, want %v (%v)", q.N, blamed, liars, ok)
	}
	for i := range shares {
		if errors[i] != added[i] {
			t.Fatalf("n=%d: error %d is %v, want %v", q.N, i, errors[i], added[i])
		}
		shares[i] = shares[i].Sub(errors[i])
	}
	if got := s.Secret(shares); got != secrets[0] {
		t.Errorf("n=%d: secret is %v, want %v", q.N, got, secrets[0])
	}
}

// TestSyndromeOfTooManyErrors: beyond unique decoding either nothing is
// decoded, or the corrected shares are on a polynomial all the same.
func TestSyndromeOfTooManyErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 1))
	q := threshold.Quorum{N: 7, T: 2}
	_, all := batch(t, rng, q, 1)
	s := NewSyndrome(q.All(), q.T)
	shares := make([]Element, q.N)
	for i := range shares {
		shares[i] = all[i+1][0]
		if i < 3 {
			shares[i] = uniform(rng)
		}
	}
	if _, liars, ok := s.Errors(s.Of(shares)); ok {
		t.Errorf("three random errors of seven are located at %v", liars)
	}
}
