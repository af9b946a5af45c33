package coprocessor

import (
	"errors"
	"slices"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// collect takes o and the outcomes that wait behind it, so that they share one
// synced write.
func (s *scheduler) collect(o outcome) []outcome {
	all := []outcome{o}
	for len(s.results) > 0 {
		all = append(all, <-s.results)
	}
	for _, o := range all {
		if o.task != nil {
			delete(s.away, o.task)
		} else {
			s.running--
		}
	}
	return all
}

func (s *scheduler) finish(all []outcome) error {
	var settled []store.Root
	for _, o := range all {
		roots, err := s.end(o)
		if err != nil {
			return err
		}
		settled = append(settled, roots...)
	}
	s.c.settled(settled)
	if err := errors.Join(s.drop(), s.settle(settled)); err != nil {
		return err
	}
	for _, o := range all {
		for _, f := range o.jobs {
			s.c.waiters.notify(f.contents)
		}
	}
	return nil
}

// end brings the graph to where an outcome leaves it, and returns the wants that
// are met. Of the jobs of a task those that take others' results end first, since
// nobody else may need these bare.
func (s *scheduler) end(o outcome) (met []store.Root, err error) {
	switch err := s.c.lost(o.err); {
	case errors.Is(err, ErrPending): // an operand was lost: the graph is loaded anew
		return nil, nil
	case err != nil:
		return nil, err
	}
	for _, f := range o.jobs {
		if f.failure == nil {
			continue
		}
		if err := s.fault(f); err != nil {
			return nil, err
		}
	}
	for _, f := range slices.Backward(o.jobs) {
		switch {
		case f.failure != nil:
		case s.graph.jobs[f.id] != f.job: // it was stopped meanwhile
			if err := s.condemn(f.job.failure, f.contents); err != nil {
				return nil, err
			}
		default:
			met = append(met, f.wants...)
			s.graph.succeed(f.job)
			s.c.totals.done.Add(1)
		}
	}
	s.comeBack(o)
	lies, err := s.c.awaited(o.jobs)
	return met, errors.Join(err, s.refute(lies))
}

// comeBack makes those jobs of a task ready again that were not done.
func (s *scheduler) comeBack(o outcome) {
	var back []*job
	for _, j := range o.away {
		if j != nil && s.graph.jobs[j.id] == j && j.begun {
			back = append(back, j)
		}
	}
	if len(back) > 0 && o.stay {
		s.graph.stay(back[0].part)
	}
	s.graph.giveBack(back)
}

// fault ends a job with its failure.
func (s *scheduler) fault(f finished) error {
	if f.condemns {
		if err := s.condemn(f.failure, f.contents); err != nil {
			return err
		}
	}
	if s.graph.jobs[f.id] != f.job {
		return nil
	}
	f.job.failure = f.failure
	return s.fail(f.job, f.contents)
}

// compare stops what a late report disagrees with.
func (s *scheduler) compare(l LateReport) error {
	s.c.totals.late.Add(1)
	lies, err := s.c.late(l)
	return errors.Join(err, s.refute(lies))
}

// refute stops what machines disagree on though it was done.
func (s *scheduler) refute(lies []finished) error {
	for _, f := range lies {
		if err := s.condemn(f.failure, f.contents); err != nil {
			return err
		}
		s.c.waiters.notify(f.contents)
	}
	return nil
}

// condemn replaces results by a failure, and fails the jobs that need them. Those
// that an executor has meanwhile end as failed, whatever it finds.
func (s *scheduler) condemn(failure *store.Failure, contents []store.ID) error {
	if err := s.c.store.Condemn(failure, contents); err != nil {
		return err
	}
	s.c.calculator.forget(contents)
	for _, j := range s.graph.jobs {
		needs := slices.ContainsFunc(j.node.Operands, func(o fhe.Operand) bool {
			return o.Kind != fhe.Clear && slices.Contains(contents, store.ID(o.Word))
		})
		if needs && j.failure == nil {
			j.failure = failure
			if err := s.fail(j, slices.Clone(j.results)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fail records the failure of j, whose results would have been contents, and
// of everything in the graph that needs it.
func (s *scheduler) fail(j *job, contents []store.ID) error {
	failed := s.graph.fail(j)
	settled := j.wants
	if len(contents) == 0 { // of a list that cannot be read
		for _, want := range j.wants {
			contents = append(contents, want.Content)
		}
	}
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
	s.c.moved.notify()
	return nil
}
