package dkg

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/internal/simulate"
)

// runs is the number of simulated key generations; -short takes a twentieth.
var runs = flag.Int("runs", 20, "simulated key generations with up to t adversaries")

func count() int {
	if testing.Short() {
		return *runs / 20
	}
	return *runs
}

// tiny is the smallest set of which a run keeps what it promises: half the work of small.
// What costs time is the squash key, which has one size.
var tiny = func() tfhe.Params {
	p := small
	p.LWEDim, p.LWENoise, p.KeySwitchBaseLog, p.KeySwitchLevel, p.PackLevel = 1, 0, 11, 2, 1
	return p
}()

// simulated is a party on a simulated network.
type simulated struct{ *Machine }

func (s simulated) Start() simulate.Output { return s.sent() }

func (s simulated) Receive(m simulate.Message) simulate.Output {
	if msg, err := ParseMessage(m.Body); err == nil {
		s.Machine.Receive(msg)
	}
	return s.sent()
}

// Expire also sends nothing to itself, for the network to go on: a party may wait again
// without a word.
func (s simulated) Expire() simulate.Output {
	s.Timeout()
	out := s.sent()
	out.Send = append(out.Send, simulate.Message{To: s.id})
	return out
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

// network is a simulated key generation.
type network struct {
	simulate.Network
	run *Run
}

func newNetwork(t testing.TB, rng *rand.Rand, run *Run, corrupt threshold.PartySet, seed uint64) *network {
	n := &network{run: run}
	n.Network = simulate.Network{
		Rng: rng, Corrupt: corrupt, Honest: slices.Collect((run.quorum.All() &^ corrupt).All()),
		Boot: func(id threshold.PartyID, _ [][]byte) simulate.Machine {
			m, err := seeded(run, id, seed)
			if err != nil {
				t.Fatal(err)
			}
			return simulated{m}
		},
	}
	return n
}

func (n *network) machine(id threshold.PartyID) *Machine { return n.Machine(id).(simulated).Machine }

// play runs to the end, and demands all the while what keeps the keys secret: no honest
// party confirms and discloses.
func (n *network) play() error {
	var confirmed, disclosed threshold.PartySet
	n.Watch = func(m simulate.Message) {
		switch msg, err := ParseMessage(m.Body); {
		case err != nil || n.Corrupt.Has(m.From) || msg.From != m.From:
		case msg.Kind == Confirm:
			confirmed = confirmed.With(m.From)
		case msg.Kind == Disclosure:
			disclosed = disclosed.With(m.From)
		}
	}
	_, err := n.Run()
	if both := confirmed & disclosed; both != 0 {
		err = errors.Join(err, fmt.Errorf("%v have confirmed and disclosed", both))
	}
	return err
}

// outcome is how a run ended.
type outcome struct{ done, failed, confirmed threshold.PartySet }

// check demands that all honest parties have the same keys, or that those which do not
// have given up and blame somebody, and corrupt parties only. Where one has keys, all
// others have confirmed them: who is done cannot know what becomes of them then.
func (n *network) check() (o outcome, err error) {
	for _, id := range n.Honest {
		m := n.machine(id)
		f := m.Failure()
		switch {
		case m.Done():
			o.done = o.done.With(id)
		case f == nil:
			return o, fmt.Errorf("party %d waits for %v of %v", id, m.phase, m.Awaited())
		case len(f.Blames) == 0:
			return o, fmt.Errorf("party %d blames nobody: %w", id, f)
		default:
			o.failed = o.failed.With(id)
		}
		if m.Confirmed() {
			o.confirmed = o.confirmed.With(id)
		}
		if f != nil && slices.ContainsFunc(f.Blames, func(b threshold.Blame) bool { return !n.Corrupt.Has(b.Party) }) {
			return o, fmt.Errorf("party %d blames honest parties: %w", id, f)
		}
	}
	return o, n.sameKeys(o)
}

func (n *network) sameKeys(o outcome) error {
	if o.done != 0 && o.confirmed.Len() < len(n.Honest) {
		return fmt.Errorf("%v are done, only %v have confirmed", o.done, o.confirmed)
	}
	for id := range o.confirmed.All() {
		m, first := n.machine(id), n.machine(slices.Min(slices.Collect(o.confirmed.All())))
		if !slices.Equal(m.keys.digests(), first.keys.digests()) {
			return fmt.Errorf("party %d has other keys than party %d", id, first.id)
		}
		if m.Done() && !n.run.Certified(m.Certificate(), m.keys.ID(), m.keys.Squash.Digest()) {
			return fmt.Errorf("party %d has no certificate", id)
		}
	}
	return nil
}

// attack is one run with up to t corrupt parties and everything that a network may do.
func attack(t testing.TB, seed uint64, size int) (*network, *adversary, error) {
	rng := rand.New(rand.NewPCG(seed, 82))
	run := newTestRun(t, size, &tiny)
	var corrupt threshold.PartySet
	for _, i := range rng.Perm(size)[:max(rng.IntN(run.quorum.T+1), rng.IntN(run.quorum.T+1))] {
		corrupt = corrupt.With(threshold.PartyID(i + 1))
	}
	n := newNetwork(t, rng, run, corrupt, seed)
	a, err := newAdversary(rng, run, corrupt, seed)
	if err != nil {
		t.Fatal(err)
	}
	n.Adversary, n.Faults = a, simulate.RandomFaults(rng)
	n.Faults.Crash = nil // who crashes leaves the run: as a silent party does
	return n, a, n.play()
}

// sizeOf spreads runs over the committees, few over the larger one.
func sizeOf(run int) int { return []int{4, 7}[run%20/19] }

// TestSimulation makes keys with up to t adversaries, on networks that delay, lose and
// repeat: all honest parties end with keys that fit their shares, or blame the corrupt.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var done, split int
	blames := map[string]int{}
	for run := range count() {
		n, a, err := attack(t, uint64(run), sizeOf(run))
		o, wrong := n.check()
		if err = errors.Join(err, wrong); err != nil {
			t.Fatalf("run %d: n=%d, corrupt %v, faults %+v: %v", run, sizeOf(run), a, n.Faults, err)
		}
		if o.done != 0 && o.failed != 0 {
			split++
		}
		if o.failed == 0 {
			done++
			n.secrets(t).checkSecrets()
		}
		for id := range o.failed.All() {
			for _, b := range n.machine(id).Failure().Blames {
				blames[b.Reason]++
			}
		}
	}
	t.Logf("%d runs: %d made keys, %d of them at some parties only, blames %v", count(), done, split, blames)
	if count() >= 20 && (done < count()/10 || done > count()*9/10) {
		t.Error("too little was put to the test")
	}
}

// TestSeeds repeats runs that once had honest parties blamed.
func TestSeeds(t *testing.T) {
	t.Parallel()
	for _, seed := range []int{253, 274, 426, 729, 915, 1187} {
		n, a, err := attack(t, uint64(seed), sizeOf(seed))
		if _, wrong := n.check(); err != nil || wrong != nil {
			t.Errorf("run %d: n=%d, corrupt %v, faults %+v: %v", seed, sizeOf(seed), a, n.Faults, errors.Join(err, wrong))
		}
	}
}

// secrets is the honest parties of a run that is over, to open what they share.
func (n *network) secrets(t testing.TB) *net {
	machines := make(map[threshold.PartyID]*Machine)
	for _, id := range n.Honest {
		machines[id] = n.machine(id)
	}
	return &net{t: t, run: n.run, machines: machines}
}

// TestTranscript pins every message of a run without faults, for all machines and
// builds: what is said does not depend on the order in which it is heard.
func TestTranscript(t *testing.T) {
	t.Parallel()
	const want = "0xf2f548708ecd8b5ad6488c4fa8c57cc2568660ac98664d66b4d93bdb9c91dea2"
	for order := range uint64(2) {
		rng := rand.New(rand.NewPCG(order, 83))
		n := newNetwork(t, rng, newTestRun(t, 4, &tiny), 0, 1)
		n.Faults = simulate.Faults{Delay: order * 1000}
		said := map[slot]fhe.Digest{}
		n.Watch = func(m simulate.Message) {
			msg, err := ParseMessage(m.Body)
			if err != nil {
				t.Fatal(err)
			}
			said[msg.slot()] = fhe.Keccak(m.Body)
		}
		if _, err := n.Run(); err != nil || !n.Done() {
			t.Fatal(err)
		}
		var hashes []byte
		for _, s := range slices.SortedFunc(maps.Keys(said), slot.compare) {
			d := said[s]
			hashes = append(hashes, d[:]...)
		}
		if got := fhe.Keccak(hashes).String(); got != want {
			t.Errorf("order %d: %d messages hash to %s, want %s", order, len(said), got, want)
		}
	}
}

// compare orders messages by their place in a run.
func (s slot) compare(o slot) int {
	return cmp.Or(cmp.Compare(s.kind, o.kind), cmp.Compare(s.index, o.index), cmp.Compare(s.from, o.from), cmp.Compare(s.to, o.to))
}
