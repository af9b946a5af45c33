package opening_test

import (
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/opening"
)

// FuzzAnswer has a peer answer with arbitrary bytes: whatever they are, the
// others open the right value, and the peer is blamed for what it sent.
func FuzzAnswer(f *testing.F) {
	c := casesOf(f, 4)[1]
	f.Add(encode(opening.NewAnswer(c.Partials[2])))
	f.Add(encode(opening.NewAnswer(c.Others[2])))
	f.Add([]byte(`a{"digests":[],"shares":"0x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := boot(c, 1, nil)
		for from, b := range [][]byte{2: body, 3: encode(opening.NewAnswer(c.Partials[3])), 4: encode(opening.NewAnswer(c.Partials[4]))} {
			if a, _, err := decode(b); from >= 2 && err != nil {
				p.Unusable(threshold.PartyID(from))
			} else if a != nil {
				p.Answered(threshold.PartyID(from), a)
			}
		}
		values, err := p.Values()
		if err != nil || !values[0].Eq(c.Want[0]) {
			t.Fatalf("opened %v, %v", values, err)
		}
		want, blames := verdict(c, 2, body), p.Blames()
		if (want == "") != (len(blames) == 0) || len(blames) > 0 && blames[0] != (threshold.Blame{Party: 2, Reason: want}) {
			t.Errorf("blamed are %v, deserved is %q", blames, want)
		}
	})
}
