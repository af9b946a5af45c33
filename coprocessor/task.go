package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// Task is what one machine computes in one go: jobs that take results of each
// other bare, and where to find what else they take.
type Task struct {
	Domain fhe.Domain
	// Jobs are operations and input lists to expand, each behind those that it takes
	// results of. An operation stands for all its results. The constants that they
	// use are among them.
	Jobs   []*store.Node
	Inputs []TaskInput

	contents [][]store.ID // that the jobs make, where the task was made
}

// TaskInput is an operand that no job of the task makes.
type TaskInput struct {
	Content store.ID
	Index   uint8      // of the value among those that are packed together
	Digest  fhe.Digest // of the packed form
}

// Bounds of a task, which every one that a coprocessor makes keeps.
const (
	MaxTaskJobs   = 2 * maxWeight
	MaxTaskInputs = maxWeight
)

// Report is what became of a task.
type Report struct {
	Worker  string // who computed it
	Results []TaskResult
}

// TaskResult is what became of a job: Packed or Failure is set, or neither if one
// of its operands failed.
type TaskResult struct {
	Packed     []byte // what its results have together
	Digest     fhe.Digest
	Failure    string // why the computation fails, on every machine
	Bootstraps uint64
	Duration   time.Duration
}

// Fetch returns the bytes with the given Keccak-256: a packed ciphertext, or the
// encoding of an input list.
type Fetch func(ctx context.Context, digest fhe.Digest) ([]byte, error)

// Compute does all jobs of a task. Its error is the machine's: it says nothing
// about the task.
func (c *Calculator) Compute(ctx context.Context, t *Task, fetch Fetch) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &taskRun{task: t, fetch: fetch, inputs: make(map[store.ID]TaskInput), makes: make(map[store.ID]place), jobs: make([]taskJob, len(t.Jobs))}
	if err := r.plan(); err != nil {
		return nil, err
	}
	finished := make(chan error, len(t.Jobs))
	for i := range t.Jobs {
		go func() { finished <- r.run(ctx, c, i) }()
	}
	var errs []error
	for range t.Jobs {
		if err := <-finished; err != nil {
			errs = append(errs, err)
			cancel()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errs[0]
	}
	report := &Report{Results: make([]TaskResult, len(t.Jobs))}
	for i := range r.jobs {
		report.Results[i] = r.jobs[i].result
	}
	return report, nil
}

// taskRun is a task in progress, and the shelf of its jobs.
type taskRun struct {
	task   *Task
	fetch  Fetch
	inputs map[store.ID]TaskInput
	makes  map[store.ID]place
	jobs   []taskJob
}

// place is where a content is made.
type place struct{ job, value int }

type taskJob struct {
	contents []store.ID
	needs    []int         // jobs whose results it takes, each as often as it does
	uses     atomic.Int32  // by jobs that have not finished
	done     chan struct{} // closed when result and values are set
	result   TaskResult
	values   []*radix.Ciphertext // while there are uses
	held     int64               // by the values, in bytes
}

// plan finds out which jobs need which.
func (r *taskRun) plan() error {
	for _, in := range r.task.Inputs {
		r.inputs[in.Content] = in
	}
	for i, n := range r.task.Jobs {
		j := &r.jobs[i]
		j.done = make(chan struct{})
		j.contents = n.Results(r.task.Domain)
		for _, o := range n.Operands {
			if o.Kind == fhe.Clear {
				continue
			}
			at, inside := r.makes[store.ID(o.Word)]
			_, given := r.inputs[store.ID(o.Word)]
			switch {
			case inside && o.Kind == fhe.Made:
				j.needs = append(j.needs, at.job)
				r.jobs[at.job].uses.Add(1)
			case !given:
				return fmt.Errorf("the task has no operand %x for job %d", o.Word, i)
			}
		}
		for k, id := range j.contents {
			r.makes[id] = place{i, k}
		}
	}
	return nil
}

// run does job i when those that it needs are done.
func (r *taskRun) run(ctx context.Context, c *Calculator, i int) error {
	j := &r.jobs[i]
	defer close(j.done)
	defer r.release(c, j)
	for _, k := range j.needs {
		select {
		case <-r.jobs[k].done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.jobs[k].result.Packed == nil {
			return nil
		}
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	memory, err := r.memory(ctx, r.task.Jobs[i])
	if err != nil {
		return err
	}
	if err := c.memory.begin(ctx, memory); err != nil {
		return err
	}
	defer func() {
		c.memory.end(memory, j.held)
		c.memory.freed()
	}()
	return r.compute(ctx, c, i)
}

// memory estimates what the computation of n holds, in bytes.
func (r *taskRun) memory(ctx context.Context, n *store.Node) (int64, error) {
	switch n.Kind {
	case store.Operation:
		d, err := typed(n, r.typeOf)
		if err != nil {
			return 0, err
		}
		return blockSize * heldBlocks(d), nil
	case store.Input:
		enc, err := r.list(ctx, n)
		if err != nil {
			return 0, err
		}
		e, err := estimateList(n.List, enc)
		return e.memory, err
	}
	return 0, nil
}

// typeOf is the type of an operand, or the widest where the task does not say it.
func (r *taskRun) typeOf(id store.ID) (fhe.Type, error) {
	at, inside := r.makes[id]
	if !inside || r.task.Jobs[at.job].Kind != store.Operation {
		return fhe.Uint256, nil
	}
	n := r.task.Jobs[at.job]
	row, err := n.Op.Operator()
	if err != nil {
		return 0, err
	}
	return row.Results(n.Type)[at.value], nil
}

// compute does job i, which may begin.
func (r *taskRun) compute(ctx context.Context, c *Calculator, i int) error {
	j := &r.jobs[i]
	var bootstraps atomic.Uint64
	ctx = metered(ctx, func(n int) { bootstraps.Add(uint64(n)) })
	began := time.Now()
	p, err := c.run(ctx, r.task.Jobs[i], j.contents, r)
	var fault *evaluationError
	switch {
	case errors.As(err, &fault):
		j.result.Failure = fault.Error()
	case err != nil:
		return err
	default:
		j.result.Packed, j.result.Digest = p.packed, fhe.Keccak(p.packed)
		if j.uses.Load() > 0 {
			j.values = p.values
			for _, ct := range p.values {
				j.held += sizeOf(ct)
			}
		}
	}
	j.result.Bootstraps, j.result.Duration = bootstraps.Load(), time.Since(began)
	return nil
}

// release forgets the bare ciphertexts that j was the last to use.
func (r *taskRun) release(c *Calculator, j *taskJob) {
	for _, k := range j.needs {
		if o := &r.jobs[k]; o.uses.Add(-1) == 0 {
			<-o.done
			o.values = nil
			c.memory.drop(o.held)
		}
	}
}

func (r *taskRun) made(_ context.Context, id store.ID) (*radix.Ciphertext, error) {
	at, inside := r.makes[id]
	if !inside {
		return nil, nil
	}
	return r.jobs[at.job].values[at.value], nil
}

func (r *taskRun) packed(ctx context.Context, id store.ID) (*radix.Packed, int, error) {
	in := r.inputs[id]
	b, err := r.fetch(ctx, in.Digest)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch content %s: %w", id, err)
	}
	return parsePacked(id, b, in.Index)
}

func (r *taskRun) list(ctx context.Context, n *store.Node) ([]byte, error) {
	b, err := r.fetch(ctx, n.List)
	if err != nil {
		return nil, fmt.Errorf("fetch input list %s: %w", n.List, err)
	}
	return b, nil
}

// name depends on the digest: what a machine that errs had made is not taken for
// what another makes.
func (r *taskRun) name(id store.ID) store.ID {
	in := r.inputs[id]
	return store.ID(fhe.Keccak(id[:], in.Digest[:], []byte{in.Index}))
}

// parsePacked decodes what is kept of a content.
func parsePacked(id store.ID, b []byte, index uint8) (*radix.Packed, int, error) {
	p := new(radix.Packed)
	if err := p.UnmarshalBinary(b); err != nil {
		return nil, 0, fmt.Errorf("read packed ciphertext of content %s: %w", id, err)
	}
	return p, int(index), nil
}
