package seal_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/internal/simulate"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// runs is the number of simulated user decryptions; -short takes a twentieth.
var runs = flag.Int("runs", 2000, "simulated user decryptions with up to t adversaries")

func count() int {
	if testing.Short() {
		return *runs / 20
	}
	return *runs
}

var sizes = []int{4, 7, 10, 13}

// office is a committee and one user's request to it, for all runs.
type office struct {
	*lwetest.Dealt
	c       *liar.Case
	context *seal.Context
	key     *seal.TransportKey
	lost    *seal.TransportKey // another one, that nobody holds
	sealed  [][]byte           // the honest answer of party i at i
}

func newOffice(t testing.TB, n int) *office {
	t.Helper()
	o := &office{Dealt: lwetest.Deal(t, n, uint64(n))}
	o.c = liar.NewCase(t, o.Dealt, 3, fhe.Bool, fhe.Uint8)
	domain := fhe.Domain{ChainID: 31337, ACL: fhe.Address{7}}
	var handles []fhe.Handle
	for i, typ := range o.c.Types {
		handles = append(handles, fhe.NewHandle(fhe.Digest{byte(i)}, fhe.Computed, domain.ChainID, typ, 0))
	}
	var err error
	if o.key, err = seal.GenerateTransportKey(); err != nil {
		t.Fatal(err)
	}
	if o.lost, err = seal.GenerateTransportKey(); err != nil {
		t.Fatal(err)
	}
	r := &permit.Request{
		Domain: eip712.Domain{ChainID: domain.ChainID}, User: eip712.AddressOf(secp256k1.PrivKeyFromBytes([]byte{31: 5}).PubKey()),
		Permit:       *permit.New("a test", []fhe.Address{{1}}, 0, 10, o.key.Public()),
		TransportKey: o.key.Public(), Handles: handles,
	}
	o.context = seal.NewContext(domain, o.Committee.Epoch, r)
	o.sealed = [][]byte{nil}
	for id := range o.Margin.Quorum.All().All() {
		o.sealed = append(o.sealed, encode(o.seal(id, o.context, o.key, o.c.Partials[id])))
	}
	return o
}

func (o *office) seal(id threshold.PartyID, c *seal.Context, key *seal.TransportKey, ps []decrypt.Partial) *seal.Answer {
	a, err := seal.Seal(c, id, o.Identities[id-1].Signer, key.Public(), ps)
	if err != nil {
		panic(err)
	}
	return a
}

func encode(a *seal.Answer) []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return b
}

// clerk is an honest party, which answers whoever asks.
type clerk struct {
	answer   []byte
	recorded bool
}

func (*clerk) Start() (out simulate.Output)  { return out }
func (*clerk) Expire() (out simulate.Output) { return out }
func (*clerk) Done() bool                    { return true }

func (c *clerk) Receive(m simulate.Message) (out simulate.Output) {
	if !c.recorded {
		c.recorded, out.Save = true, []byte("opened")
	}
	out.Send = []simulate.Message{{To: m.From, Body: c.answer}}
	return out
}

// wallet asks all parties and opens what comes. Nobody tells it who sent what.
type wallet struct {
	*seal.Opening
	parties threshold.PartySet
	opened  bool
	failed  error
	over    bool
	heard   []string // in order
}

func (w *wallet) Start() (out simulate.Output) {
	for id := range w.parties.All() {
		out.Send = append(out.Send, simulate.Message{To: id, Body: []byte("please")})
	}
	return out
}

func (w *wallet) Receive(m simulate.Message) (out simulate.Output) {
	var a seal.Answer
	if threshold.DecodeJSON(m.Body, &a) != nil {
		return out
	}
	w.heard = append(w.heard, string(m.Body))
	done, err := w.Add(&a)
	w.opened, w.failed = done, errors.Join(w.failed, err)
	return out
}

func (w *wallet) Expire() (out simulate.Output) {
	w.over = true
	return out
}

func (w *wallet) Done() bool { return w.opened || w.over }

// merit is what an answer is worth: whose it is, whether it holds shares, and
// what its party is to be blamed for. Party 0 is an answer that is not authentic.
type merit struct {
	party  threshold.PartyID
	usable bool
	blame  string
}

// adversary seals what liars say, in every wrong way, and keeps account of what
// each message is worth.
type adversary struct {
	*liar.Liars
	*office
	rng    *rand.Rand
	honest []threshold.PartyID // whose answers are there to be copied
	merits map[string]merit    // by body
}

func (a *adversary) Start() []simulate.Message { return nil }

func (a *adversary) Observe(m simulate.Message) (out []simulate.Message) {
	for range 1 + a.rng.IntN(2) {
		if ps := a.Say(m.To); ps != nil {
			out = append(out, simulate.Message{From: m.To, To: m.From, Body: a.body(m.To, ps)})
		}
	}
	return out
}

// body is the answer of a corrupt party that says ps: mostly its own, else one
// that is not authentic, or sealed to nobody.
func (a *adversary) body(from threshold.PartyID, ps []decrypt.Partial) []byte {
	answer, worth := a.seal(from, a.context, a.key, ps), a.meritOf(from, ps)
	switch a.rng.IntN(12) {
	case 0: // in another's name
		answer.Party, worth = answer.Party%threshold.MaxParties+1, merit{}
	case 1:
		later := *a.context
		later.Epoch.Number++
		answer, worth = a.seal(from, &later, a.key, ps), merit{}
	case 2:
		answer = a.seal(from, a.context, a.lost, ps)
		if worth.party != 0 {
			worth = merit{party: from, blame: threshold.UnusableBytes}
		}
	case 3: // another's answer, as whoever relays it may send
		other := a.honest[a.rng.IntN(len(a.honest))]
		return a.garble(slices.Clone(a.sealed[other]), merit{party: other, usable: true})
	}
	return a.garble(encode(answer), worth)
}

// garble changes a bit, or not, and notes what the bytes are then worth.
func (a *adversary) garble(b []byte, worth merit) []byte {
	if a.rng.IntN(3) == 0 {
		var before, after seal.Answer
		json.Unmarshal(b, &before)
		b[a.rng.IntN(len(b))] ^= 1 << a.rng.IntN(8)
		if threshold.DecodeJSON(b, &after) == nil && !reflect.DeepEqual(before, after) {
			worth = merit{}
		}
	}
	a.merits[string(b)] = worth
	return b
}

// meritOf is what the authentic answer of a party that seals ps is worth.
func (a *adversary) meritOf(from threshold.PartyID, ps []decrypt.Partial) merit {
	if len(ps) != len(a.c.Partials[from]) { // no answer to this request
		return merit{}
	}
	blame := liar.Verdict(a.c.Partials[from], opening.NewAnswer(ps))
	return merit{from, blame != threshold.UnusableBytes, blame}
}

// TestSimulation: with up to t adversaries the wallet opens the right values,
// blames whose wrong answers it took, for what they did, and no honest party.
func TestSimulation(t *testing.T) {
	var offices []*office
	for _, size := range sizes {
		offices = append(offices, newOffice(t, size))
	}
	for run := range count() {
		o := offices[[]int{0, 1, 0, 2, 0, 1, 0, 1, 0, 3}[run%10]]
		rng := rand.New(rand.NewPCG(uint64(run), 79))
		corrupt := liar.Choose(rng, o.Margin.Quorum, rng.IntN(o.Margin.Quorum.T+1))
		a := &adversary{liar.New(rng, o.c, corrupt), o, rng, slices.Collect((o.Margin.Quorum.All() &^ corrupt).All()), map[string]merit{}}
		w, err := o.run(a)
		if err == nil {
			err = w.check(o.c, a)
		}
		if err != nil {
			t.Fatalf("run %d: n=%d, corrupt %v: %v", run, o.Margin.Quorum.N, corrupt, err)
		}
	}
}

// TestOneSilentPartyMore: the wallet opens nothing and can say who answered.
func TestOneSilentPartyMore(t *testing.T) {
	offices := []*office{newOffice(t, 4), newOffice(t, 7)}
	for run := range count() / 10 {
		o := offices[run%2]
		rng := rand.New(rand.NewPCG(uint64(run), 80))
		corrupt := liar.Choose(rng, o.Margin.Quorum, o.Margin.Quorum.T)
		present := slices.Collect((o.Margin.Quorum.All() &^ corrupt).All())
		at := rng.IntN(len(present))
		gone := present[at]
		present = slices.Delete(present, at, at+1)
		w, err := o.run(&adversary{liar.NewUseless(rng, o.c, corrupt), o, rng, present, map[string]merit{}})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := w.Values(); !errors.Is(err, decrypt.ErrNotDone) || !w.over || w.failed != nil {
			t.Fatalf("run %d: opened %v, %v, failed with %v", run, v, err, w.failed)
		}
		if heard := w.Heard(); heard.Has(gone) || (corrupt|heard).With(gone) != o.Margin.Quorum.All() {
			t.Fatalf("run %d: heard %v where %v are corrupt and %d is silent", run, heard, corrupt, gone)
		}
	}
}

// run simulates one request.
func (o *office) run(a *adversary) (*wallet, error) {
	n := simulate.Network{
		Rng: a.rng, Corrupt: a.Parties, Adversary: a, Faults: simulate.RandomFaults(a.rng),
		Honest: append(slices.Clone(a.honest), simulate.Client),
		Boot: func(id threshold.PartyID, journal [][]byte) simulate.Machine {
			if id != simulate.Client {
				return &clerk{answer: o.sealed[id], recorded: len(journal) > 0}
			}
			opening, err := seal.NewOpening(o.context, o.Committee, o.key)
			if err != nil {
				panic(err)
			}
			return &wallet{Opening: opening, parties: o.Margin.Quorum.All()}
		},
	}
	_, err := n.Run()
	return n.Machine(simulate.Client).(*wallet), err
}

// check demands the right values, and those blames that what was heard deserves.
func (w *wallet) check(c *liar.Case, a *adversary) error {
	values, err := w.Values()
	if err = errors.Join(err, w.failed); err != nil {
		return err
	}
	for i, v := range values {
		if !v.Eq(c.Want[i]) {
			return fmt.Errorf("opened %v, want %v", values, c.Want)
		}
	}
	want := w.deserved(a)
	for _, b := range w.Blames() {
		if b.Party == 0 {
			continue
		}
		if len(want) == 0 || b.Party != want[0].Party || !strings.HasPrefix(b.Reason, want[0].Reason) {
			return fmt.Errorf("%v are blamed, and next %v deserve it", w.Blames(), want)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		return fmt.Errorf("%v deserve blame as well as %v", want, w.Blames())
	}
	return nil
}

// deserved is the blame for what was heard, by party: a party's first answer with
// shares counts, and what held none before it.
func (w *wallet) deserved(a *adversary) (want []threshold.Blame) {
	var heard threshold.PartySet
	for _, body := range w.heard {
		m, told := a.merits[body]
		if !told { // an honest party's
			var answer seal.Answer
			json.Unmarshal([]byte(body), &answer)
			m = merit{party: answer.Party, usable: true}
		}
		if m.party == 0 || heard.Has(m.party) {
			continue
		}
		if b := (threshold.Blame{Party: m.party, Reason: m.blame}); m.blame != "" && !slices.Contains(want, b) {
			want = append(want, b)
		}
		if m.usable {
			heard = heard.With(m.party)
		}
	}
	slices.SortStableFunc(want, func(a, b threshold.Blame) int { return int(a.Party) - int(b.Party) })
	return want
}
