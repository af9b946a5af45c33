package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// Cluster has tasks computed on other machines. It is used concurrently.
type Cluster interface {
	// Room is the number of tasks that the workers have time for.
	Room() int
	// Workers is the number of workers that are there.
	Workers() int
	// Changed is sent to, or closed, when Room may have grown.
	Changed() <-chan struct{}
	// Compute has a task computed by a worker that is not the one with the given
	// name. fetch gives what the task takes. What the report holds has the digests
	// that it states. Errors: ErrNoWorker, a *PoisonError, or the machine's.
	Compute(ctx context.Context, t *Task, fetch Fetch, not string) (*Report, error)
	// Late gives reports of tasks that another report has finished, without their
	// packed results.
	Late() <-chan LateReport
}

// ErrNoWorker gives a task back: there is no worker any more.
var ErrNoWorker = errors.New("no worker of the cluster is there to compute the task")

// PoisonError gives a task up: workers took it and did not live to report.
type PoisonError struct{ Deliveries int }

// Error says what an operator can do.
func (e *PoisonError) Error() string {
	return fmt.Sprintf("given up after %d deliveries: no worker that took the task reported on it; see the workers' logs, then stop the node and run \"fhevm-node store retry\"", e.Deliveries)
}

// LateReport is a second report of a task.
type LateReport struct {
	Task   *Task
	First  *Report // that was taken, if there was one
	Report *Report
}

// thisNode stands for this machine among workers.
const thisNode = "this node"

// delegate has a task computed elsewhere and stores its results.
func (c *Coprocessor) delegate(ctx context.Context, t *Task, jobs []*job) outcome {
	o := outcome{away: jobs}
	r, err := c.cfg.Cluster.Compute(ctx, t, c.source(t), "")
	if err == nil && rand.Float64() < c.cfg.CrossCheck {
		if err = c.crossCheck(ctx, t, r); errors.Is(err, ErrNoWorker) {
			c.cfg.Logger.Warn("a task is not cross-checked: there is one worker only", "worker", r.Worker)
			err = nil
		}
	}
	var poison *PoisonError
	var lie *disagreement
	switch {
	case errors.Is(err, ErrNoWorker), err != nil && ctx.Err() != nil:
	case errors.As(err, &poison):
		o.jobs, o.stay = poisoned(t, jobs, poison), true
	case errors.As(err, &lie):
		o.jobs = []finished{c.alarm(lie, jobs[lie.job], t.contents[lie.job])}
	case err != nil:
		o.err = fmt.Errorf("have a task computed: %w", err)
	default:
		o.err = c.accept(&o, t, r)
	}
	return o
}

// poisoned gives up all jobs of a task that have no result.
func poisoned(t *Task, jobs []*job, err *PoisonError) (all []finished) {
	for i, j := range jobs {
		if j != nil && !j.again {
			all = append(all, finished{job: j, contents: t.contents[i], failure: &store.Failure{Handle: j.node.Handle, Reason: err.Error()}})
		}
	}
	return all
}

// accept stores what a worker reports. What makes no sense is computed here.
func (c *Coprocessor) accept(o *outcome, t *Task, r *Report) error {
	for i, j := range o.away {
		if j == nil || said(&r.Results[i]) == nothing {
			continue // an operand failed, and takes the job along
		}
		f, err := c.acceptJob(j, t.contents[i], &r.Results[i], r.Worker)
		if errors.Is(err, errStays) {
			o.stay = true
			c.cfg.Logger.Error("a worker's result is refused", "worker", r.Worker, "handle", j.node.Handle, "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("take the result of %s: %w", j.node.Handle, err)
		}
		o.jobs = append(o.jobs, f)
	}
	return nil
}

func (c *Coprocessor) acceptJob(j *job, contents []store.ID, r *TaskResult, worker string) (finished, error) {
	f := finished{job: j, contents: contents}
	known, err := c.store.Result(contents[0])
	switch {
	case err != nil:
		return f, err
	case known.Ready && (r.Failure != "" || r.Digest != known.Digest):
		have := TaskResult{Digest: known.Digest}
		return c.alarm(&disagreement{first: thisNode, second: worker, have: said(&have), got: said(r)}, j, contents), nil
	case r.Failure != "":
		f.failure = &store.Failure{Handle: j.node.Handle, Reason: r.Failure}
	default:
		if err := checkPacked(j.node, contents, r.Packed); err != nil {
			return f, err
		}
		if err := c.keep(j, product{contents: contents, packed: r.Packed}); err != nil {
			return f, err
		}
	}
	c.tell(f, *r, worker)
	return f, nil
}

// checkPacked refuses what cannot be the result of a computation.
func checkPacked(n *store.Node, contents []store.ID, b []byte) error {
	p, _, err := parsePacked(contents[0], b, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", errStays, err)
	}
	types := p.Types()
	if n.Kind == store.Operation {
		if row, err := n.Op.Operator(); err != nil || !slices.Equal(types, row.Results(n.Type)) {
			return fmt.Errorf("%w: the result has types %v", errStays, types)
		}
	}
	if len(types) != len(contents) {
		return fmt.Errorf("%w: %d values, want %d", errStays, len(types), len(contents))
	}
	return nil
}

// crossCheck has a task computed once more, here if this machine computes, and
// compares.
func (c *Coprocessor) crossCheck(ctx context.Context, t *Task, first *Report) error {
	var second *Report
	var err error
	if c.cfg.ClusterOnly {
		second, err = c.cfg.Cluster.Compute(ctx, t, c.source(t), first.Worker)
	} else if second, err = c.calculator.Compute(ctx, t, c.source(t)); err == nil {
		second.Worker = thisNode
	}
	if err != nil {
		return err
	}
	c.totals.checked.Add(1)
	return compare(t, first, second)
}

// compare returns the first *disagreement of two reports on a task.
func compare(t *Task, first, second *Report) error {
	for i, n := range t.Jobs {
		a, b := said(&first.Results[i]), said(&second.Results[i])
		if a != b && !constant(n) {
			return &disagreement{job: i, first: first.Worker, second: second.Worker, have: a, got: b}
		}
	}
	return nil
}

const nothing = "nothing"

// said is what a result claims, for people and to compare.
func said(r *TaskResult) string {
	switch {
	case r.Failure != "":
		return "failure: " + r.Failure
	case r.Digest == fhe.Digest{}:
		return nothing
	}
	return "digest " + r.Digest.String()
}

// disagreement says that two machines computed different results.
type disagreement struct {
	job           int // in the task
	first, second string
	have, got     string
}

// Error names both machines and both results.
func (d *disagreement) Error() string {
	return fmt.Sprintf("machines disagree on this computation: %s says %s, %s says %s", d.first, d.have, d.second, d.got)
}

// alarm stops a job that machines disagree on.
func (c *Coprocessor) alarm(d *disagreement, j *job, contents []store.ID) finished {
	c.totals.disagreements.Add(1)
	c.cfg.Logger.Error("MACHINES DISAGREE on a ciphertext: one of them errs or lies", "handle", j.node.Handle,
		"first", d.first, "result", d.have, "second", d.second, "otherResult", d.got)
	return finished{job: j, contents: contents, failure: &store.Failure{Handle: j.node.Handle, Reason: d.Error()}, condemns: true}
}

// source gives what a task takes.
func (c *Coprocessor) source(t *Task) Fetch {
	inputs, lists := make(map[fhe.Digest]TaskInput), make(map[fhe.Digest]*store.Node)
	for _, in := range t.Inputs {
		inputs[in.Digest] = in
	}
	for _, n := range t.Jobs {
		if n.Kind == store.Input {
			lists[n.List] = n
		}
	}
	return func(ctx context.Context, digest fhe.Digest) ([]byte, error) {
		if n := lists[digest]; n != nil {
			return c.list(ctx, n)
		}
		in, ok := inputs[digest]
		if !ok {
			return nil, fmt.Errorf("the task takes nothing with digest %s", digest)
		}
		n, err := c.store.Node(in.Content)
		if err != nil {
			return nil, err
		}
		return c.packedBytes(in.Content, n)
	}
}
