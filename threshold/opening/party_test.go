package opening_test

import (
	"encoding/json"
	"errors"

	"fhevm/threshold"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/internal/simulate"
	"fhevm/threshold/opening"
)

// The simulated channel: a byte of kind, then an Answer (JSON) or the words of a
// refusal.
const (
	asks    = 'q'
	answers = 'a'
	refuses = 'r'
)

// party is an honest party: the Machine and what its service does around it,
// which is to record the opening before anything leaves, and to decode.
type party struct {
	*opening.Machine
	record  []byte                       // for the disk before the first share leaves
	answers map[threshold.PartyID][]byte // the first one of each peer
}

// boot makes the machine of a party from its disk, whether or not it crashed.
func boot(c *liar.Case, id threshold.PartyID, journal [][]byte) *party {
	m, err := opening.New(c.Margin, id, c.Types, c.Partials[id])
	if err != nil {
		panic(err)
	}
	p := &party{Machine: m, answers: map[threshold.PartyID][]byte{}}
	if len(journal) == 0 {
		p.record = []byte("opened")
	}
	return p
}

func (p *party) Start() (out simulate.Output) {
	out.Save = p.record
	for id := range p.Machine.Start().All() {
		out.Send = append(out.Send, simulate.Message{To: id, Body: []byte{asks}})
	}
	return out
}

func (p *party) Receive(m simulate.Message) (out simulate.Output) {
	if len(m.Body) > 0 && m.Body[0] == asks {
		a, err := p.Asked(m.From)
		if err != nil {
			return out
		}
		return simulate.Output{Send: []simulate.Message{{To: m.From, Body: encode(a)}}}
	}
	if p.answers[m.From] == nil {
		p.answers[m.From] = m.Body
	}
	switch a, refused, err := decode(m.Body); {
	case err != nil:
		p.Unusable(m.From)
	case refused != nil:
		p.Refused(m.From, refused)
	default:
		p.Answered(m.From, a)
	}
	return out
}

func (p *party) Expire() (out simulate.Output) {
	p.Machine.Expire()
	return out
}

func encode(a *opening.Answer) []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return append([]byte{answers}, b...)
}

func decode(b []byte) (a *opening.Answer, refused, err error) {
	switch {
	case len(b) > 0 && b[0] == refuses:
		return nil, errors.New(string(b[1:])), nil
	case len(b) == 0 || b[0] != answers:
		return nil, nil, errors.New("no such message")
	}
	a = new(opening.Answer)
	return a, nil, threshold.DecodeJSON(b[1:], a)
}

// verdict is what a party deserves that answered with body where its partials
// were others; "" is nothing.
func verdict(c *liar.Case, from threshold.PartyID, body []byte) string {
	a, refused, err := decode(body)
	switch {
	case refused != nil:
		return ""
	case err != nil:
		return threshold.UnusableBytes
	}
	return liar.Verdict(c.Partials[from], a)
}
