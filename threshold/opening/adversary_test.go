package opening_test

import (
	"math/rand/v2"

	"fhevm/threshold"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/internal/simulate"
	"fhevm/threshold/opening"
	"fhevm/threshold/shamir"
)

// adversary speaks for the corrupt parties of an opening.
type adversary struct {
	*liar.Liars
	rng     *rand.Rand
	quorum  threshold.Quorum
	noisy   bool               // sends what nobody asked for
	garbles bool               // spoils bytes, too
	patient int                // answers nobody before it knows so many honest shares
	held    []simulate.Message // questions that wait for that
}

func newAdversary(rng *rand.Rand, c *liar.Case, l *liar.Liars) *adversary {
	a := &adversary{Liars: l, rng: rng, quorum: c.Margin.Quorum}
	a.noisy, a.garbles = rng.IntN(3) == 0, rng.IntN(3) == 0
	if rng.IntN(2) == 0 {
		a.patient = 1 + rng.IntN(a.quorum.T+1)
	}
	return a
}

// Start asks every honest party, in order to see its shares.
func (a *adversary) Start() (out []simulate.Message) {
	for from := range a.Parties.All() {
		for to := range (a.quorum.All() &^ a.Parties).All() {
			out = append(out, simulate.Message{From: from, To: to, Body: []byte{asks}})
			if a.noisy {
				out = append(out, a.noise(from, to)...)
			}
		}
	}
	return out
}

func (a *adversary) Observe(m simulate.Message) (out []simulate.Message) {
	if m.Body[0] == asks {
		a.held = append(a.held, m)
	} else if answer, _, err := decode(m.Body); err == nil {
		if shares, err := shamir.ParseElements(answer.Shares, len(answer.Digests)); err == nil {
			a.Learn(shares)
		}
	}
	if a.Knows() < a.patient {
		return nil
	}
	for _, m := range a.held {
		out = append(out, a.answer(m.To, m.From)...)
	}
	a.held = nil
	return out
}

// answer is what a corrupt party says to an honest one, and perhaps corrects
// later.
func (a *adversary) answer(from, to threshold.PartyID) (out []simulate.Message) {
	for range 1 + a.rng.IntN(2) {
		if ps := a.Say(from); ps != nil {
			out = append(out, simulate.Message{From: from, To: to, Body: a.garble(encode(opening.NewAnswer(ps)))})
		} else if a.rng.IntN(2) == 0 {
			out = append(out, simulate.Message{From: from, To: to, Body: append([]byte{refuses}, "no"...)})
		}
	}
	return out
}

// noise is unasked answers, the same in an honest party's name, and repeated
// questions.
func (a *adversary) noise(from, to threshold.PartyID) []simulate.Message {
	posed := from
	for posed == from {
		posed = threshold.PartyID(a.rng.IntN(a.quorum.N + 3))
	}
	out := append(a.answer(from, to), a.answer(from, to)...)
	for i := range out {
		if a.rng.IntN(2) == 0 {
			out[i].From = posed
		}
	}
	return append(out, simulate.Message{From: from, To: to, Body: []byte{asks}})
}

// garble spoils the bytes of a message, if that is the adversary's way.
func (a *adversary) garble(b []byte) []byte {
	if !a.garbles || a.rng.IntN(2) == 0 {
		return b
	}
	return append(b[:1:1], liar.Garble(a.rng, b[1:])...)
}
