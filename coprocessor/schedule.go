package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fhevm/coprocessor/store"
)

const (
	// maxJobs bounds the graph in memory: further wants stay in the store
	// until it has shrunk. One want may pass it, with all that it needs.
	maxJobs = 1 << 16
	// loadStep is the number of wants read at a time.
	loadStep = 256
)

// scheduler owns the graph: everything but the evaluations and their writes
// happens in the goroutine of Run.
type scheduler struct {
	c       *Coprocessor
	graph   *graph
	next    store.Position     // of the first want that is not loaded yet
	more    bool               // there may be wants to load
	swept   bool               // no earlier graph's bare ciphertexts are left
	running int                // jobs here
	away    map[*job]uint64    // of each task elsewhere, one job and the age class
	lent    context.Context    // of the tasks elsewhere
	recall  context.CancelFunc // ends it
	results chan outcome
}

// Run computes what is wanted until ctx ends or Close begins, and returns
// nil then; otherwise it returns the error of the store that stopped it. Only
// one Run may be in progress.
func (c *Coprocessor) Run(ctx context.Context) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	if !c.begin() {
		return errors.New("coprocessor is running already")
	}
	defer c.end()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.closing, cancel)()
	s := &scheduler{c: c, graph: newGraph(c.store, &c.workload), more: true, away: make(map[*job]uint64), results: make(chan outcome, c.cfg.Workers)}
	err := s.loop(ctx)
	stopped := ctx.Err() != nil
	cancel()
	for n := s.running + len(s.away); n > 0; n-- {
		<-s.results
	}
	s.graph.abandon()
	c.totals.set(0, 0, 0)
	if errors.Is(err, ErrClosed) || stopped && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c *Coprocessor) begin() bool {
	c.use.Lock()
	defer c.use.Unlock()
	was := c.use.running
	c.use.running = true
	return !was
}

func (c *Coprocessor) end() {
	c.use.Lock()
	defer c.use.Unlock()
	c.use.running = false
}

func (s *scheduler) loop(ctx context.Context) error {
	var changed <-chan struct{}
	var late <-chan LateReport
	if cluster := s.c.cfg.Cluster; cluster != nil {
		changed, late = cluster.Changed(), cluster.Late()
	}
	for {
		if err := s.c.lost(s.advance(ctx)); err != nil && !errors.Is(err, ErrPending) {
			return fmt.Errorf("schedule computations: %w", err)
		}
		s.c.totals.set(len(s.graph.jobs), s.running, len(s.away))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.c.wake:
			s.more = true
		case <-changed:
		case l := <-late:
			if err := s.compare(l); err != nil {
				return err
			}
		case o := <-s.results:
			if err := s.finish(s.collect(o)); err != nil {
				return err
			}
		}
	}
}

// advance loads wants and starts ready jobs as far as the bounds allow.
func (s *scheduler) advance(ctx context.Context) error {
	if s.c.reload.Load() {
		if s.recall != nil {
			s.recall()
			s.recall = nil
		}
		if s.running > 0 || len(s.away) > 0 {
			return nil // let them finish: the new graph may need the same jobs
		}
		s.c.reload.Store(false)
		s.graph.abandon()
		s.graph, s.next, s.more, s.swept = newGraph(s.c.store, &s.c.workload), store.Position{}, true, false
	}
	if err := s.load(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	if err := s.handOut(ctx); err != nil {
		return err
	}
	memory := &s.c.calculator.memory
	for s.running < s.c.cfg.Workers {
		j := memory.choose(func(room int64) *job { return s.graph.next(s.limit(), room) })
		if j == nil {
			break
		}
		s.running++
		go func() {
			o := s.c.perform(ctx, j)
			memory.end(j.estimate.memory, 0)
			s.results <- o
		}()
	}
	return nil
}

// handOut gives whole parts of the graph to the cluster, as far as it has room.
func (s *scheduler) handOut(ctx context.Context) error {
	if s.c.cfg.Cluster == nil {
		return nil
	}
	if s.recall == nil {
		s.lent, s.recall = context.WithCancel(ctx)
	}
	for room := s.c.cfg.Cluster.Room() - len(s.away); room > 0; room-- {
		jobs := s.graph.take()
		if jobs == nil {
			break
		}
		class, lent := jobs[0].class(), s.lent
		t, ordered, err := s.graph.taskOf(jobs)
		if errors.Is(err, errStays) {
			s.graph.stay(jobs[0].part)
			s.graph.giveBack(jobs)
			continue
		}
		if err != nil {
			return err
		}
		s.away[jobs[0]] = class
		go func() {
			o := s.c.delegate(lent, t, ordered)
			o.task = jobs[0]
			s.results <- o
		}()
	}
	return nil
}

// limit is the age class before which this machine computes what others could:
// any, unless they are to do it all. Then what is older than all that they have
// or can get waits for itself, by ways that cross between parts of the graph, and
// goes on here.
func (s *scheduler) limit() uint64 {
	if !s.c.cfg.ClusterOnly {
		return anyClass
	}
	limit := s.graph.oldest()
	for _, class := range s.away {
		limit = min(limit, class)
	}
	return limit
}

// load reads wants into the graph, oldest first, and settles those that have
// their result already or cannot get one.
func (s *scheduler) load() error {
	for s.more && len(s.graph.jobs) < maxJobs {
		roots, err := s.c.store.Pending(s.next, loadStep)
		if err != nil {
			return err
		}
		s.more = len(roots) == loadStep
		var settled []store.Root
		for _, root := range roots {
			s.next = root.Position.Next()
			loaded, err := s.graph.load(root)
			if err != nil {
				return err
			}
			if !loaded {
				settled = append(settled, root)
			}
		}
		if err := s.settle(settled); err != nil {
			return err
		}
		if err := s.inherit(); err != nil {
			return err
		}
	}
	return nil
}

// sweep drops the bare ciphertexts of an earlier graph that this one does not
// use. Nothing runs yet that could make others.
func (s *scheduler) sweep() error {
	if s.swept {
		return nil
	}
	s.swept = true
	kept, err := s.c.store.AllBare()
	if err != nil {
		return err
	}
	s.graph.unused = append(s.graph.unused, kept...)
	return s.drop()
}

// drop forgets the bare ciphertexts that no job uses any more.
func (s *scheduler) drop() error {
	unused := slices.DeleteFunc(s.graph.unused, func(id store.ID) bool { return s.graph.bare[id] > 0 })
	s.graph.unused = nil
	if len(unused) == 0 {
		return nil
	}
	return s.c.store.DropBare(unused...)
}

// inherit fails the jobs whose operands had failed before they were loaded.
func (s *scheduler) inherit() error {
	doomed := s.graph.doomed
	s.graph.doomed = nil
	for _, j := range doomed {
		if err := s.fail(j, j.results); err != nil {
			return err
		}
	}
	return nil
}
