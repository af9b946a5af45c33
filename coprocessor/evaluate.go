package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// outcome is what became of a job: its failure is in the job, err is set if
// the machine and not the computation is at fault.
type outcome struct {
	job      *job
	contents []store.ID // that the job makes
	err      error
}

// perform runs one job and stores its results.
func (c *Coprocessor) perform(ctx context.Context, j *job) outcome {
	ctx, bootstraps := metered(ctx)
	began := time.Now()
	o := outcome{job: j}
	var err error
	switch j.node.Kind {
	case store.Operation:
		o.contents = []store.ID{j.id}
		err = c.operate(ctx, j)
	case store.Input:
		o.contents, err = c.expand(ctx, j)
	default:
		o.contents = []store.ID{j.id}
		err = &evaluationError{errors.New("the log uses this handle as an operand but has not defined it")}
	}
	var fault *evaluationError
	switch {
	case errors.As(err, &fault) && j.again:
		o.err = fmt.Errorf("compute %s again, which succeeded before: %w", j.node.Handle, err)
		return o
	case errors.As(err, &fault):
		j.failure = &store.Failure{Handle: j.node.Handle, Reason: fault.Error()}
		c.cfg.Logger.Error("computation failed", "handle", j.node.Handle, "kind", j.kind(), "error", fault)
	case err != nil:
		o.err = fmt.Errorf("compute %s: %w", j.node.Handle, err)
		return o
	}
	n := bootstraps.Load()
	c.totals.bootstraps.Add(n)
	c.cfg.Trace(Trace{Handle: j.node.Handle, Kind: j.kind(), Duration: time.Since(began), Bootstraps: n, Failure: j.failure})
	return o
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

// evaluationError marks errors that belong to the computation: it would fail
// on this machine again.
type evaluationError struct{ error }

func (e *evaluationError) Unwrap() error { return e.error }

// evaluation sorts the error of an evaluator. One that was told to stop, whose
// engine is closed or lacks a key, has said nothing about the computation.
func evaluation(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, tfhe.ErrClosed), errors.Is(err, tfhe.ErrKey):
		return err
	}
	return &evaluationError{err}
}

func (c *Coprocessor) operate(ctx context.Context, j *job) error {
	n := j.node
	row, err := n.Op.Operator()
	if err != nil {
		return err
	}
	operands, err := c.operands(ctx, n)
	if err != nil {
		return err
	}
	results, err := c.cfg.Evaluator.Eval(ctx, n.Op, n.Type, operands...)
	if err != nil {
		return evaluation(ctx, err)
	}
	results = results[:min(1, len(results))] // what else it returns has no handle
	packed, err := c.pack(ctx, results, []fhe.Type{row.Result(n.Type)})
	if err != nil {
		return err
	}
	var bare []byte
	if j.keep {
		if bare, err = results[0].MarshalBinary(); err != nil {
			return &evaluationError{err}
		}
	}
	return c.store.Put(j.id, packed, bare)
}

// expand makes all values of an input list and returns their contents.
func (c *Coprocessor) expand(ctx context.Context, j *job) ([]store.ID, error) {
	enc, err := c.store.List(j.node.List)
	if err != nil {
		return nil, err
	}
	var list fhe.InputList
	if err := list.UnmarshalBinary(enc); err != nil {
		return nil, fmt.Errorf("staged input list %s: %w", j.node.List, err)
	}
	contents := make([]store.ID, len(list.Types))
	for i, t := range list.Types {
		_, digest := fhe.InputHandle(list.Binding, j.node.List, uint8(i), t)
		contents[i] = store.ID(digest)
	}
	values, err := c.cfg.Evaluator.Expand(ctx, &list)
	if err != nil {
		return contents, evaluation(ctx, err)
	}
	packed, err := c.pack(ctx, values, list.Types)
	if err != nil {
		return contents, err
	}
	return contents, c.store.PutList(j.node.List, packed, contents)
}
