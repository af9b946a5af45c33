package simulate_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/internal/simulate"
)

// gossip is a party that tells all others its number and waits for theirs. It
// keeps what it hears on disk, unless it is forgetful.
type gossip struct {
	id, size  threshold.PartyID
	forgetful bool
	heard     threshold.PartySet
	expired   int
}

func (g *gossip) all() threshold.PartySet { return threshold.Quorum{N: int(g.size)}.All() }

func (g *gossip) Start() (out simulate.Output) {
	for id := range g.all().All() {
		out.Send = append(out.Send, simulate.Message{To: id, Body: []byte{byte(g.id)}})
	}
	return out
}

func (g *gossip) Receive(m simulate.Message) (out simulate.Output) {
	g.heard = g.heard.With(m.From)
	if !g.forgetful {
		out.Save = []byte{byte(m.From)}
	}
	return out
}

func (g *gossip) Expire() (out simulate.Output) {
	g.expired++
	return out
}

func (g *gossip) Done() bool { return g.heard == g.all() }

func network(seed uint64, f simulate.Faults, forgetful bool) *simulate.Network {
	return &simulate.Network{
		Rng: rand.New(rand.NewPCG(seed, 1)), Honest: slices.Collect(threshold.Quorum{N: 7}.All().All()), Faults: f,
		Boot: func(id threshold.PartyID, journal [][]byte) simulate.Machine {
			g := &gossip{id: id, size: 7, forgetful: forgetful}
			for _, entry := range journal {
				g.heard = g.heard.With(threshold.PartyID(entry[0]))
			}
			return g
		},
	}
}

// TestEverythingArrives: between honest parties no message is lost for good,
// whatever the network does and whoever crashes.
func TestEverythingArrives(t *testing.T) {
	var crashes, losses int
	for seed := range uint64(300) {
		n := network(seed, simulate.RandomFaults(rand.New(rand.NewPCG(seed, 2))), false)
		r, err := n.Run()
		if err != nil || !n.Done() {
			t.Fatalf("seed %d: %+v, %v", seed, r, err)
		}
		crashes, losses = crashes+r.Crashes, losses+r.Losses
	}
	if crashes == 0 || losses == 0 {
		t.Errorf("%d crashes, %d losses", crashes, losses)
	}
}

// TestCrashes: at each step and point a party that keeps what it heard ends, and
// one that does not is found out.
func TestCrashes(t *testing.T) {
	stuck := 0
	for at := range 7 + 49 {
		for _, where := range []simulate.Point{simulate.BeforeSave, simulate.WhileSending, simulate.AfterSending} {
			f := simulate.Faults{Delay: 9, Crash: simulate.CrashAt(at, where)}
			n := network(uint64(at), f, false)
			if r, err := n.Run(); err != nil || r.Crashes != 1 || !n.Done() {
				t.Errorf("crash at %d, point %d: %+v, %v", at, where, r, err)
			}
			forgetful := network(uint64(at), f, true)
			if _, err := forgetful.Run(); err != nil {
				t.Fatal(err)
			}
			if !forgetful.Done() {
				stuck++
			}
		}
	}
	if stuck < 49 {
		t.Errorf("parties that forget got stuck %d times", stuck)
	}
}

// TestSeedIsTheRun: one seed gives one transcript, another one another.
func TestSeedIsTheRun(t *testing.T) {
	run := func(seed uint64) simulate.Result {
		r, err := network(seed, simulate.RandomFaults(rand.New(rand.NewPCG(3, 2))), false).Run()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || first.Transcript == other.Transcript {
		t.Error("runs do not follow their seeds")
	}
}

// impostor speaks once for an honest party and once for itself.
type impostor struct{ simulate.Silent }

func (impostor) Start() []simulate.Message {
	return []simulate.Message{{From: 2, To: 1}, {From: 7, To: 1}}
}

// TestChannelsAreAuthenticated: the adversary speaks for corrupt parties alone,
// and those for which nobody speaks are waited for until time is over, once.
func TestChannelsAreAuthenticated(t *testing.T) {
	n := network(4, simulate.Faults{}, false)
	n.Honest, n.Corrupt, n.Adversary = []threshold.PartyID{1}, threshold.Parties(7), impostor{}
	if _, err := n.Run(); err != nil || n.Done() {
		t.Fatalf("done %v, %v", n.Done(), err)
	}
	if g := n.Machine(1).(*gossip); g.heard != threshold.Parties(1, 7) || g.expired != 1 {
		t.Errorf("heard %v, time was over %d times", g.heard, g.expired)
	}
}

// echo answers every message for ever.
type echo struct{ gossip }

func (e *echo) Receive(m simulate.Message) simulate.Output {
	return simulate.Output{Send: []simulate.Message{{To: m.From, Body: m.Body}}}
}

// TestEndlessProtocol: one that does not come to rest is an error.
func TestEndlessProtocol(t *testing.T) {
	n := network(5, simulate.Faults{}, false)
	n.Boot = func(id threshold.PartyID, _ [][]byte) simulate.Machine { return &echo{gossip{id: id, size: 7}} }
	if r, err := n.Run(); err == nil {
		t.Errorf("it ends: %+v", r)
	}
}
