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
	votes := map[Code][]*Fault{}
	var codes []Code
	var list []string
	for _, id := range slices.Sorted(maps.Keys(r)) {
		if f, ok := errors.AsType[*Fault](r[id]); ok {
			votes[f.Code], codes = append(votes[f.Code], f), append(codes, f.Code)
		}
		list = append(list, fmt.Sprintf("party %d: %v", id, r[id]))
	}
	for _, c := range codes {
		if len(votes[c]) > q.T {
			return spokesman(votes[c])
		}
	}
	need := fmt.Sprintf("%d are needed", q.Agree())
	if answers >= q.Agree() {
		need = fmt.Sprintf("but fewer than %d agree", q.Agree())
	}
	return Faultf(Unavailable, "%d of %d parties answered, %s (%s)", answers, q.N, need, strings.Join(list, "; "))
}

// spokesman is the refusal that most of those with one code gave: a liar that joins
// honest parties does not choose what users are told.
func spokesman(same []*Fault) *Fault {
	times := map[Fault]int{}
	best := same[0]
	for _, f := range same {
		times[*f]++
	}
	for _, f := range same {
		if times[*f] > times[*best] {
			best = f
		}
	}
	return best
}
