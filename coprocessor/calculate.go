package coprocessor

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/holiman/uint256"
	"golang.org/x/sync/errgroup"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// cacheShare is the part of the memory that is for unpacked values, half a
// megabyte for each of 64 bits: a transaction uses its balances and amounts in
// several operations, one shortly after the other.
const cacheShare = 8

// Calculator runs computations, the same way on the machine that follows the log
// and on those that help it. What it remembers only saves time. It is safe for
// concurrent use.
type Calculator struct {
	evaluator Evaluator
	slots     chan struct{} // holds one element per evaluation of a task in progress
	memory    budget
	unpacks   shared[*radix.Ciphertext]
	recent    *cache[*radix.Ciphertext] // unpacked not long ago
	closing   context.Context
}

// NewCalculator returns a Calculator that runs at most the given number of a
// task's evaluations at a time, DefaultWorkers if that is 0, as far as so many bytes
// are enough for them, DefaultMemory if that is 0, and keeps an eighth as much of
// values at hand, until closing ends.
func NewCalculator(closing context.Context, e Evaluator, workers int, memory int64) *Calculator {
	workers, memory = cmp.Or(workers, DefaultWorkers), cmp.Or(memory, DefaultMemory)
	return &Calculator{evaluator: e, slots: make(chan struct{}, workers), memory: budget{limit: memory, freed: func() {}}, recent: newCache(memory/cacheShare, sizeOf), closing: closing}
}

func sizeOf(ct *radix.Ciphertext) int64 { return blockSize * int64(len(ct.Blocks)) }

// shelf is where a computation finds what it takes.
type shelf interface {
	// made returns a result of an operation as that left it, nil for a value of an
	// input list, which has no such form.
	made(ctx context.Context, id store.ID) (*radix.Ciphertext, error)
	// packed returns what is kept of a content, and which of the values that are
	// packed there it is.
	packed(ctx context.Context, id store.ID) (*radix.Packed, int, error)
	// list returns the encoding of the input list with the value that n makes, or
	// the attestation of one that never came.
	list(ctx context.Context, n *store.Node) ([]byte, error)
	// name tells what packed returns from everything else that was ever packed.
	name(id store.ID) store.ID
}

// product is what a computation gives.
type product struct {
	contents []store.ID
	values   []*radix.Ciphertext
	packed   []byte // the values together
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

// run does the computation of n, which makes contents if it is an operation. An
// *evaluationError is the computation's own; any other is the machine's.
func (c *Calculator) run(ctx context.Context, n *store.Node, contents []store.ID, s shelf) (product, error) {
	switch n.Kind {
	case store.Operation:
		return c.operate(ctx, n, contents, s)
	case store.Input:
		return c.expand(ctx, n, s)
	}
	return product{contents: contents}, &evaluationError{errors.New("the log uses this handle as an operand but has not defined it")}
}

func (c *Calculator) operate(ctx context.Context, n *store.Node, contents []store.ID, s shelf) (p product, err error) {
	p.contents = contents
	row, err := n.Op.Operator()
	if err != nil {
		return p, err
	}
	operands, err := c.operands(ctx, n, s)
	if err != nil {
		return p, err
	}
	if p.values, err = c.evaluate(ctx, row, n, operands); err != nil {
		return p, evaluation(ctx, err)
	}
	p.packed, err = c.pack(ctx, p.values, row.Results(n.Type))
	return p, err
}

// expand makes all values of an input list.
func (c *Calculator) expand(ctx context.Context, n *store.Node, s shelf) (p product, err error) {
	enc, err := s.list(ctx, n)
	if err != nil {
		return p, err
	}
	if fhe.IsAttested(enc) {
		p.contents, err = absent(enc)
		return p, err
	}
	list, contents, err := parseList(n.List, enc)
	if err != nil {
		return p, err
	}
	p.contents = contents
	if p.values, err = c.evaluator.Expand(ctx, list); err != nil {
		return p, evaluation(ctx, err)
	}
	p.packed, err = c.pack(ctx, p.values, list.Types)
	return p, err
}

// parseList returns an input list and the contents of its values.
func parseList(digest fhe.Digest, enc []byte) (*fhe.InputList, []store.ID, error) {
	list := new(fhe.InputList)
	if err := list.UnmarshalBinary(enc); err != nil {
		return nil, nil, fmt.Errorf("input list %s: %w", digest, err)
	}
	return list, store.ListContents(list.Attest(enc)), nil
}

// absent is what becomes of the values of an attested list that is not here.
func absent(attestation []byte) ([]store.ID, error) {
	var a fhe.AttestedInput
	if err := a.UnmarshalBinary(attestation); err != nil {
		return nil, fmt.Errorf("attestation of an input list: %w", err)
	}
	return store.ListContents(&a), &evaluationError{fmt.Errorf(
		"the coprocessor does not have the encrypted input %s: it was posted elsewhere, or more than %v before its transaction: encrypt the values again",
		a.List, store.StagedFor)}
}

// evaluate computes an operation's results.
func (c *Calculator) evaluate(ctx context.Context, row fhe.Operator, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	switch row.Shape {
	case fhe.Draw:
		return c.draw(ctx, n, operands)
	case fhe.Table:
		return c.lookup(ctx, n, operands)
	}
	return c.evaluator.Eval(ctx, n.Op, n.Type, operands...)
}

// draw takes the seed and, if there is one, the bound.
func (c *Calculator) draw(ctx context.Context, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	var bound *uint256.Int
	if n.Op == fhe.RandBounded {
		bound = operands[1].Clear
	}
	ct, err := c.evaluator.Random(ctx, operands[0].Clear.Bytes32(), n.Type, bound)
	return []*radix.Ciphertext{ct}, err
}

func (c *Calculator) lookup(ctx context.Context, n *store.Node, operands []radix.Operand) ([]*radix.Ciphertext, error) {
	entries, err := fhe.TableEntries(n.Table, n.Type)
	if err != nil {
		return nil, err
	}
	indices := make([]*radix.Ciphertext, len(operands))
	for i, o := range operands {
		indices[i] = o.Encrypted
	}
	ct, err := c.evaluator.Lookup(ctx, entries, n.Type, indices...)
	return []*radix.Ciphertext{ct}, err
}

// operands returns what an operation computes on.
func (c *Calculator) operands(ctx context.Context, n *store.Node, s shelf) ([]radix.Operand, error) {
	out := make([]radix.Operand, len(n.Operands))
	var g errgroup.Group
	for i, o := range n.Operands {
		if o.Kind == fhe.Clear {
			out[i] = radix.Clear(o.Value())
			continue
		}
		g.Go(func() error {
			ct, err := c.operand(ctx, o, s)
			if err != nil {
				return fmt.Errorf("operand %d: %w", i, err)
			}
			out[i] = radix.Encrypted(ct)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// operand returns an encrypted operand as its kind says (SPEC 7.1): bare, as its
// own operation left it, or as storage gives it back. The value of an input list
// has only the latter form.
func (c *Calculator) operand(ctx context.Context, o fhe.Operand, s shelf) (*radix.Ciphertext, error) {
	id := store.ID(o.Word)
	if o.Kind == fhe.Made {
		ct, err := s.made(ctx, id)
		if ct != nil || err != nil {
			return ct, err
		}
	}
	return c.unpacked(ctx, id, s)
}

// unpacked returns a ready content as storage gives it back. Callers must not
// change it.
func (c *Calculator) unpacked(ctx context.Context, id store.ID, s shelf) (*radix.Ciphertext, error) {
	name := s.name(id)
	if ct, ok := c.recent.get(name); ok {
		return ct, nil
	}
	return c.unpacks.do(ctx, c.closing, name, func(ctx context.Context, name store.ID) (*radix.Ciphertext, error) {
		if ct, ok := c.recent.get(name); ok { // it came while this call joined
			return ct, nil
		}
		p, index, err := s.packed(ctx, id)
		if err != nil {
			return nil, err
		}
		ct, err := c.evaluator.Unpack(ctx, p, index, fhe.Digest(id))
		if err != nil {
			return nil, fmt.Errorf("unpack content %s: %w", id, err)
		}
		c.recent.add(name, ct)
		return ct, nil
	})
}

// forget drops what is remembered of contents.
func (c *Calculator) forget(contents []store.ID) {
	for _, id := range contents {
		c.recent.remove(id)
	}
}

// pack encodes results of the types that a computation must have, packed
// together.
func (c *Calculator) pack(ctx context.Context, values []*radix.Ciphertext, types []fhe.Type) ([]byte, error) {
	if len(values) != len(types) {
		return nil, &evaluationError{fmt.Errorf("the evaluator returned %d values, want %d", len(values), len(types))}
	}
	for i, ct := range values {
		if ct == nil || ct.Type != types[i] {
			return nil, &evaluationError{fmt.Errorf("the evaluator did not return a %s", types[i])}
		}
	}
	p, err := c.evaluator.Pack(values...)
	if err != nil {
		return nil, evaluation(ctx, err)
	}
	return p.MarshalBinary()
}
