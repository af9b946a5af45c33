package reshare

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// keyOf is the signing key of a person, numbered from 1.
func keyOf(person int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes([]byte{30: byte(person), 31: 1})
}

// committeeOf seats the people from first on.
func committeeOf(t testing.TB, epoch uint64, first, n int) *threshold.Committee {
	t.Helper()
	q, err := threshold.NewQuorum(n)
	if err != nil {
		t.Fatal(err)
	}
	m, err := prss.NewMargin(q, squash.NoiseBound().Uint64())
	if err != nil {
		t.Fatal(err)
	}
	c := &threshold.Committee{
		Epoch: threshold.Epoch{Number: epoch, Key: fhe.Digest{1}, SquashKey: fhe.Digest{2}}, Noise: m.Noise, Stat: m.Stat,
		Policy: threshold.Policy{Coprocessors: []fhe.Address{{9}}, Need: 1},
	}
	for i := range n {
		person := first + i
		c.Members = append(c.Members, threshold.Member{
			Party: threshold.PartyID(i + 1), Signer: eip712.AddressOf(keyOf(person).PubKey()), TLS: fhe.Digest{byte(person)},
		})
	}
	return c
}

// machine is a Giver or a Receiver.
type machine interface {
	Awaits() (Round, []Seat)
	Receive(Round, threshold.PartyID, []byte) error
	Expire() error
	Say(Round, Seat) []byte
	Certify(*Certificate) error
}

// input is what a machine was told; without a message, that a round's time is over.
type input struct {
	round Round
	from  threshold.PartyID
	b     []byte
}

// meeting is a seeded network of all members, some of them corrupt.
type meeting struct {
	t       *testing.T
	rng     *rand.Rand
	plan    *Plan
	first   [2]int // person in seat 1 of the old and of the new committee
	secrets []shamir.Element
	shares  [][]shamir.Element // of old party i at i
	counts  []uint64           // of old party i at i
	all     map[Seat]machine
	inputs  map[Seat][]input
	errs    map[Seat]error
	corrupt map[Seat]bool
	// tamper is what corrupt members do to what they say; nil is silence.
	tamper func(round Round, from, to Seat, b []byte) []byte
	// How often, in percent, a member crashes before it hears something, has to ask
	// again, and hears something once more.
	restart, lose, repeat int
	restarts              int
}

const secretsInTests = 3

func newMeeting(t *testing.T, seed uint64, n1, n2, shift int) *meeting {
	t.Helper()
	m := &meeting{
		t: t, rng: rand.New(rand.NewPCG(seed, 5)), first: [2]int{1, 1 + shift},
		plan: &Plan{Old: committeeOf(t, 1, 1, n1), New: committeeOf(t, 2, 1+shift, n2), Attempt: 1},
		all:  map[Seat]machine{}, inputs: map[Seat][]input{}, errs: map[Seat]error{}, corrupt: map[Seat]bool{},
		tamper: func(_ Round, _, _ Seat, b []byte) []byte { return b },
		shares: make([][]shamir.Element, n1+1), counts: make([]uint64, n1+1),
	}
	dealer := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 77})
	for range secretsInTests {
		s := shamir.Element{m.rng.Uint64N(shamir.Q1), m.rng.Uint64N(shamir.Q2)}
		split, err := shamir.Split(m.plan.Old.Quorum(), s, dealer)
		if err != nil {
			t.Fatal(err)
		}
		m.secrets = append(m.secrets, s)
		for i, x := range split {
			m.shares[i+1] = append(m.shares[i+1], x)
		}
	}
	for id := range m.plan.Old.Quorum().All().All() {
		m.counts[id] = 100 + uint64(id)
	}
	for _, s := range m.seats() {
		m.all[s] = m.fresh(s)
	}
	return m
}

func (m *meeting) seats() (out []Seat) {
	for _, r := range []Role{Old, New} {
		for id := range m.plan.Committee(r).Quorum().All().All() {
			out = append(out, Seat{r, id})
		}
	}
	return out
}

func (m *meeting) key(s Seat) *secp256k1.PrivateKey {
	return keyOf(m.first[s.Role-1] + int(s.Party) - 1)
}

// fresh is a member as it begins, or begins again after a crash.
func (m *meeting) fresh(s Seat) machine {
	m.t.Helper()
	c := Config{Plan: m.plan, Party: s.Party, Key: m.key(s), Count: len(m.secrets)}
	var out machine
	var err error
	if s.Role == Old {
		out, err = NewGiver(c, slices.Clone(m.shares[s.Party]), m.counts[s.Party])
	} else {
		out, err = NewReceiver(c, [SeedSize]byte{byte(s.Party), byte(m.first[1])})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// run lets messages flow in random order until nothing moves any more. When
// nothing moves, the time of the earliest round is over, but for the last one, which
// has no end.
func (m *meeting) run() {
	m.t.Helper()
	for {
		moved := false
		seats := m.seats()
		m.rng.Shuffle(len(seats), func(i, j int) { seats[i], seats[j] = seats[j], seats[i] })
		for _, s := range seats {
			moved = m.listen(s) || moved
		}
		if !moved && !m.expire() {
			return
		}
	}
}

// listen has a member fetch one message that it awaits.
func (m *meeting) listen(s Seat) bool {
	round, awaited := m.all[s].Awaits()
	m.rng.Shuffle(len(awaited), func(i, j int) { awaited[i], awaited[j] = awaited[j], awaited[i] })
	for _, from := range awaited {
		b := m.all[from].Say(round, s)
		if b != nil && m.corrupt[from] {
			b = m.tamper(round, from, s, slices.Clone(b))
		}
		if b == nil {
			continue
		}
		if m.often(m.lose) {
			return true
		}
		m.crash(s)
		m.hear(s, input{round, from.Party, b})
		if heard := m.inputs[s]; m.often(m.repeat) {
			if in := heard[m.rng.IntN(len(heard))]; in.b != nil {
				m.hear(s, in)
			}
		}
		return true
	}
	return round == Confirm && m.certify(s)
}

// certify has a member that awaits confirmations look for a certificate. It
// reports whether there was one that it took.
func (m *meeting) certify(s Seat) bool {
	for _, from := range m.seats() {
		b := m.all[from].Say(Certified, s)
		if b != nil && m.corrupt[from] {
			b = m.tamper(Certified, from, s, slices.Clone(b))
		}
		if b == nil {
			continue
		}
		m.crash(s)
		if apply(m.all[s], input{round: Certified, b: b}) == nil {
			m.inputs[s] = append(m.inputs[s], input{round: Certified, b: b})
			return true
		}
		if !m.corrupt[from] {
			m.t.Fatalf("%v does not take the certificate of %v", s, from)
		}
	}
	return false
}

func (m *meeting) hear(s Seat, in input) {
	m.inputs[s] = append(m.inputs[s], in)
	if err := apply(m.all[s], in); err != nil {
		m.errs[s] = err
	}
}

func apply(to machine, in input) error {
	switch {
	case in.b == nil:
		return to.Expire()
	case in.round == Certified:
		c, err := ParseCertificate(in.b)
		if err != nil {
			return err
		}
		return to.Certify(c)
	}
	return to.Receive(in.round, in.from, in.b)
}

// often is true in so many of a hundred cases.
func (m *meeting) often(percent int) bool { return percent > 0 && m.rng.IntN(100) < percent }

// crash replaces a member, now and then, by what it is after a restart, and
// checks that this one says the same.
func (m *meeting) crash(s Seat) {
	if !m.often(m.restart) {
		return
	}
	m.restarts++
	before, after := m.all[s], m.fresh(s)
	for _, in := range m.inputs[s] {
		apply(after, in)
	}
	for round := Commit; round <= Certified; round++ {
		for _, to := range m.seats() {
			if string(before.Say(round, to)) != string(after.Say(round, to)) {
				m.t.Fatalf("%v says something else to %v in round %v after a restart", s, to, round)
			}
		}
	}
	m.all[s] = after
}

// expire ends the earliest round that anyone waits in.
func (m *meeting) expire() bool {
	earliest := Round(0)
	for _, x := range m.all {
		if round, _ := x.Awaits(); round != 0 && (earliest == 0 || round < earliest) {
			earliest = round
		}
	}
	if earliest == 0 || earliest == Confirm {
		return false
	}
	for _, s := range m.seats() {
		if round, _ := m.all[s].Awaits(); round == earliest {
			m.hear(s, input{round: round})
		}
	}
	return true
}

// resign changes a message's body and signs it anew.
func (m *meeting) resign(b []byte, change func(body []byte) []byte) []byte {
	x, err := parse(b)
	if err != nil {
		m.t.Fatal(err)
	}
	digest, err := m.plan.Digest()
	if err != nil {
		m.t.Fatal(err)
	}
	return sign(m.key(x.from), digest, x.header, change(slices.Clone(x.body)))
}

// blames are all blames of honest members, and whom they wait for in the end; none
// of them may be honest.
func (m *meeting) blames() map[Seat][]Blame {
	m.t.Helper()
	out := map[Seat][]Blame{}
	for s, x := range m.all {
		if m.corrupt[s] {
			continue
		}
		var found []Blame
		switch x := x.(type) {
		case *Giver:
			found = x.Blames()
		case *Receiver:
			found = x.Blames()
		}
		var abort *Abort
		if errors.As(m.errs[s], &abort) {
			found = append(found, abort.Blames...)
		}
		_, awaited := x.Awaits()
		for _, seat := range awaited {
			found = append(found, Blame{Seat: seat, Reason: "does not confirm"})
		}
		for _, b := range found {
			out[b.Seat] = append(out[b.Seat], b)
		}
	}
	return out
}

// verdict is how a meeting ended.
type verdict struct {
	done    bool // all honest new members have their shares
	blamed  map[Seat][]Blame
	anyDone bool
}

// check demands what always holds: honest members are never blamed for what
// they did not do, shares of honest members open to the secrets, and whoever has
// a certificate is not alone in having shares.
func (m *meeting) check() verdict {
	m.t.Helper()
	v := verdict{done: true, blamed: m.blames()}
	var results []*Receiver
	for _, s := range m.seats() {
		r, ok := m.all[s].(*Receiver)
		if !ok || m.corrupt[s] {
			continue
		}
		if r.Result() == nil {
			v.done = false
			if round, _ := r.Awaits(); m.errs[s] == nil && round != Confirm {
				m.t.Fatalf("%v has neither shares nor an error, and awaits round %q", s, round)
			}
			continue
		}
		v.anyDone = true
		results = append(results, r)
		if err := r.Result().Certificate.Verify(m.plan.Old, m.plan.New); err != nil {
			m.t.Errorf("%v: %v", s, err)
		}
	}
	if v.anyDone {
		m.checkShares(results)
	}
	return v
}

func (m *meeting) checkShares(results []*Receiver) {
	m.t.Helper()
	o := shamir.NewOpening(m.plan.New.Quorum(), len(m.secrets))
	keys := map[threshold.PartySet]prss.Key{}
	for _, r := range results {
		if err := o.Add(r.self.Party, r.Result().Shares); err != nil {
			m.t.Fatal(err)
		}
		for i, set := range prss.SetsOf(m.plan.New.Quorum(), r.self.Party) {
			if k, known := keys[set]; known && k != r.Result().Keys[i] {
				m.t.Fatalf("members of set %v have different keys", set)
			}
			keys[set] = r.Result().Keys[i]
		}
	}
	if len(results) < m.plan.New.Quorum().Agree() {
		return
	}
	if !slices.Equal(o.Secrets(), m.secrets) || o.Liars() != 0 {
		m.t.Fatalf("new shares open to %v, want %v (liars %v)", o.Secrets(), m.secrets, o.Liars())
	}
}

// wantBlamed demands that exactly these members are blamed.
func (m *meeting) wantBlamed(v verdict, want ...Seat) {
	m.t.Helper()
	for s, bs := range v.blamed {
		if !slices.Contains(want, s) {
			m.t.Errorf("%v is blamed: %v", s, bs)
		}
	}
	for _, s := range want {
		if len(v.blamed[s]) == 0 {
			m.t.Errorf("%v is not blamed, errors %v", s, m.errs)
		}
	}
}

// wantProof demands that a member's blame convinces a third party.
func (m *meeting) wantProof(v verdict, s Seat) {
	m.t.Helper()
	for _, b := range v.blamed[s] {
		if Convicts(m.plan, b) == nil {
			innocent := b
			innocent.Seat.Party = b.Seat.Party%4 + 1
			if Convicts(m.plan, innocent) == nil {
				m.t.Errorf("the evidence against %v convicts %v too", s, innocent.Seat)
			}
			return
		}
	}
	m.t.Errorf("nothing convicts %v: %v", s, v.blamed[s])
}

func name(n1, n2, shift int) string { return fmt.Sprintf("%d to %d, shift %d", n1, n2, shift) }
