package threshold

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrSilent is why a party that did not answer gave nothing.
var ErrSilent = errors.New("no answer in time")

// Refusals are the parties that gave no usable answer, and why.
type Refusals map[PartyID]error

// Fault says why a request failed of which some parties gave usable answers. A
// code with which t+1 parties refuse is the truth, since one of them is honest;
// otherwise all refusals are listed.
func (r Refusals) Fault(q Quorum, answers int) *Fault {
	votes := map[Code]PartySet{}
	var list []string
	for _, id := range slices.Sorted(maps.Keys(r)) {
		if f, ok := errors.AsType[*Fault](r[id]); ok {
			votes[f.Code] = votes[f.Code].With(id)
			if votes[f.Code].Len() > q.T {
				return f
			}
		}
		list = append(list, fmt.Sprintf("party %d: %v", id, r[id]))
	}
	need := fmt.Sprintf("%d are needed", q.Agree())
	if answers >= q.Agree() {
		need = fmt.Sprintf("but fewer than %d agree", q.Agree())
	}
	return Faultf(Unavailable, "%d of %d parties answered, %s (%s)", answers, q.N, need, strings.Join(list, "; "))
}
