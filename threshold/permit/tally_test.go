package permit

import (
	"encoding/json"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

func tallyCommittee() *threshold.Committee {
	c := &threshold.Committee{Epoch: threshold.Epoch{Number: 3}}
	for i := range 4 {
		c.Members = append(c.Members, threshold.Member{Party: threshold.PartyID(i + 1), Signer: eip712.AddressOf(secret(byte(i + 1)).PubKey())})
	}
	return c
}

// says is the answer of a party that signs value v of an epoch with key k.
func says(id threshold.PartyID, k byte, handles []fhe.Handle, v, epoch uint64) *PublicAnswer {
	r := &Result{Handles: handles, Values: []*uint256.Int{uint256.NewInt(v)}, Epoch: epoch}
	return NewPublicAnswer(id, r, eip712.Sign(secret(k), r.Digest(domain)))
}

// TestTallyRefuses answers that are not a member's own for this question: none
// of them counts, and the honest three settle the result all the same.
func TestTallyRefuses(t *testing.T) {
	hs := handlesOf(1, fhe.Uint8)
	wide := says(1, 1, hs, 7, 3)
	wide.Result = append(wide.Result, 0)
	for name, bad := range map[string]*PublicAnswer{
		"stranger's key":  says(1, 77, hs, 9, 3),
		"another's key":   says(1, 2, hs, 7, 3),
		"another epoch":   says(1, 1, hs, 7, 4),
		"no such party":   says(5, 5, hs, 7, 3),
		"other handles":   says(1, 1, handlesOf(2, fhe.Uint8)[1:], 7, 3),
		"beyond its type": says(1, 1, hs, 256, 3),
		"another length":  wide,
	} {
		tally := NewTally(domain, tallyCommittee(), hs)
		for range 4 {
			if done, err := tally.Add(bad); done || err == nil {
				t.Fatalf("%s: done %v, %v", name, done, err)
			}
		}
		for i, id := range []threshold.PartyID{2, 3, 4} {
			if done, err := tally.Add(says(id, byte(id), hs, 7, 3)); err != nil || done != (i == 2) {
				t.Fatalf("%s, then party %d: done %v, %v", name, id, done, err)
			}
		}
		if r, _ := tally.Result(); r.Values[0].Uint64() != 7 {
			t.Errorf("%s: result %v", name, r.Values)
		}
	}
}

// TestTallyCountsParties: one party that repeats itself is one, and two that
// say another value settle nothing.
func TestTallyCountsParties(t *testing.T) {
	hs := handlesOf(1, fhe.Uint8)
	tally := NewTally(domain, tallyCommittee(), hs)
	again := says(1, 1, hs, 7, 3)
	again.Signature[64] -= 27
	for _, a := range []*PublicAnswer{says(1, 1, hs, 7, 3), again, says(2, 2, hs, 7, 3), says(3, 3, hs, 8, 3), says(3, 3, hs, 8, 3)} {
		if done, err := tally.Add(a); done || err != nil {
			t.Fatalf("done %v, %v", done, err)
		}
	}
	if r, proof := tally.Result(); r != nil || proof != nil {
		t.Errorf("settled %v", r)
	}
	if done, _ := tally.Add(says(4, 4, hs, 7, 3)); !done {
		t.Fatal("three parties that agree do not settle")
	}
	_, proof := tally.Result()
	for i := range 3 {
		if v := proof[1+65*i+64]; v != 27 && v != 28 {
			t.Errorf("signature %d has v %d, which ecrecover refuses", i, v)
		}
	}
}

// FuzzPublicAnswer tallies arbitrary answers: none of them counts, and three
// parties settle their result all the same.
func FuzzPublicAnswer(f *testing.F) {
	hs := handlesOf(1, fhe.Uint8)
	for _, a := range []*PublicAnswer{says(1, 1, hs, 7, 3), says(4, 4, hs, 8, 3), {Party: 255}} {
		b, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a PublicAnswer
		if json.Unmarshal(b, &a) != nil {
			return
		}
		tally := NewTally(domain, tallyCommittee(), hs)
		for range 5 {
			if done, _ := tally.Add(&a); done {
				t.Fatal("one party settles a result")
			}
		}
		for _, id := range []threshold.PartyID{1, 2, 3} {
			tally.Add(says(id, byte(id), hs, 7, 3))
		}
		if r, _ := tally.Result(); r == nil || r.Values[0].Uint64() != 7 {
			t.Errorf("settled %+v", r)
		}
	})
}
