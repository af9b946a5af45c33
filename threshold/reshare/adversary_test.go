package reshare

import (
	"math/rand/v2"
	"slices"

	"fhevm/threshold"
	"fhevm/threshold/internal/simulate"
)

// adversary speaks for the corrupt members of a meeting. They keep to the protocol but
// for a few tactics that a seed draws, and act together: what one says or would have
// said, another may say later.
type adversary struct {
	m       *meeting
	tactics []tactic
	said    [][]byte // all that they had to say so far
}

// tactic is what corrupt members do wrong in some rounds to some receivers.
type tactic struct {
	by          Seat // zero is all of them
	first, last Round
	to          [New + 1]threshold.PartySet
	alike       bool // the same wrong to all receivers: no contradiction to show
	seed        uint64
	do          misdeed
}

// misdeed changes what a corrupt member says; nil is silence.
type misdeed struct {
	name string
	act  func(a *adversary, rng *rand.Rand, from Seat, b []byte) []byte
}

// misdeeds are all that a corrupt member may do to a message.
var misdeeds = []misdeed{
	{"says nothing", func(*adversary, *rand.Rand, Seat, []byte) []byte { return nil }},
	{"flips a bit of the message", func(_ *adversary, rng *rand.Rand, _ Seat, b []byte) []byte { return simulate.FlipBit(rng, b) }},
	{"garbage", func(_ *adversary, rng *rand.Rand, _ Seat, b []byte) []byte { return simulate.Noise(rng, len(b)) }},
	{"says something again", func(a *adversary, rng *rand.Rand, _ Seat, _ []byte) []byte { return a.known(rng) }},
	{"accuses an honest member", accuseSomebody},
	{"changes the header", changeHeader},
	{"flips a bit", signed(simulate.FlipBit)},
	{"truncates", signed(func(rng *rand.Rand, body []byte) []byte { return body[:rng.IntN(len(body)+1)] })},
	{"extends", signed(func(rng *rand.Rand, body []byte) []byte { return append(body, simulate.Noise(rng, 1+rng.IntN(200))...) })},
	{"another body", signed(func(rng *rand.Rand, body []byte) []byte { return simulate.Noise(rng, len(body)) })},
	{"clears an entry", signed(clearEntry)},
	{"wrong element", signed(wrongElement)},
	{"wrong element", signed(wrongElement)}, // what comes furthest is tried more often
}

// newAdversary corrupts up to t members of each committee.
func newAdversary(m *meeting) *adversary {
	a := &adversary{m: m}
	for _, role := range []Role{Old, New} {
		most := m.plan.Committee(role).Quorum().T
		for _, s := range some(m, role, max(m.rng.IntN(most+1), m.rng.IntN(most+1))) {
			m.corrupt[s] = true
		}
	}
	for range 1 + m.rng.IntN(3) {
		a.tactics = append(a.tactics, a.draw())
	}
	if m.rng.IntN(3) == 0 { // who lacks a confirmation does not get the certificate from them
		a.tactics[0].first, a.tactics[0].last = Confirm, Confirm
		a.tactics = append(a.tactics, tactic{first: Certified, last: Certified, to: everybody, do: misdeeds[0]})
	}
	m.tamper = a.tamper
	return a
}

var everybody = [New + 1]threshold.PartySet{Old: ^threshold.PartySet(0), New: ^threshold.PartySet(0)}

func (a *adversary) draw() tactic {
	rng := a.m.rng
	t := tactic{first: Commit + Round(rng.IntN(int(Certified))), alike: rng.IntN(2) == 0, seed: rng.Uint64(), do: misdeeds[rng.IntN(len(misdeeds))]}
	if who := slices.DeleteFunc(a.m.seats(), func(s Seat) bool { return !a.m.corrupt[s] }); len(who) > 0 && rng.IntN(2) == 0 {
		t.by = who[rng.IntN(len(who))]
	}
	if t.by.Role == Old { // it says nothing else
		t.first = Masked
	}
	t.last = t.first
	if rng.IntN(6) == 0 { // for good
		t.last = Certified
	}
	t.to = everybody
	for role := range t.to {
		switch rng.IntN(4) {
		case 0:
			t.to[role] = threshold.PartySet(rng.Uint32())
		case 1:
			t.to[role] = threshold.Parties(threshold.PartyID(1 + rng.IntN(4)))
		}
	}
	return t
}

func (t *tactic) applies(round Round, from, to Seat) bool {
	return (t.by == Seat{} || t.by == from) && t.first <= round && round <= t.last && t.to[to.Role].Has(to.Party)
}

func (a *adversary) tamper(round Round, from, to Seat, b []byte) []byte {
	a.said = append(a.said, slices.Clone(b))
	for _, t := range a.tactics {
		if b == nil || !t.applies(round, from, to) {
			continue
		}
		seed := uint64(round)<<16 | uint64(from.Role)<<8 | uint64(from.Party)
		if !t.alike {
			seed |= uint64(to.Role)<<32 | uint64(to.Party)<<24
		}
		b = t.do.act(a, rand.New(rand.NewPCG(t.seed, seed)), from, b)
	}
	return b
}

// signed is a misdeed that changes the body and signs it. A certificate has none.
func signed(change func(rng *rand.Rand, body []byte) []byte) func(*adversary, *rand.Rand, Seat, []byte) []byte {
	return func(a *adversary, rng *rand.Rand, from Seat, b []byte) []byte {
		x, err := parse(b)
		if err != nil || x.from != from {
			return change(rng, slices.Clone(b))
		}
		return a.sign(x.header, from, change(rng, slices.Clone(x.body)))
	}
}

func (a *adversary) sign(h header, by Seat, body []byte) []byte {
	digest, err := a.m.plan.Digest()
	if err != nil {
		a.m.t.Fatal(err)
	}
	return sign(a.m.key(by), digest, h, body)
}

// changeHeader signs the body in another place, session or name.
func changeHeader(a *adversary, rng *rand.Rand, from Seat, b []byte) []byte {
	x, err := parse(b)
	if err != nil || x.from != from {
		return b
	}
	switch rng.IntN(4) {
	case 0:
		x.round = Round(rng.IntN(int(Stop) + 2))
	case 1:
		x.session[rng.IntN(32)] ^= 1
	case 2:
		x.from.Party = threshold.PartyID(rng.IntN(5))
	default:
		x.to.Party = threshold.PartyID(rng.IntN(5))
	}
	return a.sign(x.header, from, x.body)
}

// accuseSomebody stops, and shows as evidence what it has.
func accuseSomebody(a *adversary, rng *rand.Rand, from Seat, b []byte) []byte {
	seats := a.m.seats()
	blame := Blame{Seat: seats[rng.IntN(len(seats))], Reason: "lies"}
	for range rng.IntN(3) {
		e := a.known(rng)
		if x, err := parse(e); err == nil && rng.IntN(2) == 0 {
			e = x.statement().testify(x.header)
		}
		blame.Evidence = append(blame.Evidence, e)
	}
	return a.m.sayStop(from, blame)
}

// known is a message that a corrupt member has heard, or could have said.
func (a *adversary) known(rng *rand.Rand) []byte {
	for _, s := range a.m.seats() {
		if heard := a.m.inputs[s]; a.m.corrupt[s] && len(heard) > 0 && rng.IntN(4) == 0 {
			if b := heard[rng.IntN(len(heard))].b; b != nil {
				return b
			}
		}
	}
	return a.said[rng.IntN(len(a.said))]
}

// clearEntry makes one statement of an echo, or as many bytes of something else, zero.
func clearEntry(rng *rand.Rand, body []byte) []byte {
	at := entrySize * rng.IntN(len(body)/entrySize+1)
	clear(body[at:min(at+entrySize, len(body))])
	return body
}

// wrongElement adds to one of the last words, where messages with elements have them.
func wrongElement(rng *rand.Rand, body []byte) []byte {
	if len(body) < 8 {
		return body
	}
	words := min(len(body)/8, 2*secretsInTests)
	return addTo(body, len(body)-8*(1+rng.IntN(words)))
}
