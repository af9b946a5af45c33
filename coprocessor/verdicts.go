package coprocessor

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"fhevm/coprocessor/store"
)

// verdicts remembers which machine found of a computation that it fails. Other failures
// are of operands, of machines that disagreed, or of tasks that were given up: no report
// contradicts these. It is safe for concurrent use.
type verdicts struct {
	lru *lru.Cache[store.ID, verdict] // by the first content that the computation makes
}

type verdict struct{ machine, reason string }

// maxVerdicts is the number of failures that late reports are compared with.
const maxVerdicts = 1 << 12

func newVerdicts() verdicts {
	c, _ := lru.New[store.ID, verdict](maxVerdicts) // fails for no size above 0
	return verdicts{c}
}

// add notes a failure that a machine found.
func (v verdicts) add(f finished, machine string) {
	if len(f.contents) > 0 {
		v.lru.Add(f.contents[0], verdict{machine, f.failure.Reason})
	}
}

// by is the machine whose finding is what is stored of a content, "" if it is nobody's.
func (v verdicts) by(id store.ID, stored *store.Failure) string {
	found, ok := v.lru.Get(id)
	if !ok || stored == nil || !strings.HasPrefix(found.reason, stored.Reason) { // which is stored cut off
		return ""
	}
	return found.machine
}
