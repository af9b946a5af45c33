package coprocessor

import (
	"container/heap"
	"slices"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// maxWeight bounds a task: its jobs and their operands.
const maxWeight = 2048

// part is a connected part of the graph: jobs that take results of each other
// bare. Bare ciphertexts take half a megabyte and stay on one machine, so what
// another machine computes is a whole part. One of which this machine has begun a
// job, or keeps a bare ciphertext, stays.
type part struct {
	jobs    []*job
	weight  int
	outside int  // operands that something outside of it must make first
	stays   bool // on this machine
	head    *job // whose turn is that of the part, while that is whole
	at      int  // its place among the whole parts, or nowhere
}

func (p *part) precedes(q *part) bool { return p.head.precedes(q.head) }
func (p *part) place() *int           { return &p.at }

// promote makes j the head if it comes before the present one.
func (p *part) promote(j *job) {
	if p.head == nil || j.precedes(p.head) {
		p.head = j
	}
}

// constant says that a computation takes no bootstrap and no ciphertext. Every
// contract uses the same few of them, so they connect nothing: each task makes
// its own.
func constant(n *store.Node) bool { return n.Kind == store.Operation && n.Op == fhe.Trivial }

// found puts a new job into a part of its own.
func (g *graph) found(j *job) {
	j.part = &part{jobs: []*job{j}, weight: 1 + len(j.node.Operands), at: nowhere}
}

// join makes one part of those of a job and of an operand that it takes bare,
// unless they stay here anyhow.
func (g *graph) join(j, o *job) {
	p, q := j.part, o.part
	switch {
	case p == q:
	case p.stays, q.stays, o.begun, p.weight+q.weight > maxWeight:
		g.stay(p)
		g.stay(q)
	case len(p.jobs) < len(q.jobs):
		g.absorb(q, p)
	default:
		g.absorb(p, q)
	}
}

// absorb moves the jobs of q to p; neither stays.
func (g *graph) absorb(p, q *part) {
	g.shelve(p)
	g.shelve(q)
	for _, j := range q.jobs {
		j.part = p
	}
	p.jobs = append(p.jobs, q.jobs...)
	p.weight += q.weight
	p.outside += q.outside
	q.jobs = nil
}

// stay keeps a part on this machine.
func (g *graph) stay(p *part) {
	if p.stays {
		return
	}
	g.shelve(p)
	for _, j := range p.jobs {
		if j.at != nowhere {
			heap.Remove(&g.away, j.at)
			heap.Push(&g.home, j)
		}
	}
	p.stays = true
}

// shelve takes p from the whole parts.
func (g *graph) shelve(p *part) {
	if p.at != nowhere {
		heap.Remove(&g.whole, p.at)
	}
}

// mayLeave makes p whole if nothing is missing. One that takes no time stays.
func (g *graph) mayLeave(p *part) {
	if p.stays || p.outside > 0 || p.at != nowhere || slices.ContainsFunc(p.jobs, func(j *job) bool { return j.begun || j.failure != nil }) {
		return
	}
	p.head = nil
	depth := 0
	for _, j := range p.jobs {
		p.promote(j)
		depth += j.estimate.depth
	}
	if depth == 0 {
		g.stay(p)
		return
	}
	heap.Push(&g.whole, p)
}

// take gives the first whole part to another machine, and returns its jobs; nil
// if there is none.
func (g *graph) take() []*job {
	if len(g.whole) == 0 {
		return nil
	}
	p := heap.Pop(&g.whole).(*part)
	for _, j := range p.jobs {
		g.begin(j)
		j.keep = false
	}
	return slices.Clone(p.jobs)
}

// giveBack makes jobs that another machine did not do ready again.
func (g *graph) giveBack(jobs []*job) {
	for _, j := range jobs {
		j.begun = false
	}
	for _, j := range jobs {
		g.mayBegin(j)
	}
}

// leave takes j out of its part.
func (g *graph) leave(j *job) {
	p := j.part
	g.shelve(p)
	i := slices.Index(p.jobs, j)
	p.jobs = slices.Delete(p.jobs, i, i+1)
	p.weight -= 1 + len(j.node.Operands)
	p.outside -= j.outside
	if len(p.jobs) > 0 {
		g.mayLeave(p)
	}
}
