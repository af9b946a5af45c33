package coprocessor

import (
	"container/heap"
	"slices"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// job is a computation that the graph holds: an operation, or the expansion of
// an input list, which makes all values of the list.
type job struct {
	id        store.ID // first content of an operation, digest of an input list
	node      *store.Node
	results   []store.ID // contents of an operation
	operands  []*job     // that are to be computed, each as often as it is used
	missing   int        // number of operands that are not there in the form it takes
	outside   int        // those of them that its part of the graph cannot make
	consumers []use
	wants     []store.Root // pending wants that it settles
	failure   *store.Failure

	order store.Position // of the first want that needs it
	path  int            // layers until the last job that needs it is done
	at    int            // its place among the ready jobs, or nowhere

	part  *part
	begun bool // an executor has it

	estimate estimate
	progress *progress
	again    bool // it succeeded before, but its result is not kept in the form that is needed
	keep     bool // when it began, somebody needed the result bare
}

// use is the need of one job for an operand.
type use struct {
	by      *job
	outside bool // counted there
}

// graph holds the jobs that pending wants need. It belongs to one goroutine.
type graph struct {
	store    *store.Store
	workload *workload
	jobs     map[store.ID]*job
	away     queue[*job]  // ready, in parts that may leave this machine
	home     queue[*job]  // ready, in parts that stay
	whole    queue[*part] // parts that miss nothing from outside, and have not begun
	doomed   []*job       // new, but an operand has failed already

	bare   map[store.ID]int // uses of a content's bare ciphertext by jobs
	unused []store.ID       // contents whose bare ciphertext perhaps no job uses any more
}

func newGraph(s *store.Store, w *workload) *graph {
	return &graph{store: s, workload: w, jobs: make(map[store.ID]*job), bare: make(map[store.ID]int)}
}

// abandon takes all jobs out of the workload, undone.
func (g *graph) abandon() {
	for _, j := range g.jobs {
		j.progress.end(false)
	}
}

// load adds what the want of root misses. It reports false if the content has
// its result already, successful or not.
func (g *graph) load(root store.Root) (bool, error) {
	j, err := g.visit(root.Content, root.Position)
	if j == nil || err != nil {
		return false, err
	}
	j.wants = append(j.wants, root)
	return true, nil
}

// visit returns the job that makes id, nil if it has its result. A new job
// enters the graph together with all that it needs; this walks with a stack of
// its own, since a chain of operations may be as long as the log.
func (g *graph) visit(id store.ID, order store.Position) (*job, error) {
	var fresh []*job
	top, err := g.lookup(id, false, order, &fresh)
	for err == nil && len(fresh) > 0 {
		j := fresh[len(fresh)-1]
		fresh = fresh[:len(fresh)-1]
		err = g.connect(j, order, &fresh)
	}
	return top.job, err
}

// operand is what lookup finds: the job that makes it, or why there is none.
type operand struct {
	job     *job
	failure *store.Failure
	kept    bool // its bare ciphertext is stored
}

// lookup finds or makes the job for id, if its result is missing or, for a use
// of its bare ciphertext, that is. A made job is appended to fresh.
func (g *graph) lookup(id store.ID, bare bool, order store.Position, fresh *[]*job) (operand, error) {
	result, err := g.store.Result(id)
	if err != nil || result.Failure != nil || result.Ready && !bare {
		return operand{failure: result.Failure}, err
	}
	if j := g.jobs[id]; j != nil {
		return operand{job: j}, nil
	}
	node, err := g.store.Node(id)
	if err != nil {
		return operand{}, err
	}
	if result.Ready {
		kept, err := g.store.HasBare(id)
		if err != nil || kept || node.Kind == store.Input {
			return operand{kept: kept && !constant(node)}, err
		}
	}
	j := &job{id: id, node: node, order: order, again: result.Digest != fhe.Digest{}, at: nowhere}
	if node.Kind == store.Input {
		j.id = store.ID(node.List)
	} else {
		j.results = g.store.Results(id, node)
		j.id = j.results[0]
	}
	if known := g.jobs[j.id]; known != nil {
		return operand{job: known}, nil
	}
	if node.Kind == store.Operation && node.Index > 0 { // the first result stands for all
		if j.node, err = g.store.Node(j.id); err != nil {
			return operand{}, err
		}
	}
	if j.estimate, err = g.estimate(j.node); err != nil {
		return operand{}, err
	}
	j.progress = g.workload.begin(j.estimate.bootstraps)
	j.path = j.estimate.depth
	g.jobs[j.id] = j
	g.found(j)
	*fresh = append(*fresh, j)
	return operand{job: j}, nil
}

// connect ties a new job to its operands.
func (g *graph) connect(j *job, order store.Position, fresh *[]*job) error {
	for _, o := range j.node.Operands {
		if o.Kind == fhe.Clear {
			continue
		}
		id, bare := store.ID(o.Word), o.Kind == fhe.Made
		if bare {
			g.bare[id]++
		}
		operand, err := g.lookup(id, bare, order, fresh)
		switch {
		case err != nil:
			return err
		case operand.failure != nil && j.failure == nil:
			j.failure = operand.failure
			g.doomed = append(g.doomed, j)
		case operand.kept:
			g.stay(j.part)
		case operand.job != nil:
			g.tie(j, operand.job, bare)
		}
	}
	g.mayBegin(j)
	return nil
}

// tie makes j wait for an operand.
func (g *graph) tie(j, o *job, bare bool) {
	outside := !bare || o.node.Kind == store.Input
	o.consumers = append(o.consumers, use{j, outside})
	j.operands = append(j.operands, o)
	j.missing++
	switch {
	case outside:
		j.outside++
		j.part.outside++
		g.shelve(j.part)
	case !constant(o.node):
		g.join(j, o)
	}
	g.raise(o, j.path+o.estimate.depth)
}

// raise lengthens the path from j, and from what it needs.
func (g *graph) raise(j *job, path int) {
	type step struct {
		job  *job
		path int
	}
	for stack := []step{{j, path}}; len(stack) > 0; {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.path = min(s.path, maxPath); s.path <= s.job.path {
			continue
		}
		s.job.path = s.path
		g.reorder(s.job)
		for _, o := range s.job.operands {
			stack = append(stack, step{o, s.path + o.estimate.depth})
		}
	}
}

// mayBegin makes j ready, and its part whole, if nothing is missing.
func (g *graph) mayBegin(j *job) {
	if j.missing == 0 && j.failure == nil && !j.begun && j.at == nowhere {
		heap.Push(g.queueOf(j), j)
	}
	g.mayLeave(j.part)
}

// begin gives a job to an executor.
func (g *graph) begin(j *job) {
	if j.at != nowhere {
		heap.Remove(g.queueOf(j), j.at)
	}
	j.begun = true
}

// next takes the first ready job for this machine, nil if there is none or it takes
// more memory than room: others do not overtake it for ever. Of the parts that may
// leave it takes from those that are older than class alone.
func (g *graph) next(class uint64, room int64) *job {
	j := g.home.first()
	if k := g.away.first(); k != nil && k.class() < class && (j == nil || k.precedes(j)) {
		j = k
	}
	if j == nil || j.estimate.memory > room {
		return nil
	}
	g.stay(j.part)
	g.begin(j)
	j.keep = g.used(j)
	return j
}

// used reports whether a job takes a result of j bare.
func (g *graph) used(j *job) bool {
	return slices.ContainsFunc(j.results, func(id store.ID) bool { return g.bare[id] > 0 })
}

// succeed removes a finished job and frees the consumers that waited for it alone.
// One whose result is needed bare, but was not when it began, is to run again.
func (g *graph) succeed(j *job) {
	j.wants = nil
	if g.used(j) && !j.keep {
		j.again, j.begun = true, false
		g.stay(j.part)
		g.mayBegin(j)
		return
	}
	g.remove(j)
	if j.keep {
		g.unused = append(g.unused, j.results...)
	}
	for _, u := range j.consumers {
		c := u.by
		c.missing--
		if u.outside {
			c.outside--
			c.part.outside--
		}
		if g.jobs[c.id] == c {
			g.mayBegin(c)
		}
	}
}

// fail removes a failed job and everything that needs it, and returns these
// jobs, all with the failure of j.
func (g *graph) fail(j *job) []*job {
	failed := []*job{j}
	for i := 0; i < len(failed); i++ {
		g.remove(failed[i])
		for _, u := range failed[i].consumers {
			if c := u.by; c.failure == nil && g.jobs[c.id] == c {
				c.failure = j.failure
				failed = append(failed, c)
			}
		}
	}
	return failed
}

// remove takes j out of the graph and the workload, and ends its uses of bare
// ciphertexts.
func (g *graph) remove(j *job) {
	if j.at != nowhere {
		heap.Remove(g.queueOf(j), j.at)
	}
	delete(g.jobs, j.id)
	j.operands = nil
	g.leave(j)
	j.progress.end(j.failure == nil)
	for _, o := range j.node.Operands {
		if o.Kind != fhe.Made {
			continue
		}
		id := store.ID(o.Word)
		if g.bare[id]--; g.bare[id] == 0 {
			delete(g.bare, id)
			g.unused = append(g.unused, id)
		}
	}
}
