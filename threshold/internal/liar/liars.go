package liar

import (
	"math/rand/v2"
	"slices"

	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/shamir"
)

// Liars are the corrupt parties of one run. They act together: each has a tactic
// or changes it with every message, and all use what any has learnt.
type Liars struct {
	Parties threshold.PartySet

	rng     *rand.Rand
	c       *Case
	tactics map[threshold.PartyID]tactic // none: another one with every message
	shifts  [][]shamir.Element           // of the tactic "together", by party and block
	learnt  [][]shamir.Element           // shares of honest parties
}

// tactic makes what a corrupt party sends to somebody; nil is nothing.
type tactic struct {
	name string
	tell func(l *Liars, from threshold.PartyID) []decrypt.Partial
}

var (
	// useless are the tactics that give nobody a right share of anything.
	useless = []tactic{
		{"silence", silence}, {"everything", everything}, {"together", together}, {"mirror", mirror},
		{"other ciphertexts", otherCiphertexts}, {"other session", otherSession}, {"other digest", otherDigest},
		{"not canonical", notCanonical}, {"fewer", fewer}, {"more", more},
	}
	all = append([]tactic{{"behave", behave}, {"one field", oneField}, {"one block", oneBlock}, {"off by one", offByOne}}, useless...)
)

// Tactics lists all that a corrupt party may do to its shares, for SayAs.
func Tactics() (names []string) {
	for _, t := range all {
		names = append(names, t.name)
	}
	return names
}

// New draws corrupt parties: each has any tactic, or all of them in turn.
func New(rng *rand.Rand, c *Case, parties threshold.PartySet) *Liars {
	l := newLiars(rng, c, parties, all)
	for id := range parties.All() {
		if rng.IntN(6) == 0 {
			delete(l.tactics, id)
		}
	}
	return l
}

// NewUseless draws corrupt parties of which none ever sends a right share.
func NewUseless(rng *rand.Rand, c *Case, parties threshold.PartySet) *Liars {
	return newLiars(rng, c, parties, useless)
}

func newLiars(rng *rand.Rand, c *Case, parties threshold.PartySet, choice []tactic) *Liars {
	l := &Liars{Parties: parties, rng: rng, c: c, tactics: map[threshold.PartyID]tactic{}}
	common, alike := choice[rng.IntN(len(choice))], rng.IntN(3) == 0
	for id := range parties.All() {
		if l.tactics[id] = common; !alike {
			l.tactics[id] = choice[rng.IntN(len(choice))]
		}
	}
	l.shifts = l.anotherPolynomial()
	return l
}

// Learn hands the corrupt parties an honest one's shares.
func (l *Liars) Learn(shares []shamir.Element) { l.learnt = append(l.learnt, shares) }

// Knows is the number of honest shares learnt so far.
func (l *Liars) Knows() int { return len(l.learnt) }

// Say returns what a corrupt party sends for its partials, perhaps each time
// something else; nil is nothing.
func (l *Liars) Say(from threshold.PartyID) []decrypt.Partial {
	t, ok := l.tactics[from]
	if !ok {
		t = all[l.rng.IntN(len(all))]
	}
	return t.tell(l, from)
}

// SayAs is Say with one of the Tactics; false is a name that is none.
func (l *Liars) SayAs(name string, from threshold.PartyID) ([]decrypt.Partial, bool) {
	i := slices.IndexFunc(all, func(t tactic) bool { return t.name == name })
	if i < 0 {
		return nil, false
	}
	return all[i].tell(l, from), true
}

func (l *Liars) own(from threshold.PartyID) []decrypt.Partial {
	return slices.Clone(l.c.Partials[from])
}

func behave(l *Liars, from threshold.PartyID) []decrypt.Partial { return l.own(from) }

func silence(*Liars, threshold.PartyID) []decrypt.Partial { return nil }

// nudge makes a residue wrong.
func (l *Liars) nudge(e *shamir.Element, k int) {
	f := shamir.Fields[k]
	e[k] = f.Add(e[k], 1+l.rng.Uint64N(f.Modulus()-1))
}

func oneField(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out, k := l.own(from), l.rng.IntN(2)
	for i := range out {
		l.nudge(&out[i].Share, k)
	}
	return out
}

// offByOne is as little wrong as can be.
func offByOne(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	e, k := &out[l.rng.IntN(len(out))].Share, l.rng.IntN(2)
	e[k] = shamir.Fields[k].Add(e[k], 1)
	return out
}

func everything(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	for i := range out {
		l.nudge(&out[i].Share, 0)
		l.nudge(&out[i].Share, 1)
	}
	return out
}

func oneBlock(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	l.nudge(&out[l.rng.IntN(len(out))].Share, l.rng.IntN(2))
	return out
}

// together: all who use this tactic lie on the polynomials of other values that
// agree with t honest shares. No t parties can do worse.
func together(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	for i := range out {
		out[i].Share = out[i].Share.Add(l.shifts[from][i])
	}
	return out
}

// mirror passes on what an honest party said first, as its own.
func mirror(l *Liars, from threshold.PartyID) []decrypt.Partial {
	if len(l.learnt) == 0 {
		return everything(l, from)
	}
	out := l.own(from)
	for i, share := range l.learnt[l.rng.IntN(len(l.learnt))] {
		out[i].Share = share
	}
	return out
}

// otherCiphertexts answers rightly for what nobody asked about.
func otherCiphertexts(l *Liars, from threshold.PartyID) []decrypt.Partial {
	return slices.Clone(l.c.Others[from])
}

// otherSession passes right shares of something else for what was asked.
func otherSession(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	for i := range out {
		out[i].Share = l.c.Others[from][i].Share
	}
	return out
}

func otherDigest(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	out[l.rng.IntN(len(out))].Digest[l.rng.IntN(32)] ^= 1
	return out
}

func notCanonical(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out, k := l.own(from), l.rng.IntN(2)
	out[l.rng.IntN(len(out))].Share[k] = shamir.Fields[k].Modulus() + l.rng.Uint64N(9)
	return out
}

func fewer(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	return out[:l.rng.IntN(len(out))]
}

func more(l *Liars, from threshold.PartyID) []decrypt.Partial {
	out := l.own(from)
	return append(out, out[0])
}

// anotherPolynomial draws, for each block and field, a polynomial of degree t
// that vanishes at t honest parties, and evaluates it at everybody.
func (l *Liars) anotherPolynomial() [][]shamir.Element {
	q := l.c.Margin.Quorum
	honest := slices.Collect((q.All() &^ l.Parties).All())
	l.rng.Shuffle(len(honest), func(i, j int) { honest[i], honest[j] = honest[j], honest[i] })
	out := make([][]shamir.Element, q.N+1)
	for range decrypt.Blocks(l.c.Types) {
		scale := shamir.Element{1 + l.rng.Uint64N(shamir.Q1-1), 1 + l.rng.Uint64N(shamir.Q2-1)}
		for id := range q.All().All() {
			out[id] = append(out[id], Vanishing(scale, honest[:q.T], id))
		}
	}
	return out
}

// Vanishing is the value at id of the polynomial that is scale at 0 and 0 at
// every zero: scale * prod (zero - id)/zero.
func Vanishing(scale shamir.Element, zeros []threshold.PartyID, id threshold.PartyID) shamir.Element {
	for k, f := range shamir.Fields {
		for _, zero := range zeros {
			scale[k] = f.Mul(scale[k], f.Mul(f.Sub(uint64(zero), uint64(id)), f.Inv(uint64(zero))))
		}
	}
	return scale
}
