package radix

import (
	"fmt"
	"slices"

	"fhevm/fhe/tfhe"
)

// circuit is a list of bootstraps under construction. The first sources are
// the operands' blocks; each bootstrap adds one for each function of its table.
// Sources count as independent, also those of one table: their noise comes from
// coefficients half a polynomial apart, whose covariance is negligible.
type circuit struct {
	made  []int // for each source, the layer that makes it; 0 for operands
	steps []step
	err   error // why the first bad bootstrap was refused
}

// step is one bootstrap.
type step struct {
	table *table
	input wire
	first int // source of the table's first function
	layer int
}

// input adds an operand's block with plaintext in [0, top].
func (c *circuit) input(top int) wire {
	return c.source(0, wire{hi: top})
}

// source adds a source that layer makes; constant and range are w's.
func (c *circuit) source(layer int, w wire) wire {
	w.terms = []term{{len(c.made), 1}}
	c.made = append(c.made, layer)
	return w
}

// lookup is lookups for a table of one function.
func (c *circuit) lookup(t *table, w wire) wire { return c.lookups(t, w)[0] }

// lookups evaluates the functions of t at w. One that is constant on w's range
// needs no bootstrap, nor one that is w or its mirror image if w is clean.
func (c *circuit) lookups(t *table, w wire) []wire {
	outs := make([]wire, len(t.fs))
	var made []wire
	for i, f := range t.fs {
		if out, ok := fold(f, w); ok {
			outs[i] = out
			continue
		}
		if made == nil {
			made = c.bootstrap(t, w)
		}
		outs[i] = made[i]
	}
	return outs
}

// fold is f(w) as a linear function of w, if it is one.
func fold(f func(int) int, w wire) (wire, bool) {
	first, slope := f(w.lo), 0
	if w.lo < w.hi {
		slope = f(w.lo+1) - first
	}
	if slope != 0 && (slope*slope != 1 || w.norm2() != 1) {
		return wire{}, false
	}
	for v := w.lo; v <= w.hi; v++ {
		if f(v) != first+slope*(v-w.lo) {
			return wire{}, false
		}
	}
	if slope == 0 {
		return constant(first), true
	}
	return w.plusClear(-w.lo).times(slope).plusClear(first), true
}

// bootstrap adds a step, after checking that w stays within the domain of t
// and the noise budget.
func (c *circuit) bootstrap(t *table, w wire) []wire {
	if err := t.check(w); err != nil && c.err == nil {
		c.err = fmt.Errorf("bootstrap %d: %w", len(c.steps), err)
	}
	s := step{t, w, len(c.made), 1}
	for _, t := range w.terms {
		s.layer = max(s.layer, c.made[t.source]+1)
	}
	c.steps = append(c.steps, s)
	outs := make([]wire, len(t.fs))
	for i := range outs {
		lo, hi := t.span(i, w.lo, w.hi)
		outs[i] = c.source(s.layer, wire{twice: t.twice[i], lo: lo, hi: hi})
	}
	return outs
}

func (t *table) check(w wire) error {
	if w.lo < t.lo || w.hi > t.hi {
		return fmt.Errorf("plaintext in [%d, %d], want [%d, %d]", w.lo, w.hi, t.lo, t.hi)
	}
	if n := w.norm2(); n > tfhe.MaxNorm2 {
		return fmt.Errorf("2-norm squared %d, want at most %d", n, tfhe.MaxNorm2)
	}
	return nil
}

// finish turns the circuit for outs into a program: it drops the bootstraps
// that no output needs and checks that the outputs are clean.
func (c *circuit) finish(outs []wire, top int) (*program, error) {
	if c.err != nil {
		return nil, c.err
	}
	for i, w := range outs {
		if w.norm2() > 1 || w.lo < 0 || w.hi > top {
			return nil, fmt.Errorf("output %d has plaintext in [%d, %d] and 2-norm squared %d, want [0, %d] and 1", i, w.lo, w.hi, w.norm2(), top)
		}
	}
	p := &program{sources: len(c.made), outs: outs}
	needed := c.needed(outs)
	for _, s := range c.steps {
		if s.anyOf(needed) {
			p.add(s)
		}
	}
	return p, nil
}

// needed marks the sources that outs depend on.
func (c *circuit) needed(outs []wire) []bool {
	marks := make([]bool, len(c.made))
	mark := func(w wire) {
		for _, t := range w.terms {
			marks[t.source] = true
		}
	}
	for _, w := range outs {
		mark(w)
	}
	for _, s := range slices.Backward(c.steps) {
		if s.anyOf(marks) {
			mark(s.input)
		}
	}
	return marks
}

func (s step) anyOf(needed []bool) bool {
	for i := range s.table.fs {
		if needed[s.first+i] {
			return true
		}
	}
	return false
}
