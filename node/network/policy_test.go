package network

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
)

// founders are four parties of a network that is to be.
func founders(t *testing.T) (members []threshold.Member) {
	t.Helper()
	for id := threshold.PartyID(1); id <= 4; id++ {
		keys, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, keys.Member(id, "127.0.0.1:9000"))
	}
	return members
}

// TestPlanPolicy: a network on a chain of its own names three coprocessors of which two
// must agree, or its parties recompute; one on the development chain need not.
func TestPlanPolicy(t *testing.T) {
	members := founders(t)
	a, b := fhe.Address{1}, fhe.Address{2}
	for _, c := range []struct {
		chain   uint64
		words   Words
		of      int
		need    int
		refused string
	}{
		{0, Words{}, 1, 1, ""},
		{contracts.DevChainID, Words{}, 1, 1, ""},
		{8453, Words{}, 0, 0, "chain 8453: the digest policy takes the word of 1 of 1 coprocessors"},
		{8453, Words{}, 0, 0, "--parties-recompute"},
		{8453, Words{Coprocessors: []fhe.Address{a}}, 0, 0, "2 of 2"},
		{8453, Words{Coprocessors: []fhe.Address{a, b}, Need: 1}, 0, 0, "1 of 3"},
		{8453, Words{Coprocessors: []fhe.Address{a, b}, Need: 4}, 0, 0, "4 of 3"},
		{8453, Words{Coprocessors: []fhe.Address{a, a}}, 0, 0, "twice"},
		{8453, Words{Coprocessors: []fhe.Address{a, b}}, 3, 2, ""},
		{8453, Words{Coprocessors: []fhe.Address{a, b, {3}}}, 4, 3, ""},
		{8453, Words{Coprocessors: []fhe.Address{a, b, {3}}, Need: 2}, 4, 2, ""},
		{8453, Words{Recompute: true}, 1, 1, ""},
		{8453, Words{Recompute: true, Coprocessors: []fhe.Address{a, b}, Need: 4}, 0, 0, "4 of 3"},
	} {
		f := Folder(filepath.Join(t.TempDir(), "network"))
		d, err := f.Draft(Plan{ChainID: c.chain, Members: members, Words: c.words})
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%+v: %v, want %q", c, err, c.refused)
			}
			if _, err := os.Stat(string(f)); err == nil {
				t.Errorf("%+v: a folder is left", c)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		own, err := f.Coprocessor()
		if err != nil {
			t.Fatal(err)
		}
		p := d.Committee.Policy
		if len(p.Coprocessors) != c.of || p.Need != c.need || p.Coprocessors[0] != own || !slices.Equal(p.Coprocessors[1:], c.words.Coprocessors) {
			t.Errorf("%+v gives %+v, for %s", c, p, own)
		}
		planned, err := ReadPlan(f.PlanFile())
		if err != nil || !planned.Committee.Equal(&d.Committee) {
			t.Errorf("%+v: the plan has %+v, %v", c, planned.Committee.Policy, err)
		}
	}
}

// TestCoprocessor: a folder gets one identity of a node, and keeps it.
func TestCoprocessor(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "own"))
	made, err := f.Coprocessor()
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Coprocessor()
	if err != nil || again != made || made == (fhe.Address{}) {
		t.Errorf("%s, then %s, %v", made, again, err)
	}
	read, err := ParseCoprocessors([]string{made.String()})
	if err != nil || len(read) != 1 || read[0] != made {
		t.Errorf("read %v, %v", read, err)
	}
	for _, text := range []string{"", "0x", "0x01", made.String()[2:], fhe.Address{}.String()} {
		if _, err := ParseCoprocessors([]string{text}); err == nil {
			t.Errorf("%q is an address", text)
		}
	}
	if err := os.WriteFile(filepath.Join(string(f), "node.identity"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Coprocessor(); err == nil {
		t.Error("a damaged identity is replaced")
	}
}

// TestPlanEpochPolicy: an epoch keeps the digest policy, or gets another one, which on a
// chain of its own is not a single coprocessor's word.
func TestPlanEpochPolicy(t *testing.T) {
	f, d, _ := described(t)
	three := []fhe.Address{{1}, {2}, {3}}
	plan := func(w Words) (*threshold.Policy, error) {
		path := filepath.Join(t.TempDir(), "next.json")
		if _, err := f.PlanEpoch(0, nil, w, path); err != nil {
			return nil, err
		}
		c, err := ReadCommittee(path)
		if err != nil {
			t.Fatal(err)
		}
		return &c.Policy, nil
	}
	if p, err := plan(Words{}); err != nil || p.Need != 1 || !slices.Equal(p.Coprocessors, d.Committee.Policy.Coprocessors) {
		t.Errorf("the same policy: %+v, %v", p, err)
	}
	d.ChainID = 1
	if err := f.writeDescription(d); err != nil {
		t.Fatal(err)
	}
	for _, w := range []Words{{}, {Coprocessors: three[:2]}, {Coprocessors: three, Need: 1}} {
		if p, err := plan(w); err == nil {
			t.Errorf("%+v gives %+v", w, p)
		}
	}
	if p, err := plan(Words{Coprocessors: three}); err != nil || p.Need != 2 || !slices.Equal(p.Coprocessors, three) {
		t.Errorf("another policy: %+v, %v", p, err)
	}
	if _, err := plan(Words{Recompute: true}); err != nil {
		t.Errorf("all parties recompute: %v", err)
	}
}
