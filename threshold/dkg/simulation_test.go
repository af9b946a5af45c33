package dkg

import (
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/fhe/csprng"
	"fhevm/threshold"
	"fhevm/threshold/internal/simulate"
)

// simulated is a party on a simulated network.
type simulated struct{ *Machine }

func (s simulated) Start() simulate.Output { return s.sent() }

func (s simulated) Receive(m simulate.Message) simulate.Output {
	if msg, err := ParseMessage(m.Body); err == nil {
		s.Machine.Receive(msg)
	}
	return s.sent()
}

func (s simulated) Expire() simulate.Output {
	s.Timeout()
	return s.sent()
}

func (s simulated) Done() bool { return s.Machine.Done() || s.Failure() != nil }

func (s simulated) sent() (out simulate.Output) {
	for _, e := range s.Out() {
		for to := range e.To.All() {
			out.Send = append(out.Send, simulate.Message{To: to, Body: e.Encode()})
		}
	}
	return out
}

// TestSimulation makes keys on networks that delay, lose and repeat: with all
// parties there, all have the same keys; where one never says a word, all others
// give up and blame that one.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		run := newTestRun(t, 4, &small)
		rng := rand.New(rand.NewPCG(seed, 81))
		n := simulate.Network{
			Rng: rng, Faults: simulate.RandomFaults(rng), Honest: slices.Collect(run.quorum.All().All()),
			Boot: func(id threshold.PartyID, _ [][]byte) simulate.Machine {
				m, err := New(run, id, signers(4)[id-1], csprng.New(csprng.SeedFrom([32]byte{byte(seed)}), "contributions", uint64(id)))
				if err != nil {
					t.Fatal(err)
				}
				return simulated{m}
			},
		}
		n.Faults.Crash = nil // who crashes leaves the run
		var want threshold.PartySet
		if seed%2 == 1 {
			want = threshold.Parties(n.Honest[0])
			n.Corrupt, n.Honest = want, n.Honest[1:]
		}
		if _, err := n.Run(); err != nil || !n.Done() {
			t.Fatalf("seed %d: done %v, %v", seed, n.Done(), err)
		}
		first := n.Machine(n.Honest[0]).(simulated)
		for _, id := range n.Honest {
			m := n.Machine(id).(simulated)
			var blamed threshold.PartySet
			if m.Failure() != nil {
				for _, b := range m.Failure().Blames {
					blamed = blamed.With(b.Party)
				}
			}
			if blamed != want || want == 0 && !slices.Equal(m.keys.digests(), first.keys.digests()) {
				t.Errorf("seed %d, party %d: %v, blamed should be %v", seed, id, m.Failure(), want)
			}
		}
	}
}
