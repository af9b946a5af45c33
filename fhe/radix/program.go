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
	for len(p.layers) < s.layer {
		p.layers = append(p.layers, nil)
	}
	p.layers[s.layer-1] = append(p.layers[s.layer-1], s)
}

// run evaluates p on operand blocks and returns new blocks.
func (e *Evaluator) run(ctx context.Context, p *program, operands []tfhe.LWE) ([]tfhe.LWE, error) {
	values := make([]tfhe.LWE, p.sources)
	copy(values, operands)
	for i, layer := range p.layers {
		jobs := make([]tfhe.Job, len(layer))
		for j, s := range layer {
			jobs[j] = e.job(s, values)
		}
		if err := e.boot.Bootstrap(ctx, jobs); err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(p.layers), err)
		}
	}
	outs := make([]tfhe.LWE, len(p.outs))
	for i, w := range p.outs {
		outs[i] = e.combine(w, values)
	}
	return outs, nil
}

// job prepares s and enters its destinations among the values.
func (e *Evaluator) job(s step, values []tfhe.LWE) tfhe.Job {
	dst := values[s.first:][:len(s.table.fs)]
	for i := range dst {
		dst[i] = e.params.NewLWE()
	}
	return tfhe.Job{Src: e.combine(s.input, values), LUT: e.luts[s.table], Dst: dst}
}

// combine computes w.
func (e *Evaluator) combine(w wire, values []tfhe.LWE) tfhe.LWE {
	out := e.params.NewLWE()
	out.AddClear(quantum * uint64(w.twice))
	for _, t := range w.terms {
		out.MulAddClear(values[t.source], int64(t.factor))
	}
	return out
}
