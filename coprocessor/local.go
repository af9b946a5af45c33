package coprocessor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"fhevm/coprocessor/store"
	"fhevm/fhe/radix"
)

// outcome is what became of jobs that one executor had.
type outcome struct {
	jobs []finished // each behind those that it took bare
	task *job       // by which the scheduler knows a task of another machine
	away []*job     // all that another machine had; those that are not in jobs come back
	stay bool       // they are to be done here then
	err  error      // the machine and not a computation is at fault
}

// finished is a job that is done, or failed if its failure is set.
type finished struct {
	*job
	contents []store.ID // that it makes
	failure  *store.Failure
	condemns bool // what was stored for contents is not to be believed either
}

// perform runs one job here and stores its results.
func (c *Coprocessor) perform(ctx context.Context, j *job) outcome {
	ctx = metered(ctx, j.progress.add)
	began := time.Now()
	p, err := c.calculator.run(ctx, j.node, j.results, storeShelf{c})
	if err == nil {
		err = c.keep(j, p)
	}
	done := finished{job: j, contents: p.contents}
	var fault *evaluationError
	switch {
	case errors.As(err, &fault) && j.again:
		return outcome{err: fmt.Errorf("compute %s again, which succeeded before: %w", j.node.Handle, err)}
	case errors.As(err, &fault):
		done.failure = &store.Failure{Handle: j.node.Handle, Reason: fault.Error()}
	case err != nil:
		return outcome{err: fmt.Errorf("compute %s: %w", j.node.Handle, err)}
	}
	c.tell(done, TaskResult{Bootstraps: j.progress.bootstraps.Swap(0), Duration: time.Since(began)}, "")
	return outcome{jobs: []finished{done}}
}

// tell counts and reports a finished job.
func (c *Coprocessor) tell(f finished, r TaskResult, worker string) {
	if f.failure != nil {
		c.verdicts.add(f, cmp.Or(worker, thisNode))
		c.cfg.Logger.Error("computation failed", "handle", f.node.Handle, "kind", f.kind(), "error", f.failure.Reason)
	}
	c.totals.bootstraps.Add(r.Bootstraps)
	c.cfg.Trace(Trace{Handle: f.node.Handle, Kind: f.kind(), Duration: r.Duration, Bootstraps: r.Bootstraps, Failure: f.failure, Worker: worker})
}

// kind names the job for people.
func (j *job) kind() string {
	switch j.node.Kind {
	case store.Operation:
		return j.node.Op.String()
	case store.Input:
		return "input"
	}
	return "undefined"
}

// keep stores what a job gave.
func (c *Coprocessor) keep(j *job, p product) error {
	if j.node.Kind == store.Input {
		return c.store.PutList(j.node.List, p.packed, p.contents)
	}
	var bare [][]byte
	if j.keep {
		var err error
		if bare, err = encodings(p.values); err != nil {
			return &evaluationError{err}
		}
	}
	return c.store.Put(j.results, p.packed, bare)
}

func encodings(values []*radix.Ciphertext) ([][]byte, error) {
	out := make([][]byte, len(values))
	for i, ct := range values {
		var err error
		if out[i], err = ct.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unpacked returns a ready content as storage gives it back. Callers must not
// change it.
func (c *Coprocessor) unpacked(ctx context.Context, id store.ID) (*radix.Ciphertext, error) {
	return c.calculator.unpacked(ctx, id, storeShelf{c})
}

// storeShelf is what the store holds.
type storeShelf struct{ *Coprocessor }

func (s storeShelf) name(id store.ID) store.ID { return id }

func (s storeShelf) made(_ context.Context, id store.ID) (*radix.Ciphertext, error) {
	n, err := s.store.Node(id)
	if err != nil || n.Kind == store.Input {
		return nil, err
	}
	return s.bare(id)
}

// packed outlives the calls that wait for it.
func (s storeShelf) packed(_ context.Context, id store.ID) (*radix.Packed, int, error) {
	if err := s.enter(); err != nil {
		return nil, 0, err
	}
	defer s.exit()
	return s.Coprocessor.packed(id)
}

func (s storeShelf) list(ctx context.Context, n *store.Node) ([]byte, error) {
	return s.Coprocessor.list(ctx, n)
}
