package radix

import (
	"context"
	"fmt"

	"fhevm/fhe/tfhe"
)

// execution is a program being run: the values of its sources, those of operands
// first, and the memory of values that nothing needs any more.
type execution struct {
	*Evaluator
	values   []tfhe.LWE
	operands int
	spare    []tfhe.LWE
}

// run evaluates p on operand blocks and returns new ciphertexts.
func (e *Evaluator) run(ctx context.Context, p *program, operands []tfhe.LWE) ([]*Ciphertext, error) {
	x := e.execution(p, operands)
	last := p.lastUses()
	for i, layer := range p.layers {
		if err := x.runLayer(ctx, layer, last[i]); err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(p.layers), err)
		}
	}
	return x.results(p), nil
}

func (e *Evaluator) execution(p *program, operands []tfhe.LWE) *execution {
	x := &execution{Evaluator: e, values: make([]tfhe.LWE, p.sources), operands: len(operands)}
	copy(x.values, operands)
	return x
}

// runLayer bootstraps the inputs of steps and enters the results among the values.
// Nothing after the inputs needs the values last.
func (x *execution) runLayer(ctx context.Context, steps []step, last []int) error {
	jobs := make([]tfhe.Job, len(steps))
	for i, s := range steps {
		jobs[i].Src = x.combine(s.input)
	}
	x.release(last)
	for i, s := range steps {
		jobs[i].LUT, jobs[i].Dst = x.luts[s.table], x.destinations(jobs[i].Src, len(s.outs))
	}
	if err := x.boot.Bootstrap(ctx, jobs); err != nil {
		return err
	}
	for i, s := range steps {
		for j, out := range s.outs {
			x.values[out.index] = s.table.settle(j, jobs[i].Dst[j])
		}
	}
	return nil
}

// destinations has room for n outputs of a bootstrap of src. The first one takes
// src's.
func (x *execution) destinations(src tfhe.LWE, n int) []tfhe.LWE {
	dst := make([]tfhe.LWE, n)
	dst[0] = src
	for i := range dst[1:] {
		dst[i+1] = x.take()
	}
	return dst
}

// take returns memory for a value, of which nothing is known.
func (x *execution) take() tfhe.LWE {
	n := len(x.spare)
	if n == 0 {
		return x.params.NewLWE()
	}
	c := x.spare[n-1]
	x.spare = x.spare[:n-1]
	return c
}

// release forgets values, and keeps the memory of those that are not operands.
func (x *execution) release(last []int) {
	for _, i := range last {
		if i >= x.operands {
			x.spare = append(x.spare, x.values[i])
		}
		x.values[i] = nil
	}
}

// combine computes w.
func (x *execution) combine(w wire) tfhe.LWE {
	out := x.take()
	w.combine(out, x.values)
	return out
}

// combine sets dst to a of the values of all sources.
func (a wire) combine(dst tfhe.LWE, values []tfhe.LWE) {
	clear(dst)
	dst.AddClear(tfhe.Delta * uint64(a.constant))
	for _, t := range a.terms {
		dst.MulAddClear(values[t.index], int64(t.factor))
	}
}

// results computes the outputs and cuts them into values.
func (x *execution) results(p *program) (results []*Ciphertext) {
	uses := make([]int, p.sources) // by outputs
	for _, w := range p.outs {
		w.visit(func(s *source, _ int) { uses[s.index]++ }, 0)
	}
	outs := p.outs
	for _, t := range p.types {
		c := &Ciphertext{Type: t, Blocks: make([]tfhe.LWE, t.Blocks())}
		for i, w := range outs[:t.Blocks()] {
			c.Blocks[i] = x.result(w, uses)
		}
		results, outs = append(results, c), outs[t.Blocks():]
	}
	return results
}

// result computes an output. One that is a bootstrap's, and no other output's, is
// handed out as it is.
func (x *execution) result(w wire, uses []int) tfhe.LWE {
	if len(w.terms) == 1 && w.constant == 0 {
		if t := w.terms[0]; t.factor == 1 && t.index >= x.operands && uses[t.index] == 1 {
			return x.values[t.index]
		}
	}
	return x.combine(w)
}
