package threshold

import (
	"encoding/json"
	"reflect"
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

func sampleCommittee() *Committee {
	c := &Committee{
		Epoch: Epoch{Number: 1, Key: fhe.Digest{2}, SquashKey: fhe.Digest{3}}, Noise: 4, Stat: 5,
		Policy: Policy{Coprocessors: []fhe.Address{{6}, {7}}, Need: 1}, Relays: []fhe.Digest{{8}},
	}
	for id := PartyID(1); id <= 4; id++ {
		c.Members = append(c.Members, Member{Party: id, Signer: fhe.Address{byte(id)}, Recipient: "age", TLS: fhe.Digest{byte(id)}, Address: "host:1"})
	}
	return c
}

// TestCommitteeEqual: JSON keeps a committee, and no single difference in what
// it says goes unnoticed.
func TestCommitteeEqual(t *testing.T) {
	text, err := json.Marshal(sampleCommittee())
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseCommittee(text)
	if err != nil || !back.Equal(sampleCommittee()) {
		t.Fatalf("%+v, %v", back, err)
	}
	checked := 0
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			visit(v.Index(v.Len() - 1))
		default:
			checkDifference(t, back, v)
			checked++
		}
	}
	visit(reflect.ValueOf(back).Elem())
	if checked != 13 {
		t.Errorf("%d members checked, want 13", checked)
	}
}

// checkDifference changes v, a part of c, for a moment.
func checkDifference(t *testing.T, c *Committee, v reflect.Value) {
	old := reflect.ValueOf(v.Interface())
	switch {
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	default:
		v.SetString(v.String() + "x")
	}
	if c.Equal(sampleCommittee()) || sampleCommittee().Equal(c) {
		t.Errorf("another %s than %v is equal", v.Type(), old)
	}
	v.Set(old)
}

func TestPolicy(t *testing.T) {
	many := make([]fhe.Address, MaxCoprocessors+1)
	for i := range many {
		many[i][0] = byte(i + 1)
	}
	for name, c := range map[string]struct {
		p  Policy
		ok bool
	}{
		"one of one":      {Policy{many[:1], 1}, true},
		"two of three":    {Policy{many[:3], 2}, true},
		"everything":      {Policy{many[:1], 0}, false},
		"nothing":         {Policy{many[:1], 2}, false},
		"nobody":          {Policy{nil, 1}, false},
		"one twice":       {Policy{[]fhe.Address{{1}, {2}, {1}}, 2}, false},
		"the zero signer": {Policy{[]fhe.Address{{1}, {}}, 1}, false},
		"too many":        {Policy{many, 1}, false},
	} {
		if err := c.p.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		committee := sampleCommittee()
		committee.Policy = c.p
		if err := committee.Check(); (err == nil) != c.ok {
			t.Errorf("committee with %s: %v", name, err)
		}
	}
}

// TestIndependent: whose word suffices outside of development.
func TestIndependent(t *testing.T) {
	named := []fhe.Address{{1}, {2}, {3}, {4}}
	for _, c := range []struct {
		of, need int
		ok       bool
	}{{1, 1, false}, {2, 2, false}, {3, 1, false}, {4, 1, false}, {3, 2, true}, {3, 3, true}, {4, 2, true}, {3, 4, false}} {
		p := Policy{named[:c.of], c.need}
		if err := p.Independent(); (err == nil) != c.ok {
			t.Errorf("%d of %d: %v", c.need, c.of, err)
		}
	}
	if err := (&Policy{[]fhe.Address{{1}, {1}, {1}}, 2}).Independent(); err == nil {
		t.Error("one coprocessor, named three times, is three")
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

func FuzzEpoch(f *testing.F) {
	f.Add(Epoch{Number: 1, Key: fhe.Digest{2}, SquashKey: fhe.Digest{3}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEpoch(b)
		if (err == nil) != (len(b) >= EpochSize) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !slices.Equal(e.Append(nil), b[:EpochSize]) {
			t.Errorf("%x decodes to %v", b, e)
		}
	})
}

// FuzzDecodeJSON: what decodes is one object of known members, and decodes again
// to the same.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"party":1}`, `{"party":1} {}`, `{"x":1}`, `null`, `{"party":1,"party":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again Member
		if DecodeJSON(b, &m) != nil {
			return
		}
		encoded, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodeJSON(encoded, &again); err != nil || again != m {
			t.Errorf("%s becomes %s, %v", b, encoded, err)
		}
		if DecodeJSON(append(encoded, encoded...), &again) == nil {
			t.Error("two objects are read as one")
		}
	})
}
