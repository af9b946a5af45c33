package opening_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/internal/simulate"
	"fhevm/threshold/opening"
)

// runs is the number of simulated openings; -short takes a twentieth.
var runs = flag.Int("runs", 10_000, "simulated openings with up to t adversaries")

func count() int {
	if testing.Short() {
		return *runs / 20
	}
	return *runs
}

var sizes = []int{4, 7, 10, 13}

// sizeOf spreads runs over the committees, fewer over the large ones, whose runs
// have ten times the messages.
func sizeOf(run int) int { return sizes[[]int{0, 1, 0, 2, 0, 1, 0, 1, 0, 3}[run%10]] }

var (
	caseMutex sync.Mutex
	cases     = map[int][]*liar.Case{}
)

// casesOf encrypts a few values for a committee of n, once.
func casesOf(t testing.TB, n int) []*liar.Case {
	t.Helper()
	caseMutex.Lock()
	defer caseMutex.Unlock()
	if cases[n] == nil {
		d := lwetest.Deal(t, n, uint64(n))
		for i, types := range [][]fhe.Type{{fhe.Bool}, {fhe.Uint8}, {fhe.Bool, fhe.Uint8}} {
			cases[n] = append(cases[n], liar.NewCase(t, d, uint64(i), types...))
		}
	}
	return cases[n]
}

// network is a simulated opening.
type network struct {
	simulate.Network
	c *liar.Case
}

func newNetwork(rng *rand.Rand, c *liar.Case, corrupt threshold.PartySet) *network {
	n := &network{c: c}
	n.Network = simulate.Network{
		Rng: rng, Corrupt: corrupt,
		Honest: slices.Collect((c.Margin.Quorum.All() &^ corrupt).All()),
		Boot:   func(id threshold.PartyID, journal [][]byte) simulate.Machine { return boot(c, id, journal) },
	}
	return n
}

// run runs to the end, and demands all the while what must hold whatever
// happens: an honest party sends shares only once their opening is on its disk,
// and to everybody and at any time the same.
func (n *network) run() (simulate.Result, error) {
	var broken error
	n.Watch = func(m simulate.Message) {
		if n.Corrupt.Has(m.From) || m.Body[0] != answers {
			return
		}
		if len(n.Journal(m.From)) != 1 || verdict(n.c, m.From, m.Body) != "" {
			broken = fmt.Errorf("party %d sent %q with %d records on its disk", m.From, m.Body, len(n.Journal(m.From)))
		}
	}
	r, err := n.Run()
	return r, errors.Join(err, broken)
}

func (n *network) party(id threshold.PartyID) *party { return n.Machine(id).(*party) }

// check demands that every honest party opened the right values, and blames
// those whose wrong answers it took, for what they did, and nobody else.
func (n *network) check() error {
	for _, id := range n.Honest {
		p := n.party(id)
		values, err := p.Values()
		if err != nil {
			return fmt.Errorf("party %d: %w", id, err)
		}
		for i, v := range values {
			if !v.Eq(n.c.Want[i]) {
				return fmt.Errorf("party %d opened %v, want %v", id, values, n.c.Want)
			}
		}
		var want []threshold.Blame
		for from := range n.Corrupt.All() {
			if body := p.answers[from]; body != nil && verdict(n.c, from, body) != "" {
				want = append(want, threshold.Blame{Party: from, Reason: verdict(n.c, from, body)})
			}
		}
		if got := p.Blames(); !slices.Equal(got, want) {
			return fmt.Errorf("party %d blames %v, want %v", id, got, want)
		}
	}
	return nil
}

// attack is one run with up to t corrupt parties and everything that a network
// may do.
func attack(t testing.TB, seed uint64, size int) (*network, simulate.Result, error) {
	rng := rand.New(rand.NewPCG(seed, 77))
	all := casesOf(t, size)
	c := all[rng.IntN(len(all))]
	corrupt := liar.Choose(rng, c.Margin.Quorum, rng.IntN(c.Margin.Quorum.T+1))
	if rng.IntN(2) == 0 {
		corrupt = liar.Choose(rng, c.Margin.Quorum, c.Margin.Quorum.T)
	}
	n := newNetwork(rng, c, corrupt)
	n.Adversary = newAdversary(rng, c, liar.New(rng, c, corrupt))
	n.Faults = simulate.RandomFaults(rng)
	r, err := n.run()
	return n, r, err
}

// TestSimulation: openings with up to t adversaries end right at every honest
// party, with the right blame.
func TestSimulation(t *testing.T) {
	var total simulate.Result
	blames := map[string]int{}
	for run := range count() {
		n, r, err := attack(t, uint64(run), sizeOf(run))
		if err = errors.Join(err, n.check()); err != nil {
			t.Fatalf("run %d: n=%d, corrupt %v, faults %+v: %v", run, sizeOf(run), n.Corrupt, n.Faults, err)
		}
		total.Steps += r.Steps
		total.Crashes += r.Crashes
		total.Losses += r.Losses
		for _, id := range n.Honest {
			for _, b := range n.party(id).Blames() {
				blames[b.Reason]++
			}
		}
	}
	t.Logf("%d runs: %d events, %d crashes, %d losses, blames %v", count(), total.Steps, total.Crashes, total.Losses, blames)
	for _, reason := range []string{threshold.WrongShares, threshold.UnusableBytes, threshold.OtherCiphertexts} {
		if blames[reason] == 0 || total.Crashes == 0 || total.Losses == 0 {
			t.Errorf("nothing was put to the test: %+v, blames %v", total, blames)
		}
	}
}

// TestOneSilentPartyMore: where one party more than t gives nothing, every honest
// one refuses, names exactly those that it did not hear, and opens no value.
func TestOneSilentPartyMore(t *testing.T) {
	for run := range count() / 10 {
		rng := rand.New(rand.NewPCG(uint64(run), 78))
		all := casesOf(t, sizeOf(run))
		c := all[rng.IntN(len(all))]
		corrupt := liar.Choose(rng, c.Margin.Quorum, c.Margin.Quorum.T)
		n := newNetwork(rng, c, corrupt)
		at := rng.IntN(len(n.Honest))
		gone := n.Honest[at]
		n.Honest = slices.Delete(n.Honest, at, at+1)
		n.Adversary = newAdversary(rng, c, liar.NewUseless(rng, c, corrupt))
		n.Faults = simulate.RandomFaults(rng)
		if _, err := n.run(); err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		for _, id := range n.Honest {
			if err := n.party(id).refused(corrupt.With(gone)); err != nil {
				t.Fatalf("run %d: n=%d, corrupt %v, silent %d, party %d: %v", run, sizeOf(run), corrupt, gone, id, err)
			}
		}
	}
}

// refused demands a refusal that names those of the faulty parties from which
// nothing came, and blames nobody else.
func (p *party) refused(faulty threshold.PartySet) error {
	values, err := p.Values()
	f, ok := errors.AsType[*threshold.Fault](err)
	if values != nil || !ok || f.Code != threshold.Unavailable {
		return fmt.Errorf("%v, %v", values, err)
	}
	var silent threshold.PartySet
	for id := range faulty.All() {
		named := strings.Contains(f.Message, fmt.Sprintf("party %d: no answer in time", id))
		if heard := p.answers[id] != nil; heard == named {
			return fmt.Errorf("heard party %d: %v, but %q", id, heard, f.Message)
		}
		if named {
			silent = silent.With(id)
		}
	}
	for _, b := range p.Blames() {
		if !faulty.Has(b.Party) || (b.Reason == threshold.Silence) != silent.Has(b.Party) {
			return fmt.Errorf("blames %v, silent are %v of the faulty %v", p.Blames(), silent, faulty)
		}
	}
	return nil
}

// TestCrashAtEveryStep: with t parties silent all others are needed, and one of
// them may crash at any event, before or after any of its effects: they open.
func TestCrashAtEveryStep(t *testing.T) {
	for _, size := range sizes {
		c := casesOf(t, size)[0]
		crashed := true
		for at := 0; crashed; at++ {
			for _, where := range []simulate.Point{simulate.BeforeSave, simulate.WhileSending, simulate.AfterSending} {
				rng := rand.New(rand.NewPCG(uint64(size), uint64(at)))
				n := newNetwork(rng, c, liar.Choose(rng, c.Margin.Quorum, c.Margin.Quorum.T))
				n.Faults = simulate.Faults{Delay: 64, Crash: simulate.CrashAt(at, where)}
				r, err := n.run()
				if err = errors.Join(err, n.check()); err != nil {
					t.Fatalf("n=%d, crash at step %d, point %d: %v", size, at, where, err)
				}
				crashed = r.Crashes == 1
			}
		}
	}
}

// mortal is corrupt parties that answer as they should, so many times together,
// and then never again.
type mortal struct {
	simulate.Silent
	c    *liar.Case
	left int
}

func (a *mortal) Observe(m simulate.Message) []simulate.Message {
	if a.left == 0 {
		return nil
	}
	a.left--
	return []simulate.Message{{From: m.To, To: m.From, Body: encode(opening.NewAnswer(a.c.Partials[m.To]))}}
}

// TestDeathAtEveryStep: t parties may stop after any number of answers; nobody
// waits for them, or blames them.
func TestDeathAtEveryStep(t *testing.T) {
	for _, size := range sizes {
		c := casesOf(t, size)[0]
		q := c.Margin.Quorum
		for left := range q.T*(q.N-q.T) + 1 {
			rng := rand.New(rand.NewPCG(uint64(size), uint64(left)))
			n := newNetwork(rng, c, liar.Choose(rng, q, q.T))
			n.Adversary, n.Faults = &mortal{c: c, left: left}, simulate.Faults{Delay: 64}
			_, err := n.run()
			if err = errors.Join(err, n.check()); err != nil {
				t.Fatalf("n=%d, %v stop after %d answers: %v", size, n.Corrupt, left, err)
			}
		}
	}
}

// TestTranscript pins every message of a few runs, from the dealt secret to the
// refusals, for all machines and builds.
func TestTranscript(t *testing.T) {
	want := map[int]string{
		4:  "0xbe21f1215031a6ac186f23febb954022b0a21c6d178f8bf771745b4128c33e09",
		7:  "0x8e83d903bd208422253f84ff662cfa6fba5afe6cb6af8c5dfb32a0856451e1fc",
		10: "0xdb5518d8c1d125c633b21d95f191de3222ff04d98eb6c7cfa0b8860f52b2640a",
		13: "0x7b199da9ba337f9099d9464fd6f3710f9fb85854f69e508dffafb35ccb074aee",
	}
	for _, size := range sizes {
		var b []byte
		for seed := range uint64(8) {
			_, r, err := attack(t, seed, size)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, r.Transcript[:]...)
		}
		if got := fhe.Keccak(b).String(); got != want[size] {
			t.Errorf("n=%d: transcripts hash to %s, want %s", size, got, want[size])
		}
	}
}
