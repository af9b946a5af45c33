package threshold

import (
	"slices"
	"testing"

	"fhevm/fhe"
)

func TestQuorum(t *testing.T) {
	for n := -1; n < 300; n++ {
		q, err := NewQuorum(n)
		if valid := n == 4 || n == 7 || n == 10 || n == 13; valid != (err == nil) {
			t.Fatalf("%d parties: %v", n, err)
		}
		if err != nil {
			continue
		}
		if q.Agree() != n-q.T || q.All().Len() != n || q.Has(0) || !q.Has(PartyID(n)) || q.Has(PartyID(n+1)) {
			t.Errorf("%d parties: %+v", n, q)
		}
	}
}

func TestPartySet(t *testing.T) {
	s := Parties(3, 1, 13, 3)
	if got := slices.Collect(s.All()); !slices.Equal(got, []PartyID{1, 3, 13}) {
		t.Errorf("members %v", got)
	}
	if s.Len() != 3 || !s.Has(13) || s.Has(2) || s.Has(200) || s.String() != "{1 3 13}" {
		t.Errorf("set %v", s)
	}
}

// TestSession pins the derivation: another one would give a squashed block a
// second mask.
func TestSession(t *testing.T) {
	e := Epoch{Number: 1, Key: fhe.Digest{2}, SquashKey: fhe.Digest{3}}
	if got, want := fhe.Digest(e.Session(fhe.Digest{4}, 5)).String(), "0x8e579f3d54a4a61918737702c32377db8a9e092207a3acea9906315d927c2894"; got != want {
		t.Errorf("session %s, want %s", got, want)
	}
	back, err := ParseEpoch(e.Append(nil))
	if err != nil || back != e {
		t.Errorf("epoch %+v, %v", back, err)
	}
}

func FuzzBytes(f *testing.F) {
	f.Add([]byte("0x00ff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b Bytes
		if b.UnmarshalText(text) == nil && len(b.String()) != len(text) {
			t.Errorf("%q decodes to %s", text, b)
		}
	})
}
