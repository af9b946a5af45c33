package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dkg"
	"fhevm/threshold/prss"
)

// nursery is four parties that make keys, in processes of the program
// threshold/internal/liar/member: the product's key generation, of a parameter set with
// few secrets.
type nursery struct {
	t         *testing.T
	program   string
	dir       string
	committee *threshold.Committee
	attempt   uint32
}

func newNursery(t *testing.T) *nursery {
	t.Helper()
	n := &nursery{t: t, program: buildLiar(t), dir: t.TempDir(), committee: &threshold.Committee{
		Epoch: threshold.Epoch{Number: 1}, Policy: threshold.Policy{Coprocessors: []fhe.Address{{1}}, Need: 1},
	}}
	for i, address := range freeAddresses(t, 4) {
		keys, err := committee.CreateIdentity(n.identity(threshold.PartyID(i+1)), "")
		if err != nil {
			t.Fatal(err)
		}
		n.committee.Members = append(n.committee.Members, keys.Member(threshold.PartyID(i+1), address))
	}
	margin, err := prss.NewMargin(n.committee.Quorum(), dkg.Noise(n.committee.Quorum()))
	if err != nil {
		t.Fatal(err)
	}
	n.committee.Noise, n.committee.Stat = margin.Noise, margin.Stat
	return n
}

func (n *nursery) identity(id threshold.PartyID) string {
	return filepath.Join(n.dir, fmt.Sprintf("party-%d.identity", id))
}

// generated is how a run ended for a party.
type generated struct {
	Key    fhe.Digest // zero: it failed
	Blames []threshold.Blame
	Error  string
}

// generate has all take part in the next attempt, one of them in some manner, or none,
// and returns how it ended for the others.
func (n *nursery) generate(id threshold.PartyID, manner string, seed uint64, patience time.Duration, during func(liar *process)) map[threshold.PartyID]generated {
	n.t.Helper()
	processes := map[threshold.PartyID]*process{}
	for _, m := range n.committee.Members {
		birth := map[string]any{
			"Identity": n.identity(m.Party), "Committee": n.committee, "Attempt": n.attempt, "Patience": patience, "Seed": seed,
		}
		if m.Party == id {
			birth["Manner"] = manner
		}
		b, err := json.Marshal(birth)
		if err != nil {
			n.t.Fatal(err)
		}
		path := filepath.Join(n.dir, fmt.Sprintf("attempt-%d-%d", n.attempt, m.Party))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			n.t.Fatal(err)
		}
		processes[m.Party] = launch(n.t, n.program, "generate", path)
	}
	n.attempt++
	if during != nil {
		during(processes[id])
	}
	out := map[threshold.PartyID]generated{}
	for party, p := range processes {
		if party == id {
			continue
		}
		<-p.done
		_, said, ok := strings.Cut(p.output(), "ended ")
		var g generated
		if err := json.Unmarshal([]byte(said), &g); !ok || err != nil {
			n.t.Fatalf("party %d: %v: %s", party, err, p.output())
		}
		out[party] = g
	}
	if p := processes[id]; p != nil {
		p.kill() // it may wait for ever
	}
	return out
}

// wantFailed demands that all ended without keys and blame one party alone.
func (n *nursery) wantFailed(got map[threshold.PartyID]generated, liar threshold.PartyID) {
	n.t.Helper()
	for id, g := range got {
		if g.Key != (fhe.Digest{}) || len(g.Blames) != 1 || g.Blames[0].Party != liar {
			n.t.Errorf("party %d ends with %+v, want a failure for which party %d is blamed", id, g, liar)
		}
	}
}

// wantKeys demands that all have the same keys.
func (n *nursery) wantKeys(got map[threshold.PartyID]generated) {
	n.t.Helper()
	key := fhe.Digest{}
	for id, g := range got {
		if key == (fhe.Digest{}) {
			key = g.Key
		}
		if g.Key == (fhe.Digest{}) || g.Key != key {
			n.t.Errorf("party %d ends with %+v, others with key %s", id, g, key)
		}
	}
}

// ample is longer than a process that can run does not.
const ample = 2 * time.Minute

// TestGenerationAdversaries: a key generation that a corrupt party spoils fails by its name
// everywhere; bytes that are no messages spoil nothing; without the liar there are keys.
func TestGenerationAdversaries(t *testing.T) {
	n := newNursery(t)
	const liar = 3
	n.wantFailed(n.generate(liar, "lie", uint64(dkg.Squares-1), ample, nil), liar)
	n.wantFailed(n.generate(liar, "equivocate", uint64(dkg.Reveal-1), ample, nil), liar)
	n.wantKeys(n.generate(liar, "garble", 0, ample, nil))
	n.wantKeys(n.generate(0, "", 0, ample, nil))
}
