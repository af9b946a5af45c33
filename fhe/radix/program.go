package radix

import (
	"context"
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// program is a finished circuit.
type program struct {
	layers  [][]step // those of one layer do not depend on each other
	sources int
	outs    []wire     // the blocks of all results
	types   []fhe.Type // of the results
}

func (p *program) add(s step) {
	i := s.layer() - 1
	for len(p.layers) <= i {
		p.layers = append(p.layers, nil)
	}
	p.layers[i] = append(p.layers[i], s)
}

// run evaluates p on operand blocks and returns new ciphertexts.
func (e *Evaluator) run(ctx context.Context, p *program, operands []tfhe.LWE) ([]*Ciphertext, error) {
	values := make([]tfhe.LWE, p.sources)
	copy(values, operands)
	last := p.lastUses()
	for i, layer := range p.layers {
		if err := e.runLayer(ctx, layer, values); err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(p.layers), err)
		}
		for _, dead := range last[i] {
			values[dead] = nil
		}
	}
	return e.results(p, values), nil
}

// lastUses lists, for each layer, the sources that nothing after it needs: a
// wide product has more blocks on the way than memory should hold.
func (p *program) lastUses() [][]int {
	lists, seen := make([][]int, len(p.layers)), make([]bool, p.sources)
	use := func(w wire, layer int) {
		for _, t := range w.terms {
			if !seen[t.index] && layer < len(lists) {
				lists[layer] = append(lists[layer], t.index)
			}
			seen[t.index] = true
		}
	}
	for _, w := range p.outs {
		use(w, len(lists))
	}
	for i := len(p.layers) - 1; i >= 0; i-- {
		for _, s := range p.layers[i] {
			use(s.input, i)
		}
	}
	return lists
}

// results computes the outputs and cuts them into values.
func (e *Evaluator) results(p *program, values []tfhe.LWE) (results []*Ciphertext) {
	outs := p.outs
	for _, t := range p.types {
		c := &Ciphertext{Type: t}
		for _, w := range outs[:t.Blocks()] {
			c.Blocks = append(c.Blocks, e.combine(w, values))
		}
		results, outs = append(results, c), outs[t.Blocks():]
	}
	return results
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
	j := tfhe.Job{Src: src, LUT: e.luts[t], Dst: make([]tfhe.LWE, len(t.fs))}
	for i := range j.Dst {
		j.Dst[i] = e.params.NewLWE()
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
