package reshare

import (
	"encoding/json"
	"fmt"

	"fhevm/fhe"
)

// Stop is the round of a notice that a member's attempt is over. It is said in
// the place of whatever the member would have said next, so that nobody takes
// for silent who has found a culprit.
const Stop = Certified + 1

// Notice is that a member's attempt is over, and whom it blames. Without
// evidence that is its word against theirs.
type Notice struct {
	By     Seat
	Blames []Blame
}

// maxStop bounds the body of a notice, and maxReason what is shown of a reason.
const (
	maxStop   = 1 << 17
	maxReason = 200
)

// String is such as "new party 1 stopped: it says that new party 3 is silent".
// Its words are another member's, so they are quoted.
func (n Notice) String() string {
	s := n.By.String() + " stopped"
	for _, b := range n.Blames {
		s += fmt.Sprintf(", it says that %v %.*q", b.Seat, maxReason, b.Reason)
	}
	return s
}

// stop makes the notice of an attempt's end. Evidence that does not fit is left
// out.
func (t *table) stop(session fhe.Digest, a *Abort) []byte {
	body, err := json.Marshal(a.Blames)
	if err != nil || len(body) > maxStop {
		body = []byte("[]")
	}
	return sign(t.key, t.digest, header{round: Stop, session: session, from: t.self}, body)
}

// readStop recognises a notice by its sender.
func (t *table) readStop(from Seat, b []byte) (n Notice, ok bool) {
	m, err := parse(b)
	if err != nil || m.round != Stop || len(m.body) > maxStop {
		return n, false
	}
	if _, err := t.read(Stop, from, Seat{}, b); err != nil {
		return n, false
	}
	n.By = from
	return n, json.Unmarshal(m.body, &n.Blames) == nil
}

// convicted lists the blames of notices that their evidence proves.
func (t *table) convicted(notices []Notice) (out []Blame) {
	for _, n := range notices {
		for _, b := range n.Blames {
			if Convicts(t.plan, b) == nil {
				out = append(out, b)
			}
		}
	}
	return out
}
