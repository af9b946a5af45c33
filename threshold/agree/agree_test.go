package agree_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/agree"
	"fhevm/threshold/prss"
)

func begin(t *testing.T, n int, seed byte) (threshold.Quorum, []*agree.Agreement) {
	t.Helper()
	q, err := threshold.NewQuorum(n)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*agree.Agreement, n+1)
	for id := range q.All().All() {
		if all[id], err = agree.New(q, id, fhe.Digest{7}, rand.NewChaCha8([32]byte{seed, byte(id)})); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range all[1:] {
		for from := range q.All().All() {
			if err := a.AddCommitments(from, all[from].Commitments()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return q, all
}

// TestKeys: all members of a set have the same key, and purposes, sessions and
// sets have different ones.
func TestKeys(t *testing.T) {
	for _, n := range []int{4, 7, 13} {
		q, all := begin(t, n, 1)
		for id := range q.All().All() {
			for from := range q.All().All() {
				if err := all[id].AddOpening(from, all[from].Opening(id)); err != nil {
					t.Fatal(err)
				}
			}
		}
		known, seen := map[string]prss.Key{}, map[prss.Key]string{}
		for _, c := range []struct {
			purpose string
			session fhe.Digest
		}{{"masks", fhe.Digest{1}}, {"masks", fhe.Digest{2}}, {"shares", fhe.Digest{1}}} {
			for id := range q.All().All() {
				keys, err := all[id].Keys(c.purpose, c.session)
				if err != nil {
					t.Fatal(err)
				}
				for i, set := range prss.SetsOf(q, id) {
					name := fmt.Sprint(c, set)
					if k, ok := known[name]; ok && k != keys[i] {
						t.Fatalf("n=%d: members of %v disagree", n, set)
					}
					if other, ok := seen[keys[i]]; ok && other != name {
						t.Fatalf("n=%d: %s and %s share a key", n, other, name)
					}
					known[name], seen[keys[i]] = keys[i], name
				}
			}
		}
	}
}

// TestCheck: an opening that is not what was committed to is found, wherever it
// differs, and one of its right sender's to another party too.
func TestCheck(t *testing.T) {
	q, all := begin(t, 7, 2)
	good := all[3].Opening(5)
	if len(good) != agree.OpeningSize(q, 3, 5) || len(all[3].Commitments()) != agree.CommitmentsSize(q, 3) {
		t.Fatal("sizes are not what they are stated to be")
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		if err := all[5].AddOpening(3, bad); err == nil {
			t.Fatalf("byte %d of an opening may change", i)
		}
		if err := agree.Check(q, fhe.Digest{7}, 3, 5, all[3].Commitments(), bad); err == nil {
			t.Fatal("a wrong opening does not convict")
		}
	}
	for name, b := range map[string][]byte{"short": good[1:], "another party's": all[3].Opening(6), "empty": nil} {
		if err := all[5].AddOpening(3, b); err == nil {
			t.Errorf("%s opening is accepted", name)
		}
	}
	if err := agree.Check(q, fhe.Digest{8}, 3, 5, all[3].Commitments(), good); err == nil {
		t.Error("commitments count in another context")
	}
	if err := all[5].AddOpening(3, good); err != nil {
		t.Errorf("the right opening: %v", err)
	}
}

// TestKeysNeedEveryMember: no key without every contribution, or after Wipe.
func TestKeysNeedEveryMember(t *testing.T) {
	_, all := begin(t, 4, 3)
	for from := threshold.PartyID(2); from <= 3; from++ {
		if err := all[1].AddOpening(from, all[from].Opening(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all[1].Keys("masks", fhe.Digest{}); err == nil {
		t.Error("keys without party 4")
	}
	if err := all[1].AddOpening(4, all[4].Opening(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := all[1].Keys("masks", fhe.Digest{}); err != nil {
		t.Error(err)
	}
	all[1].Wipe()
	if _, err := all[1].Keys("masks", fhe.Digest{}); err == nil {
		t.Error("keys after Wipe")
	}
	if fmt.Sprintf("%v %+v %x", all[1], all[1], all[1]) != "[secret] [secret] [secret]" {
		t.Error("an agreement prints")
	}
}

// FuzzOpening: nothing but the right bytes is an opening.
func FuzzOpening(f *testing.F) {
	q, err := threshold.NewQuorum(4)
	if err != nil {
		f.Fatal(err)
	}
	a, err := agree.New(q, 2, fhe.Digest{7}, rand.NewChaCha8([32]byte{9}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a.Commitments(), a.Opening(1))
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, commitments, opening []byte) {
		if agree.Check(q, fhe.Digest{7}, 2, 1, commitments, opening) == nil && string(opening) != string(a.Opening(1)) && string(commitments) == string(a.Commitments()) {
			t.Error("another opening fits")
		}
	})
}
