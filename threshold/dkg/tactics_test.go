package dkg

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"fhevm/fhe/csprng"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/simulate"
)

// adversary speaks for the corrupt parties of a run. They keep to the protocol but for a
// few tactics that a seed draws, and act together: what one has heard or said, another
// may say later. It implements simulate.Adversary.
type adversary struct {
	run      *Run
	parties  threshold.PartySet
	machines map[threshold.PartyID]*Machine
	tactics  []tactic
	known    []*Message         // what any of them has heard or had to say
	held     []simulate.Message // until somebody complains
}

// tactic is what corrupt parties do wrong to some receivers.
type tactic struct {
	by, to  threshold.PartySet
	kind    Kind
	forGood bool // in later kinds too
	alike   bool // the same wrong to all receivers
	seed    uint64
	do      misdeed
}

// misdeed makes what a corrupt party says in the place of a message, which is its to
// change: nothing, another one, or several.
type misdeed struct {
	name string
	act  func(a *adversary, rng *rand.Rand, to threshold.PartyID, msg *Message) []*Message
}

// misdeeds are all that a corrupt party may do to a message.
var misdeeds = []misdeed{
	{"says nothing", func(*adversary, *rand.Rand, threshold.PartyID, *Message) []*Message { return nil }},
	{"waits for complaints", hold},
	{"forges", forge},
	{"says it elsewhere", misplace},
	{"says it twice", func(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
		return []*Message{msg, a.sign(*msg, simulate.FlipBit(rng, msg.Body))}
	}},
	{"repeats others", func(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
		return []*Message{a.any(rng), msg}
	}},
	{"complains or leaves", func(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
		if !a.parties.Has(msg.From) { // another's, repeated
			return []*Message{msg}
		}
		return []*Message{a.complain(rng, msg.From), msg}
	}},
	{"says another body", func(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
		return []*Message{a.sign(*msg, a.any(rng).Body)}
	}},
	{"flips a bit", change(simulate.FlipBit)},
	{"truncates", change(func(rng *rand.Rand, body []byte) []byte { return body[:rng.IntN(len(body)+1)] })},
	{"extends", change(func(rng *rand.Rand, body []byte) []byte {
		return append(slices.Clone(body), simulate.Noise(rng, 1+rng.IntN(99))...)
	})},
	{"garbage", change(func(rng *rand.Rand, body []byte) []byte { return simulate.Noise(rng, len(body)) })},
}

func newAdversary(rng *rand.Rand, run *Run, parties threshold.PartySet, seed uint64) (*adversary, error) {
	a := &adversary{run: run, parties: parties, machines: make(map[threshold.PartyID]*Machine)}
	for id := range parties.All() {
		m, err := seeded(run, id, seed)
		if err != nil {
			return nil, err
		}
		a.machines[id] = m
	}
	for range 1 + rng.IntN(3) {
		a.tactics = append(a.tactics, draw(rng, parties))
	}
	return a, nil
}

// seeded is a party with contributions of its own for each seed.
func seeded(run *Run, id threshold.PartyID, seed uint64) (*Machine, error) {
	random := csprng.New(csprng.SeedFrom([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}), "contributions", uint64(id))
	return New(run, id, signers(run.quorum.N)[id-1], random)
}

func draw(rng *rand.Rand, parties threshold.PartySet) tactic {
	t := tactic{by: parties, to: ^threshold.PartySet(0), kind: Commitments + Kind(rng.IntN(int(Confirm))), forGood: rng.IntN(6) == 0, alike: rng.IntN(2) == 0, seed: rng.Uint64()}
	if t.do = misdeeds[rng.IntN(len(misdeeds))]; rng.IntN(5) == 0 {
		t.kind = Complaint + Kind(rng.IntN(int(Farewell-Confirm)))
	}
	if rng.IntN(3) == 0 {
		t.by &= threshold.PartySet(rng.Uint32())
	}
	switch rng.IntN(4) {
	case 0:
		t.to = threshold.PartySet(rng.Uint32())
	case 1:
		t.to = threshold.Parties(threshold.PartyID(1 + rng.IntN(4)))
	}
	return t
}

// Start implements simulate.Adversary.
func (a *adversary) Start() (out []simulate.Message) {
	for id := range a.parties.All() {
		out = append(out, a.collect(id)...)
	}
	return out
}

// Observe implements simulate.Adversary.
func (a *adversary) Observe(m simulate.Message) []simulate.Message {
	msg, err := ParseMessage(m.Body)
	if err != nil {
		return nil
	}
	a.known = append(a.known, msg)
	a.machines[m.To].Receive(msg)
	out := a.collect(m.To)
	if msg.Kind >= Complaint && !a.parties.Has(msg.From) {
		out, a.held = append(out, a.held...), nil
	}
	return out
}

// collect says what a party has to say: the truth to its like, to others what its
// tactics make of it.
func (a *adversary) collect(id threshold.PartyID) (out []simulate.Message) {
	for _, e := range a.machines[id].Out() {
		a.known = append(a.known, e.Message)
		for to := range e.To.All() {
			said := []*Message{e.Message}
			if !a.parties.Has(to) {
				said = a.spoil(id, to, said)
			}
			for _, msg := range said {
				out = append(out, simulate.Message{From: id, To: to, Body: msg.Encode()})
			}
		}
	}
	return out
}

func (a *adversary) spoil(from, to threshold.PartyID, said []*Message) []*Message {
	for _, t := range a.tactics {
		var next []*Message
		for _, msg := range said {
			if !t.by.Has(from) || !t.to.Has(to) || msg.Kind != t.kind && !(t.forGood && msg.Kind > t.kind) {
				next = append(next, msg)
				continue
			}
			seed := uint64(from)<<48 | uint64(msg.Kind)<<32 | uint64(msg.Index&0xffffff)<<8
			if !t.alike {
				seed |= uint64(to)
			}
			changed := *msg
			next = append(next, t.do.act(a, rand.New(rand.NewPCG(t.seed, seed)), to, &changed)...)
		}
		said = next
	}
	return said
}

// sign makes a message with another body its sender's own, if that is corrupt.
func (a *adversary) sign(msg Message, body []byte) *Message {
	msg.Body = body
	if a.parties.Has(msg.From) {
		msg.Signature = eip712.Sign(signers(a.run.quorum.N)[msg.From-1], msg.digest())
	}
	return &msg
}

func change(body func(rng *rand.Rand, body []byte) []byte) func(*adversary, *rand.Rand, threshold.PartyID, *Message) []*Message {
	return func(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
		return []*Message{a.sign(*msg, body(rng, msg.Body))}
	}
}

func hold(a *adversary, _ *rand.Rand, to threshold.PartyID, msg *Message) []*Message {
	a.held = append(a.held, simulate.Message{From: msg.From, To: to, Body: msg.Encode()})
	return nil
}

// forge says the message in another's name, or without its signature.
func forge(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
	if rng.IntN(2) == 0 {
		msg.Signature[rng.IntN(len(msg.Signature))] ^= 1 << rng.IntN(8)
		return []*Message{msg}
	}
	forged := a.sign(*msg, simulate.FlipBit(rng, msg.Body))
	forged.From = threshold.PartyID(rng.IntN(a.run.quorum.N + 2))
	return []*Message{forged, msg}
}

// misplace says the message in another run or place.
func misplace(a *adversary, rng *rand.Rand, _ threshold.PartyID, msg *Message) []*Message {
	switch rng.IntN(4) {
	case 0:
		msg.Run[rng.IntN(32)] ^= 1
	case 1:
		msg.To = threshold.PartyID(rng.IntN(a.run.quorum.N + 1))
	case 2:
		msg.Kind = Kind(rng.IntN(int(Farewell) + 2))
	default:
		msg.Index = uint32(rng.IntN(20))
	}
	return []*Message{a.sign(*msg, msg.Body)}
}

func (a *adversary) any(rng *rand.Rand) *Message { return a.known[rng.IntN(len(a.known))] }

// complain makes what only a party says that gives the run up, or does so for it.
func (a *adversary) complain(rng *rand.Rand, from threshold.PartyID) *Message {
	msg := Message{Run: a.run.id, From: from, Kind: Complaint + Kind(rng.IntN(int(Farewell-Confirm)))}
	if rng.IntN(2) == 0 {
		msg.Index = uint32(rng.IntN(maxComplaints))
	}
	switch msg.Kind {
	case Complaint:
		c := complaint{kind: Kind(rng.IntN(int(Confirm) + 2)), index: uint32(rng.IntN(3))}
		if rng.IntN(3) > 0 {
			c.silent = threshold.PartySet(rng.Uint32())
		}
		return a.sign(msg, c.encode())
	case Disclosure:
		return a.sign(msg, a.machines[from].disclosure())
	case Verdict:
		var shown []*Message
		for range rng.IntN(4) {
			shown = append(shown, a.any(rng))
		}
		return a.sign(msg, encodeMessages(shown))
	}
	return a.sign(msg, []byte{byte(rng.IntN(2)), byte(rng.IntN(3))})
}

// String lists who is corrupt and what they do.
func (a *adversary) String() string {
	out := a.parties.String()
	for _, t := range a.tactics {
		out += fmt.Sprintf("; %v to %v in %v (for good %v, alike %v): %s", t.by&a.parties, t.to&a.run.quorum.All(), t.kind, t.forGood, t.alike, t.do.name)
	}
	return out
}
