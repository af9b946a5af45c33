package coprocessor

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// maxUnpacked is the number of unpacked values that are kept in memory, half a
// megabyte for each of 64 bits: a transaction uses its balances and amounts in
// several operations, one shortly after the other.
const maxUnpacked = 128

// operands returns what an operation computes on.
func (c *Coprocessor) operands(ctx context.Context, n *store.Node) ([]radix.Operand, error) {
	out := make([]radix.Operand, len(n.Operands))
	var g errgroup.Group
	for i, o := range n.Operands {
		if o.Kind == fhe.Clear {
			out[i] = radix.Clear(o.Value())
			continue
		}
		g.Go(func() error {
			ct, err := c.operand(ctx, o)
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
func (c *Coprocessor) operand(ctx context.Context, o fhe.Operand) (*radix.Ciphertext, error) {
	id := store.ID(o.Word)
	if o.Kind != fhe.Made {
		return c.unpacked(ctx, id)
	}
	made, err := c.store.Node(id)
	if err != nil {
		return nil, err
	}
	if made.Kind == store.Input {
		return c.unpacked(ctx, id)
	}
	return c.bare(id)
}

// unpacked returns a ready content as storage gives it back. Callers must not
// change it.
func (c *Coprocessor) unpacked(ctx context.Context, id store.ID) (*radix.Ciphertext, error) {
	if ct, ok := c.recent.Get(id); ok {
		return ct, nil
	}
	return c.unpacks.do(ctx, c.closing, id, c.unpack)
}

func (c *Coprocessor) unpack(ctx context.Context, id store.ID) (*radix.Ciphertext, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	if ct, ok := c.recent.Get(id); ok { // it came while this call joined
		return ct, nil
	}
	p, index, err := c.packed(id)
	if err != nil {
		return nil, err
	}
	ct, err := c.cfg.Evaluator.Unpack(ctx, p, index, fhe.Digest(id))
	if err != nil {
		return nil, fmt.Errorf("unpack content %s: %w", id, err)
	}
	c.recent.Add(id, ct)
	return ct, nil
}

// pack encodes results of the types that a computation must have, packed
// together.
func (c *Coprocessor) pack(ctx context.Context, values []*radix.Ciphertext, types []fhe.Type) ([]byte, error) {
	if len(values) != len(types) {
		return nil, &evaluationError{fmt.Errorf("the evaluator returned %d values, want %d", len(values), len(types))}
	}
	for i, ct := range values {
		if ct == nil || ct.Type != types[i] {
			return nil, &evaluationError{fmt.Errorf("the evaluator did not return a %s", types[i])}
		}
	}
	p, err := c.cfg.Evaluator.Pack(values...)
	if err != nil {
		return nil, evaluation(ctx, err)
	}
	return p.MarshalBinary()
}
