package coprocessor

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"fhevm/coprocessor/store"
)

// second is what a late report says of one job.
type second struct {
	node     *store.Node
	contents []store.ID
	result   TaskResult
	worker   string
	first    string // who reported on the task before
}

// maxSeconds is the number of jobs that are not done whose late reports wait for that,
// and of failures that late reports are compared with.
const maxSeconds = 1 << 12

// late compares a second report of a task with what is stored. What it says of jobs
// that are not done waits until they are.
func (c *Coprocessor) late(l LateReport) (lies []finished, err error) {
	first := thisNode
	if l.First != nil {
		first = l.First.Worker
	}
	for i, n := range l.Task.Jobs {
		if constant(n) {
			continue
		}
		s := second{n, l.Task.contents[i], l.Report.Results[i], l.Report.Worker, first}
		done, lie, err := c.compareSecond(s)
		if err != nil {
			return nil, err
		}
		if !done {
			c.seconds.Add(s.contents[0], s)
		}
		if lie != nil {
			lies = append(lies, *lie)
		}
	}
	return lies, nil
}

// awaited compares what late reports said of jobs that are done now.
func (c *Coprocessor) awaited(jobs []finished) (lies []finished, err error) {
	for _, f := range jobs {
		if len(f.contents) == 0 {
			continue
		}
		s, ok := c.seconds.Peek(f.contents[0])
		if !ok {
			continue
		}
		c.seconds.Remove(f.contents[0])
		_, lie, err := c.compareSecond(s)
		if err != nil {
			return nil, err
		}
		if lie != nil {
			lies = append(lies, *lie)
		}
	}
	return lies, nil
}

// compareSecond reports whether the job is done, and the lie if what is stored and what
// the late report says are different.
func (c *Coprocessor) compareSecond(s second) (done bool, lie *finished, err error) {
	known, err := c.store.Result(s.contents[0])
	if err != nil || !known.Ready && known.Failure == nil {
		return false, nil, err
	}
	have, first := TaskResult{Digest: known.Digest}, s.first
	if !known.Ready {
		if first = c.verdicts.by(s.contents[0], known.Failure); first == "" {
			return true, nil, nil
		}
		have = TaskResult{Failure: known.Failure.Reason}
	}
	if said(&have) == said(&s.result) {
		return true, nil, nil
	}
	f := c.alarm(&disagreement{first: first, second: s.worker, have: said(&have), got: said(&s.result)}, &job{node: s.node}, s.contents)
	return true, &f, nil
}

// verdicts remembers which machine found of a computation that it fails. Other failures
// are of operands, of machines that disagreed, or of tasks that were given up: no report
// contradicts these. It is safe for concurrent use.
type verdicts struct {
	lru *lru.Cache[store.ID, verdict] // by the first content that the computation makes
}

type verdict struct{ machine, reason string }

func newVerdicts() verdicts { return verdicts{newRecent[verdict]()} }

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

func newRecent[T any]() *lru.Cache[store.ID, T] {
	c, _ := lru.New[store.ID, T](maxSeconds) // fails for no size above 0
	return c
}
