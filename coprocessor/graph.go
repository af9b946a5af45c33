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
	missing   int        // operands that are not there in the form it takes, counted as often as they are used
	consumers []*job
	wants     []store.Root // pending wants that it settles
	failure   *store.Failure
	order     store.Position // of the first want that needs it

	again bool // it succeeded before, but its result is not kept in the form that is needed
	keep  bool // when it began, somebody needed the result bare
}

// graph holds the jobs that pending wants need. It belongs to one goroutine.
type graph struct {
	store  *store.Store
	jobs   map[store.ID]*job
	ready  jobHeap // no operand is missing; oldest want first
	doomed []*job  // new, but an operand has failed already

	bare   map[store.ID]int // uses of a content's bare ciphertext by jobs
	unused []store.ID       // contents whose bare ciphertext perhaps no job uses any more
}

func newGraph(s *store.Store) *graph {
	return &graph{store: s, jobs: make(map[store.ID]*job), bare: make(map[store.ID]int)}
}

// load adds what the want of root misses. It reports false if the content has
// its result already, successful or not.
func (g *graph) load(root store.Root) (bool, error) {
	j, _, err := g.visit(root.Content, root.Position)
	if j == nil || err != nil {
		return false, err
	}
	j.wants = append(j.wants, root)
	return true, nil
}

// visit returns the job that makes id, nil if it has its result. A new job
// enters the graph together with all that it needs; this walks with a stack of
// its own, since a chain of operations may be as long as the log.
func (g *graph) visit(id store.ID, order store.Position) (*job, store.Result, error) {
	var fresh []*job
	top, result, err := g.lookup(id, false, order, &fresh)
	for err == nil && len(fresh) > 0 {
		j := fresh[len(fresh)-1]
		fresh = fresh[:len(fresh)-1]
		err = g.connect(j, order, &fresh)
	}
	return top, result, err
}

// lookup finds or makes the job for id, if its result is missing or, for a use
// of its bare ciphertext, that is. A made job is appended to fresh.
func (g *graph) lookup(id store.ID, bare bool, order store.Position, fresh *[]*job) (*job, store.Result, error) {
	result, err := g.store.Result(id)
	if err != nil || result.Failure != nil || result.Ready && !bare {
		return nil, result, err
	}
	if j := g.jobs[id]; j != nil {
		return j, store.Result{}, nil
	}
	node, err := g.store.Node(id)
	if err != nil {
		return nil, result, err
	}
	if result.Ready {
		kept, err := g.store.HasBare(id)
		if err != nil || kept || node.Kind == store.Input {
			return nil, result, err
		}
	}
	j := &job{id: id, node: node, order: order, again: result.Digest != fhe.Digest{}}
	if node.Kind == store.Input {
		j.id = store.ID(node.List)
	} else {
		j.results = g.store.Results(id, node)
		j.id = j.results[0]
	}
	if known := g.jobs[j.id]; known != nil {
		return known, store.Result{}, nil
	}
	if node.Kind == store.Operation && node.Index > 0 { // the first result stands for all
		if j.node, err = g.store.Node(j.id); err != nil {
			return nil, result, err
		}
	}
	g.jobs[j.id] = j
	*fresh = append(*fresh, j)
	return j, result, nil
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
		operand, result, err := g.lookup(id, bare, order, fresh)
		switch {
		case err != nil:
			return err
		case result.Failure != nil && j.failure == nil:
			j.failure = result.Failure
			g.doomed = append(g.doomed, j)
		case operand != nil:
			j.missing++
			operand.consumers = append(operand.consumers, j)
		}
	}
	if j.missing == 0 && j.failure == nil {
		heap.Push(&g.ready, j)
	}
	return nil
}

// next takes the oldest ready job, nil if there is none.
func (g *graph) next() *job {
	if len(g.ready) == 0 {
		return nil
	}
	j := heap.Pop(&g.ready).(*job)
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
		j.again = true
		heap.Push(&g.ready, j)
		return
	}
	g.remove(j)
	if j.keep {
		g.unused = append(g.unused, j.results...)
	}
	for _, c := range j.consumers {
		c.missing--
		if c.missing == 0 && c.failure == nil {
			heap.Push(&g.ready, c)
		}
	}
}

// fail removes a failed job and everything that needs it, and returns these
// jobs, all with the failure of j.
func (g *graph) fail(j *job) []*job {
	failed := []*job{j}
	for i := 0; i < len(failed); i++ {
		g.remove(failed[i])
		for _, c := range failed[i].consumers {
			if c.failure == nil {
				c.failure = j.failure
				failed = append(failed, c)
			}
		}
	}
	return failed
}

// remove ends j's uses of bare ciphertexts.
func (g *graph) remove(j *job) {
	delete(g.jobs, j.id)
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

// jobHeap orders jobs by the want that needs them, so that a late crowd of
// wide work does not hold up an older chain.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(i, k int) bool { return h[i].order.Less(h[k].order) }
func (h jobHeap) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *jobHeap) Push(x any)        { *h = append(*h, x.(*job)) }
func (h *jobHeap) Pop() any {
	old := *h
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return j
}
