package prss

import (
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// TestUniformIsASharing: the parties' elements lie on polynomials of degree t,
// two contexts give different ones, and any t parties' shares leave the value
// open: it moves with the one key that they lack.
func TestUniformIsASharing(t *testing.T) {
	for _, n := range []int{4, 7, 13} {
		q, _, keys := setup(t, n)
		open := func(context byte) []shamir.Element {
			o := shamir.NewOpening(q, 3)
			for id := range q.All().All() {
				shares, err := Uniform(q, id, keysOf(q, id, keys), fhe.Digest{context}, 3)
				if err != nil {
					t.Fatal(err)
				}
				if err := o.Add(id, shares); err != nil {
					t.Fatal(err)
				}
			}
			if o.Liars() != 0 {
				t.Fatalf("n=%d: honest shares blame %v", n, o.Liars())
			}
			return o.Secrets()
		}
		first := open(1)
		if second := open(2); first[0] == second[0] || first[0] == first[1] {
			t.Errorf("n=%d: two draws are equal", n)
		}
		keys[Sets(q)[0]] = Key{0xff}
		if changed := open(1); changed[0] == first[0] {
			t.Errorf("n=%d: another key of one set gives the same element", n)
		}
	}
}

func keysOf(q threshold.Quorum, id threshold.PartyID, keys map[threshold.PartySet]Key) (own []Key) {
	for _, set := range SetsOf(q, id) {
		own = append(own, keys[set])
	}
	return own
}

func TestUniformRefuses(t *testing.T) {
	if _, err := Uniform(quorum(t, 4), 1, make([]Key, 2), fhe.Digest{}, 1); err == nil {
		t.Error("a missing key passes")
	}
}
