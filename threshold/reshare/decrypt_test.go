package reshare_test

import (
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/prss"
	"fhevm/threshold/reshare"
	"fhevm/threshold/shamir"
)

// hold makes the members' parts of a resharing of dealt secrets.
func hold(t *testing.T, d *lwetest.Dealt, next *threshold.Committee, ids func(threshold.PartyID) int) (*reshare.Plan, []*reshare.Giver, []*reshare.Receiver) {
	t.Helper()
	plan := &reshare.Plan{Old: d.Committee, New: next, Attempt: 1}
	var givers []*reshare.Giver
	var receivers []*reshare.Receiver
	for i, s := range d.Secrets {
		g, err := reshare.NewGiver(reshare.Config{Plan: plan, Party: s.Party, Key: d.Identities[i].Signer, Count: squash.Dim}, s.Share.Elements(), 7)
		if err != nil {
			t.Fatal(err)
		}
		givers = append(givers, g)
	}
	for id := range next.Quorum().All().All() {
		r, err := reshare.NewReceiver(reshare.Config{Plan: plan, Party: id, Key: d.Identities[ids(id)].Signer, Count: squash.Dim}, [32]byte{byte(id)})
		if err != nil {
			t.Fatal(err)
		}
		receivers = append(receivers, r)
	}
	return plan, givers, receivers
}

// TestDecryptionSurvives: ciphertexts made under the old epoch decrypt to the
// same values with the shares of the new one, refreshed and moved to more
// members; shares of both epochs together open nothing.
func TestDecryptionSurvives(t *testing.T) {
	for _, n := range []int{4, 7} {
		d := lwetest.Deal(t, 4, 21)
		rest := lwetest.Deal(t, n, 22)
		next := *rest.Committee
		next.Epoch = d.Committee.Epoch
		next.Epoch.Number++
		d.Identities = rest.Identities
		_, givers, receivers := hold(t, d, &next, func(id threshold.PartyID) int { return int(id) - 1 })
		converse(t, givers, receivers)
		value := uint256.NewInt(0xdecade)
		blocks := lwetest.Value(rand.New(rand.NewPCG(5, 5)), d.Bits, fhe.Uint32, value)
		wantValue(t, &next, secrets(t, &next, receivers), blocks, value)
		wantMixed(t, d, secrets(t, &next, receivers))
	}
}

// converse carries messages until everybody is done.
func converse(t *testing.T, givers []*reshare.Giver, receivers []*reshare.Receiver) {
	t.Helper()
	type machine interface {
		Awaits() (reshare.Round, []reshare.Seat)
		Receive(reshare.Round, threshold.PartyID, []byte) error
		Say(reshare.Round, reshare.Seat) []byte
	}
	all := map[reshare.Seat]machine{}
	for i, g := range givers {
		all[reshare.Seat{Role: reshare.Old, Party: threshold.PartyID(i + 1)}] = g
	}
	for i, r := range receivers {
		all[reshare.Seat{Role: reshare.New, Party: threshold.PartyID(i + 1)}] = r
	}
	for moved := true; moved; {
		moved = false
		for self, m := range all {
			round, from := m.Awaits()
			for _, s := range from {
				if b := all[s].Say(round, self); b != nil {
					moved = true
					if err := m.Receive(round, s.Party, b); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

func secrets(t *testing.T, c *threshold.Committee, receivers []*reshare.Receiver) (out []*dealer.Secret) {
	t.Helper()
	for i, r := range receivers {
		if r.Result() == nil {
			t.Fatalf("new party %d is not done", i+1)
		}
		share, err := decrypt.NewShare(r.Result().Shares)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &dealer.Secret{Party: threshold.PartyID(i + 1), Committee: c, Keys: r.Result().Keys, Share: share})
	}
	return out
}

func wantValue(t *testing.T, c *threshold.Committee, held []*dealer.Secret, blocks []*squash.Ciphertext, want *uint256.Int) {
	t.Helper()
	margin, err := prss.MarginOf(c)
	if err != nil {
		t.Fatal(err)
	}
	opening := decrypt.NewCombiner(margin, []fhe.Type{fhe.Uint32})
	for _, s := range held {
		key, err := s.Key()
		if err != nil {
			t.Fatal(err)
		}
		var shares []shamir.Element
		for _, p := range key.Partials(decrypt.NewBlocks(blocks)) {
			shares = append(shares, p.Share)
		}
		if err := opening.Add(s.Party, shares); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := opening.Values(); err != nil || !got[0].Eq(want) || opening.Liars() != 0 {
		t.Errorf("n=%d: decrypted %v with liars %v: %v, want %v", len(held), got, opening.Liars(), err, want)
	}
}

// wantMixed: t+1 shares of two epochs are no sharing of anything that is known.
func wantMixed(t *testing.T, d *lwetest.Dealt, next []*dealer.Secret) {
	t.Helper()
	shares := []shamir.Element{d.Secrets[0].Share.Elements()[9], next[1].Share.Elements()[9]}
	// The polynomial of degree 1 through points 1 and 2 has 2a - b at 0.
	if got := shares[0].Add(shares[0]).Sub(shares[1]); got == (shamir.Element{uint64(d.Bits[9]), uint64(d.Bits[9])}) {
		t.Error("an old share and a new one open the secret")
	}
}
