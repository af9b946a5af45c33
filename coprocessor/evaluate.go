package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
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
	o := outcome{job: j, contents: j.results}
	var err error
	switch j.node.Kind {
	case store.Operation:
		err = c.operate(ctx, j)
	case store.Input:
		o.contents, err = c.expand(ctx, j)
	default:
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
	row, err := j.node.Op.Operator()
	if err != nil {
		return err
	}
	operands, err := c.operands(ctx, j.node)
	if err != nil {
		return err
	}
	values, err := c.evaluate(ctx, row, j.node, operands)
	if err != nil {
		return evaluation(ctx, err)
	}
	packed, err := c.pack(ctx, values, row.Results(j.node.Type))
	if err != nil {
		return err
	}
	var bare [][]byte
	if j.keep {
		if bare, err = encodings(values); err != nil {
			return &evaluationError{err}
		}
	}
	return c.store.Put(j.results, packed, bare)
}

// evaluate computes an operation's results.
func (c *Coprocessor) evaluate(ctx context.Context, row fhe.Operator, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	switch row.Shape {
	case fhe.Draw:
		return c.draw(ctx, n, operands)
	case fhe.Table:
		return c.lookup(ctx, n, operands)
	}
	return c.cfg.Evaluator.Eval(ctx, n.Op, n.Type, operands...)
}

// draw takes the seed and, if there is one, the bound.
func (c *Coprocessor) draw(ctx context.Context, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	var bound *uint256.Int
	if n.Op == fhe.RandBounded {
		bound = operands[1].Clear
	}
	ct, err := c.cfg.Evaluator.Random(ctx, operands[0].Clear.Bytes32(), n.Type, bound)
	return []*radix.Ciphertext{ct}, err
}

func (c *Coprocessor) lookup(ctx context.Context, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	entries, err := fhe.TableEntries(n.Table, n.Type)
	if err != nil {
		return nil, err
	}
	indices := make([]*radix.Ciphertext, len(operands))
	for i, o := range operands {
		indices[i] = o.Encrypted
	}
	ct, err := c.cfg.Evaluator.Lookup(ctx, entries, n.Type, indices...)
	return []*radix.Ciphertext{ct}, err
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

// expand makes all values of an input list and returns their contents.
func (c *Coprocessor) expand(ctx context.Context, j *job) ([]store.ID, error) {
	enc, err := c.list(ctx, j.node)
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
