package network

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
	"fhevm/threshold/reshare"
	"fhevm/threshold/reshare/resharetest"
)

// described writes the description of a network without keys.
func described(t testing.TB) (Folder, *Description, []*identity.Identity) {
	t.Helper()
	d := &Description{Format: format, Network: chain.Dev, ChainID: contracts.DevChainID, Set: tfhe.Default.Name, KeyID: fhe.Digest{1}}
	q := threshold.Quorum{N: 4, T: 1}
	m, err := prss.NewMargin(q, squash.NoiseBound().Uint64())
	if err != nil {
		t.Fatal(err)
	}
	d.Committee = threshold.Committee{
		Epoch: threshold.Epoch{Number: 1, Key: d.KeyID}, Noise: m.Noise, Stat: m.Stat,
		Policy: threshold.Policy{Coprocessors: []fhe.Address{{9}}, Need: 1},
	}
	var people []*identity.Identity
	for id := range q.All().All() {
		keys, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, keys)
		d.Committee.Members = append(d.Committee.Members, keys.Member(id, "127.0.0.1:1"))
	}
	f := Folder(filepath.Join(t.TempDir(), `[a] path\of*?`))
	if err := os.Mkdir(string(f), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.writeDescription(d); err != nil {
		t.Fatal(err)
	}
	return f, d, people
}

// succeed has the members follow a committee, or people who are to replace them.
func succeed(t testing.TB, last *threshold.Committee, attempt uint32, people []*identity.Identity, replaced ...threshold.Member) *Succession {
	t.Helper()
	next, err := Propose(last, replaced)
	if err != nil {
		t.Fatal(err)
	}
	plan := &reshare.Plan{Old: last, New: next, Attempt: attempt}
	return &Succession{Committee: *next, Certificate: resharetest.Certify(t, plan, people)}
}

// TestEpochs: a folder describes its epochs in order, each by a file that all of
// its members signed; the owner activates what is described.
func TestEpochs(t *testing.T) {
	f, d, people := described(t)
	second := succeed(t, &d.Committee, 1, people)
	third := succeed(t, &second.Committee, 1, people)
	if _, err := f.AddEpoch(third); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ActivateEpoch(2); err == nil || !strings.Contains(err.Error(), "epoch-2.json") {
		t.Errorf("an epoch that is not there is activated: %v", err)
	}
	for range 2 {
		if aside, err := f.AddEpoch(second); err != nil || aside != "" {
			t.Fatal(aside, err)
		}
	}
	got, err := f.Description()
	if err != nil || len(got.Committees()) != 3 || !got.CommitteeOf(3).Equal(&third.Committee) || got.CommitteeOf(4) != nil {
		t.Fatalf("%d epochs: %v", len(got.Committees()), err)
	}
	want, err := chain.ActivateEpoch(OnChain(&third.Committee))
	if call, got := f.ActivateEpoch(3); got != nil || err != nil || string(call) != string(want) {
		t.Error(got, err)
	}
	if _, err := f.RetireEpoch(3); err == nil {
		t.Error("the last epoch may be retired")
	}
	spoils := map[string]func(*Succession){
		"certificate":     func(s *Succession) { s.Certificate = nil },
		"signatures":      func(s *Succession) { s.Certificate.Signatures = s.Certificate.Signatures[:3] },
		"not signed":      func(s *Succession) { s.Committee.Members[2].Address = "elsewhere:1" },
		"is not signed":   func(s *Succession) { s.Certificate.Attempt++ },
		"of epoch 3":      func(s *Succession) { s.Committee.Epoch.Number++ },
		"for another key": func(s *Succession) { s.Committee.Epoch.SquashKey[0]++ },
	}
	for want, spoil := range spoils {
		b, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		bad := new(Succession)
		if err := json.Unmarshal(b, bad); err != nil {
			t.Fatal(err)
		}
		spoil(bad)
		if b, err = json.Marshal(bad); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.epochFile(2), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Description(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestReplaceEpoch: a committee that is not in force makes room for the one that is,
// and can take its place again. The shares of one do not touch those of the other.
func TestReplaceEpoch(t *testing.T) {
	f, d, people := described(t)
	newcomer, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	people = append(people, newcomer)
	members := slices.Clone(d.Committee.Members)
	members[3] = newcomer.Member(4, "127.0.0.1:2")
	late, right := succeed(t, &d.Committee, 1, people), succeed(t, &d.Committee, 2, people, members...)
	secretOf := func(s *Succession, word uint64) *dealer.Secret {
		out := &dealer.Secret{Party: 1, Committee: &s.Committee, Keys: make([]prss.Key, len(prss.SetsOf(s.Committee.Quorum(), 1))), Share: new(decrypt.Share)}
		out.Share.Set(0, 0, word)
		return out
	}
	add := func(s *Succession, word uint64) (aside string) {
		t.Helper()
		if err := f.SaveSecret(s, secretOf(s, word)); err != nil {
			t.Fatal(err)
		}
		if aside, err = f.AddEpoch(s); err != nil {
			t.Fatal(err)
		}
		return aside
	}
	want := func(s *Succession, word uint64) {
		t.Helper()
		got, err := f.Description()
		if err != nil || !got.CommitteeOf(2).Equal(&s.Committee) {
			t.Fatalf("another committee is described: %v", err)
		}
		secret, err := f.SecretOf(got, &s.Committee, 1, people[0])
		if err != nil || !bytes.Equal(secret.Share.Append(nil), secretOf(s, word).Share.Append(nil)) {
			t.Errorf("not the share of the committee described: %v", err)
		}
	}
	if add(late, 5) != "" {
		t.Error("nothing is set aside")
	}
	want(late, 5)
	aside := add(right, 6)
	want(right, 6)
	if got, err := f.Description(); err != nil {
		t.Fatal(err)
	} else if strays, err := f.StrayShares(got, 2, people[0]); err != nil || !slices.Equal(strays, []string{f.shareFile(late, 1)}) {
		t.Errorf("strays %v: %v", strays, err)
	} else if strays, err := f.StrayShares(got, 2, people[1]); err != nil || len(strays) != 0 {
		t.Errorf("another party's strays %v: %v", strays, err)
	}
	b, err := os.ReadFile(aside)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.epochFile(2), b, 0o600); err != nil {
		t.Fatal(err)
	}
	want(late, 5)
	if n, err := f.PlanEpoch(2, nil, Words{}, filepath.Join(string(f), "next.json")); err != nil || n != 2 {
		t.Errorf("plans epoch %d in the place of 2: %v", n, err)
	}
	if _, err := f.PlanEpoch(9, nil, Words{}, filepath.Join(string(f), "none.json")); err == nil {
		t.Error("plans an epoch that follows none")
	}
}

// FuzzEpoch reads arbitrary epoch files.
func FuzzEpoch(f *testing.F) {
	_, d, people := described(f)
	b, err := json.Marshal(succeed(f, &d.Committee, 1, people))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"certificate":{"signatures":[]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := new(Succession)
		if json.Unmarshal(b, s) == nil && s.check(&d.Committee) == nil && s.Committee.Epoch.Number != 2 {
			t.Error("an epoch is certified to follow that does not")
		}
	})
}
