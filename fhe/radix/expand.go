package radix

import (
	"context"
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Expand makes clean ciphertexts of the values of an input list, in one layer
// of one bootstrap per block. Slots may hold anything: a block comes out in
// [0, 3] and a bool in [0, 1] even from a slot whose padding bit is set.
func (e *Evaluator) Expand(ctx context.Context, list *fhe.InputList) ([]*Ciphertext, error) {
	x := expansion{Evaluator: e, list: list}
	out := make([]*Ciphertext, len(list.Types))
	for i, t := range list.Types {
		if !t.Valid() {
			return nil, fmt.Errorf("expand value %d: unknown %s", i, t)
		}
		out[i] = &Ciphertext{Type: t}
		if err := x.expand(out[i]); err != nil {
			return nil, fmt.Errorf("expand value %d: %w", i, err)
		}
	}
	if err := e.boot.Bootstrap(ctx, x.jobs); err != nil {
		return nil, fmt.Errorf("expand %d values: %w", len(out), err)
	}
	for i, j := range x.jobs {
		x.tables[i].settle(0, j.Dst[0])
	}
	return out, nil
}

// expansion collects the bootstraps of a list, slot by slot.
type expansion struct {
	*Evaluator
	list *fhe.InputList
	slot int

	tables []*table
	jobs   []tfhe.Job // one for each of tables
}

// expand enters the bootstraps that make c's blocks.
func (x *expansion) expand(c *Ciphertext) error {
	functions := []*table{slotLow, slotHigh}
	if c.Type == fhe.Bool {
		functions = []*table{slotBool}
	}
	for len(c.Blocks) < c.Type.Blocks() {
		src := x.params.NewLWE()
		if err := x.params.ExtractSlot(src, x.list.Mask, x.list.Bodies, x.slot); err != nil {
			return err
		}
		x.slot++
		for _, t := range functions {
			j := x.job(t, src)
			c.Blocks = append(c.Blocks, j.Dst[0])
			x.tables, x.jobs = append(x.tables, t), append(x.jobs, j)
		}
	}
	return nil
}
