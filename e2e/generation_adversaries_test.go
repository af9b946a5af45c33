//go:build adversaries

package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
)

// TestManyGenerationAdversaries spoils key generations in every way. Honest parties that
// end with keys have the same, and those that do not blame the liar alone; where some do
// and some do not, these know that the keys may be in use.
func TestManyGenerationAdversaries(t *testing.T) {
	n := newNursery(t)
	all := []string{"lie", "lie", "equivocate", "equivocate", "twice", "cry", "garble", "silence", "kill"}
	for seed := *first; seed < *first+*seeds; seed++ {
		rng := rand.New(rand.NewPCG(seed, 4))
		liar, manner := threshold.PartyID(1+rng.IntN(4)), all[rng.IntN(len(all))]
		t.Logf("seed %d: party %d, %s", seed, liar, manner)
		var during func(*process)
		if manner == "kill" {
			during = func(p *process) {
				time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
				p.kill()
			}
		}
		patience := ample
		if manner == "silence" || manner == "kill" {
			patience = 15 * time.Second
		}
		n.settle(n.generate(liar, manner, seed, patience, during), liar)
	}
	n.wantKeys(n.generate(0, "", 0, ample, nil))
}

func (n *nursery) settle(got map[threshold.PartyID]generated, liar threshold.PartyID) {
	n.t.Helper()
	var key fhe.Digest
	for id, g := range got {
		n.t.Logf("party %d: %+v", id, g)
		if key == (fhe.Digest{}) {
			key = g.Key
		}
		if g.Key != (fhe.Digest{}) && g.Key != key {
			n.t.Errorf("party %d has key %s, another one %s", id, g.Key, key)
		}
		for _, b := range g.Blames {
			if b.Party != liar {
				n.t.Errorf("party %d blames %v", id, b)
			}
		}
		if g.Key == (fhe.Digest{}) && len(g.Blames) == 0 {
			n.t.Errorf("party %d fails and blames nobody", id)
		}
	}
	for id, g := range got {
		if key != (fhe.Digest{}) && g.Key == (fhe.Digest{}) && !strings.Contains(g.Error, "others may use them") {
			n.t.Errorf("party %d discards keys that others have: %s", id, g.Error)
		}
	}
}
