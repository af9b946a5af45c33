package reshare

import (
	"encoding/json"
	"fmt"
	"strings"

	"fhevm/fhe"
	"fhevm/threshold"
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

// maxStop bounds the body of a notice, maxReason what is shown of a reason, and
// maxShown the blames that are shown of a notice.
const (
	maxStop   = 1 << 17
	maxReason = 200
	maxShown  = 4
)

// maxBlames bounds the blames of a notice: two for each member.
func (p *Plan) maxBlames() int { return 2 * (len(p.Old.Members) + len(p.New.Members)) }

// String is such as "new party 1 stopped: it says that new party 3 is silent".
// Its words are another member's, so they are quoted.
func (n Notice) String() string {
	var s strings.Builder
	s.WriteString(n.By.String() + " stopped")
	for _, b := range n.Blames[:min(len(n.Blames), maxShown)] {
		fmt.Fprintf(&s, ", it says that %v %.*q", b.Seat, maxReason, b.Reason)
	}
	if more := len(n.Blames) - maxShown; more > 0 {
		fmt.Fprintf(&s, ", and %d more", more)
	}
	return s.String()
}

// stop makes the notice of an attempt's end. What does not fit is left out.
func (t *table) stop(session fhe.Digest, a *Abort) []byte {
	body, err := json.Marshal(a.Blames[:min(len(a.Blames), t.plan.maxBlames())])
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
	err = json.Unmarshal(m.body, &n.Blames)
	return n, err == nil && len(n.Blames) <= t.plan.maxBlames()
}

// convicted lists the blames of notices that their evidence proves, one for each
// member.
func (t *table) convicted(notices []Notice) (out []Blame) {
	judge := &table{plan: t.plan, digest: t.digest, count: 1}
	var known [New + 1]threshold.PartySet
	for _, n := range notices {
		for _, b := range n.Blames {
			if judge.convicts(b) != nil || known[b.Seat.Role].Has(b.Seat.Party) {
				continue
			}
			known[b.Seat.Role] = known[b.Seat.Role].With(b.Seat.Party)
			b.Reason = fmt.Sprintf("is convicted by what it signed; %v says that it %.*q", n.By, maxReason, b.Reason)
			out = append(out, b)
		}
	}
	return out
}
