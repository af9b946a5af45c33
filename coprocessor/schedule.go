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
	next    store.Position // of the first want that is not loaded yet
	more    bool           // there may be wants to load
	swept   bool           // no earlier graph's bare ciphertexts are left
	running int
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
	s := &scheduler{c: c, graph: newGraph(c.store), more: true, results: make(chan outcome, c.cfg.Workers)}
	err := s.loop(ctx)
	stopped := ctx.Err() != nil
	cancel()
	for ; s.running > 0; s.running-- {
		<-s.results
	}
	c.totals.set(0, 0)
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
	for {
		if err := s.c.lost(s.advance(ctx)); err != nil && !errors.Is(err, ErrPending) {
			return fmt.Errorf("schedule computations: %w", err)
		}
		s.c.totals.set(len(s.graph.jobs), s.running)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.c.wake:
			s.more = true
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
		if s.running > 0 {
			return nil // let them finish: the new graph may need the same jobs
		}
		s.c.reload.Store(false)
		s.graph, s.next, s.more, s.swept = newGraph(s.c.store), store.Position{}, true, false
	}
	if err := s.load(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	for s.running < s.c.cfg.Workers {
		j := s.graph.next()
		if j == nil {
			break
		}
		s.running++
		go func() { s.results <- s.c.perform(ctx, j) }()
	}
	return nil
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

// collect takes o and the outcomes that wait behind it, so that they share one
// synced write.
func (s *scheduler) collect(o outcome) []outcome {
	all := []outcome{o}
	for {
		select {
		case o := <-s.results:
			all = append(all, o)
		default:
			s.running -= len(all)
			return all
		}
	}
}

func (s *scheduler) finish(all []outcome) error {
	var settled []store.Root
	for _, o := range all {
		err := s.c.lost(o.err)
		switch {
		case errors.Is(err, ErrPending): // an operand was lost: the graph is loaded anew
		case err != nil:
			return err
		case o.job.failure != nil:
			if err := s.fail(o.job, o.contents); err != nil {
				return err
			}
		default:
			settled = append(settled, o.job.wants...)
			s.graph.succeed(o.job)
			s.c.totals.done.Add(1)
		}
	}
	if err := errors.Join(s.drop(), s.settle(settled)); err != nil {
		return err
	}
	for _, o := range all {
		s.c.waiters.notify(o.contents)
	}
	return nil
}

// fail records the failure of j, whose results would have been contents, and
// of everything in the graph that needs it.
func (s *scheduler) fail(j *job, contents []store.ID) error {
	failed := s.graph.fail(j)
	settled := j.wants
	for _, consumer := range failed[1:] {
		contents = append(contents, consumer.results...)
		settled = append(settled, consumer.wants...)
	}
	if err := s.c.store.Fail(j.failure, contents); err != nil {
		return err
	}
	s.c.totals.failed.Add(uint64(len(failed)))
	if err := errors.Join(s.drop(), s.settle(settled)); err != nil {
		return err
	}
	s.c.waiters.notify(contents)
	return nil
}

func (s *scheduler) settle(roots []store.Root) error {
	if len(roots) == 0 {
		return nil
	}
	if err := s.c.store.Settle(roots); err != nil {
		return err
	}
	s.c.fewer.notify()
	return nil
}
