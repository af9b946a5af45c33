package radix

import (
	"context"
	"fmt"

	"fhevm/fhe/tfhe"
)

// program is a finished circuit.
type program struct {
	layers  [][]step // those of one layer do not depend on each other
	sources int
	outs    []wire
}

func (p *program) add(s step) {
	i := s.layer() - 1
	for len(p.layers) <= i {
		p.layers = append(p.layers, nil)
	}
	p.layers[i] = append(p.layers[i], s)
}

// run evaluates p on operand blocks and returns new blocks.
func (e *Evaluator) run(ctx context.Context, p *program, operands []tfhe.LWE) ([]tfhe.LWE, error) {
	values := make([]tfhe.LWE, p.sources)
	copy(values, operands)
	for i, layer := range p.layers {
		if err := e.runLayer(ctx, layer, values); err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(p.layers), err)
		}
	}
	outs := make([]tfhe.LWE, len(p.outs))
	for i, w := range p.outs {
		outs[i] = e.combine(w, values)
	}
	return outs, nil
}

// runLayer bootstraps the inputs of steps and enters the results among the
// values.
func (e *Evaluator) runLayer(ctx context.Context, steps []step, values []tfhe.LWE) error {
	jobs := make([]tfhe.Job, len(steps))
	for i, s := range steps {
		jobs[i] = e.job(s.table, e.combine(s.input, values))
	}
	if err := e.boot.Bootstrap(ctx, jobs); err != nil {
		return err
	}
	for i, s := range steps {
		for j, out := range s.outs {
			values[out.index] = s.table.settle(j, jobs[i].Dst[j])
		}
	}
	return nil
}

// job prepares a bootstrap of src by t.
func (e *Evaluator) job(t *table, src tfhe.LWE) tfhe.Job {
	j := tfhe.Job{Src: src, LUT: e.luts[t]}
	for range t.fs {
		j.Dst = append(j.Dst, e.params.NewLWE())
	}
	return j
}

// combine computes w.
func (e *Evaluator) combine(w wire, values []tfhe.LWE) tfhe.LWE {
	out := e.params.NewLWE()
	out.AddClear(tfhe.Delta * uint64(w.constant))
	for _, t := range w.terms {
		out.MulAddClear(values[t.index], int64(t.factor))
	}
	return out
}
