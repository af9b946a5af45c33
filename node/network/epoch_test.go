package network

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
	"fhevm/threshold/reshare"
	"fhevm/threshold/shamir"
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
	f := Folder(t.TempDir())
	if err := f.writeDescription(d); err != nil {
		t.Fatal(err)
	}
	return f, d, people
}

// succeed has the members reshare a single secret, for the certificate's sake.
func succeed(t testing.TB, last *threshold.Committee, people []*identity.Identity) *Succession {
	t.Helper()
	next, err := Propose(last, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := &reshare.Plan{Old: last, New: next, Attempt: 1}
	var givers []*reshare.Giver
	var receivers []*reshare.Receiver
	for i, keys := range people {
		c := reshare.Config{Plan: plan, Party: threshold.PartyID(i + 1), Key: keys.Signer, Count: 1}
		g, err := reshare.NewGiver(c, make([]shamir.Element, 1), 0)
		if err != nil {
			t.Fatal(err)
		}
		r, err := reshare.NewReceiver(c, [reshare.SeedSize]byte{byte(i)})
		if err != nil {
			t.Fatal(err)
		}
		givers, receivers = append(givers, g), append(receivers, r)
	}
	for receivers[0].Result() == nil {
		for i := range people {
			hear(t, receivers[i], reshare.New, i, givers, receivers)
			hear(t, givers[i], reshare.Old, i, givers, receivers)
		}
	}
	return &Succession{Committee: *next, Certificate: receivers[0].Result().Certificate}
}

type listener interface {
	Awaits() (reshare.Round, []reshare.Seat)
	Receive(reshare.Round, threshold.PartyID, []byte) error
}

func hear(t testing.TB, to listener, role reshare.Role, i int, givers []*reshare.Giver, receivers []*reshare.Receiver) {
	t.Helper()
	round, seats := to.Awaits()
	for _, from := range seats {
		self := reshare.Seat{Role: role, Party: threshold.PartyID(i + 1)}
		b := receivers[from.Party-1].Say(round, self)
		if from.Role == reshare.Old {
			b = givers[from.Party-1].Say(round, self)
		}
		if b == nil {
			continue
		}
		if err := to.Receive(round, from.Party, b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEpochs: a folder describes its epochs in order, each by a file that all of
// its members signed; the owner activates what is described.
func TestEpochs(t *testing.T) {
	f, d, people := described(t)
	second := succeed(t, &d.Committee, people)
	third := succeed(t, &second.Committee, people)
	if err := f.AddEpoch(third); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ActivateEpoch(2); err == nil || !strings.Contains(err.Error(), "epoch-2.json") {
		t.Errorf("an epoch that is not there is activated: %v", err)
	}
	for range 2 {
		if err := f.AddEpoch(second); err != nil {
			t.Fatal(err)
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

// FuzzEpoch reads arbitrary epoch files.
func FuzzEpoch(f *testing.F) {
	_, d, people := described(f)
	b, err := json.Marshal(succeed(f, &d.Committee, people))
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
