package opening_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/opening"
)

// scripts are runs of party 1 of 4, or of 7, event by event: what is left of the
// arrow happens, what is right of it comes out.
var scripts = map[string]string{
	"three of four open": `4
		start            -> asks {2 3 4}
		asked 3          -> its shares
		asked 3          -> its shares
		answered 2 right -> waits
		answered 4 right -> opened
		answered 3 right -> opened
		expire           -> opened`,
	"strangers are not heard": `4
		asked 1          -> shares are for the other parties of the committee
		asked 0          -> shares are for the other parties of the committee
		asked 5          -> shares are for the other parties of the committee
		answered 1 right -> waits
		answered 0 right -> waits
		answered 5 right -> waits
		unusable 9       -> waits
		refused 0        -> waits
		answered 2 right -> waits
		answered 3 right -> opened`,
	"a party is heard once": `4
		answered 2 right -> waits
		answered 2 right -> waits
		answered 2 wrong -> waits
		refused 2        -> waits
		unusable 2       -> waits
		answered 3 right -> opened`,
	"a lie that comes late is named": `4
		answered 2 right -> waits
		answered 3 right -> opened
		answered 4 wrong -> opened; party 4: sent wrong shares`,
	"a lie that comes first": `4
		answered 2 wrong -> waits
		answered 3 right -> waits
		answered 4 right -> opened; party 2: sent wrong shares`,
	"no shares": `4
		unusable 2       -> waits; party 2: sent bytes that are no shares
		answered 3 right -> waits; party 2: sent bytes that are no shares
		answered 4 right -> opened; party 2: sent bytes that are no shares`,
	"short and long": `7
		answered 2 short -> waits; party 2: sent bytes that are no shares
		answered 3 long  -> waits; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares
		answered 4 right -> waits; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares
		answered 5 right -> waits; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares
		answered 6 right -> waits; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares
		answered 7 right -> opened; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares`,
	"other bytes are no lie before there is a quorum": `4
		answered 2 other -> waits
		answered 3 right -> waits
		answered 4 right -> opened; party 2: answered for other squashed ciphertexts than the quorum`,
	"one party has the wrong bytes": `4
		answered 2 other -> waits
		answered 3 right -> waits
		refused 4        -> 2 of 4 parties answered, 3 are needed (party 2: its shares are of other squashed ciphertexts; party 4: not now)`,
	"the party itself has the wrong bytes": `4
		answered 2 other -> waits
		answered 3 other -> waits
		answered 4 other -> parties {2 3 4} hold other squashed ciphertexts than party 1: compare what their coprocessors computed`,
	"everybody is silent": `4
		start            -> asks {2 3 4}
		expire           -> 1 of 4 parties answered, 3 are needed (party 2: no answer in time; party 3: no answer in time; party 4: no answer in time); party 2: gave no answer in time; party 3: gave no answer in time; party 4: gave no answer in time
		answered 2 right -> 1 of 4 parties answered, 3 are needed (party 2: no answer in time; party 3: no answer in time; party 4: no answer in time); party 2: gave no answer in time; party 3: gave no answer in time; party 4: gave no answer in time`,
	"one silent party too many": `4
		answered 2 wrong -> waits
		answered 3 right -> waits
		expire           -> 3 of 4 parties answered, but fewer than 3 agree (party 4: no answer in time); party 4: gave no answer in time`,
	"two refusals of four with one reason are the truth": `4
		refused 2        -> waits
		answered 3 right -> waits
		refused 4        -> 2 of 4 parties answered, 3 are needed (party 2: not now; party 4: not now)
		expire           -> 2 of 4 parties answered, 3 are needed (party 2: not now; party 4: not now)`,
	"two faults": `4
		faulted 2        -> waits
		answered 3 right -> waits
		faulted 4        -> not public`,
	"two liars of four": `4
		answered 2 wrong -> waits
		answered 3 wrong -> waits
		answered 4 right -> more than 1 parties sent wrong shares, known of: {}`,
	"two broken of four": `4
		unusable 2       -> waits; party 2: sent bytes that are no shares
		unusable 3       -> more than 1 parties sent wrong shares, known of: {2 3}; party 2: sent bytes that are no shares; party 3: sent bytes that are no shares`,
}

// TestScripts runs the scripts.
func TestScripts(t *testing.T) {
	for name, script := range scripts {
		lines := strings.Split(script, "\n")
		var size int
		fmt.Sscan(lines[0], &size)
		c := casesOf(t, size)[2]
		m, err := opening.New(c.Margin, 1, c.Types, c.Partials[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[1:] {
			event, want, _ := strings.Cut(strings.TrimSpace(line), "->")
			if got := step(c, m, strings.Fields(event)); got != strings.TrimSpace(want) {
				t.Fatalf("%s: %sis answered by\n%s, want\n%s", name, event, got, want)
			}
		}
	}
}

// step makes one event happen and says what comes of it.
func step(c *liar.Case, m *opening.Machine, event []string) string {
	var id threshold.PartyID
	if len(event) > 1 {
		fmt.Sscan(event[1], &id)
	}
	switch event[0] {
	case "start":
		return fmt.Sprint("asks ", m.Start())
	case "asked":
		a, err := m.Asked(id)
		if err != nil {
			return err.Error()
		}
		if verdict(c, 1, encode(a)) == "" {
			return "its shares"
		}
		return "other shares"
	case "answered":
		m.Answered(id, answerOf(c, id, event[2]))
	case "unusable":
		m.Unusable(id)
	case "refused":
		m.Refused(id, errors.New("not now"))
	case "faulted":
		m.Refused(id, threshold.Faultf(threshold.NotPublic, "not public"))
	case "expire":
		m.Expire()
	}
	return state(c, m)
}

func answerOf(c *liar.Case, id threshold.PartyID, how string) *opening.Answer {
	if int(id) >= len(c.Partials) || id == 0 {
		id = 1
	}
	a := opening.NewAnswer(c.Partials[id])
	switch how {
	case "wrong":
		a.Shares[len(a.Shares)-1] ^= 1
	case "short":
		a.Shares = a.Shares[1:]
	case "long":
		a.Digests = append(a.Digests, a.Digests[0])
	case "other":
		return opening.NewAnswer(c.Others[id])
	}
	return a
}

func state(c *liar.Case, m *opening.Machine) string {
	words := []string{"waits"}
	switch values, err := m.Values(); {
	case err == nil && values[0].Eq(c.Want[0]) && values[1].Eq(c.Want[1]):
		words[0] = "opened"
	case err == nil:
		words[0] = fmt.Sprintf("opened %v", values)
	case err != decrypt.ErrNotDone:
		words[0] = err.Error()
	}
	for _, b := range m.Blames() {
		words = append(words, b.String())
	}
	return strings.Join(words, "; ")
}

// TestNewRefuses partials that are not of the values.
func TestNewRefuses(t *testing.T) {
	c := casesOf(t, 4)[0]
	if _, err := opening.New(c.Margin, 1, c.Types, c.Partials[1][1:]); err == nil {
		t.Error("partials are missing")
	}
	if _, err := opening.New(c.Margin, 5, c.Types, c.Partials[1]); err == nil {
		t.Error("a fifth party of four opens")
	}
}
