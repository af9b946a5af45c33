package radix

import (
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// circuit is a list of bootstraps under construction. The first sources are
// the operands' blocks; each bootstrap adds one for each function of its table.
type circuit struct {
	sources []*source
	steps   []step
	known   map[question]step     // the steps by what decides their results
	key     []byte                // of the wire that was asked for last
	masks   map[[2]uint64][]block // operand blocks by the start of their masks
	err     error                 // why the first bad bootstrap was refused
}

// question is a table and the key of the wire at which it is evaluated.
type question struct {
	*table
	key string
}

// step is one bootstrap.
type step struct {
	table *table
	input wire
	outs  []*source // one for each function of the table
}

func (s step) layer() int { return s.outs[0].layer }

func newCircuit() *circuit {
	return &circuit{known: make(map[question]step), masks: make(map[[2]uint64][]block)}
}

// input adds an operand's block with plaintext in [0, top].
func (c *circuit) input(top int) *source {
	return c.source(source{hi: top, step: 1, first: len(c.sources)})
}

func (c *circuit) source(s source) *source {
	s.index = len(c.sources)
	c.sources = append(c.sources, &s)
	return &s
}

// lookup is lookups for a table of one function.
func (c *circuit) lookup(t *table, w wire) wire { return c.lookups(t, w)[0] }

// lookups evaluates the functions of t at w. One that is constant on w needs
// no bootstrap, nor one that is a source of w or its mirror image.
func (c *circuit) lookups(t *table, w wire) []wire {
	outs := make([]wire, len(t.fs))
	for i, f := range t.fs {
		var ok bool
		if outs[i], ok = fold(f, w); !ok {
			outs[i] = c.bootstrap(t, w).outs[i].wire()
		}
	}
	return outs
}

// together is lookups for functions that are all needed: where one takes the
// bootstrap, the others come with it, rather than as what clean might have to
// bootstrap again.
func (c *circuit) together(t *table, w wire) []wire {
	outs := c.lookups(t, w)
	takes := func(f func(int) int) bool { _, ok := fold(f, w); return !ok }
	if !slices.ContainsFunc(t.fs, takes) {
		return outs
	}
	for i, out := range c.bootstrap(t, w).outs {
		if !outs[i].isClear() {
			outs[i] = out.wire()
		}
	}
	return outs
}

// fold is f(w) without a bootstrap, if f(w) is a constant, or if w has one
// source and f(w) is that or its mirror image, up to a constant.
func fold(f func(int) int, w wire) (wire, bool) {
	step := w.step()
	first, slope := f(w.lo), 0
	if w.lo+step <= w.hi {
		slope = f(w.lo+step) - first
	}
	for i := 0; w.lo+i*step <= w.hi; i++ {
		if f(w.lo+i*step) != first+i*slope {
			return wire{}, false
		}
	}
	if slope == 0 {
		return constant(first), true
	}
	if len(w.terms) != 1 || slope*slope*w.norm2() != step*step {
		return wire{}, false
	}
	last := first + (w.hi-w.lo)/step*slope
	out := w.terms[0].wire().times(slope * w.terms[0].factor / step)
	return out.plusClear(first-slope*(w.lo-w.constant)/step).within(min(first, last), max(first, last)), true
}

// step is a distance of which the plaintexts of w are multiples, from w.lo on:
// the greatest common divisor of its factors times the sources' steps, if its
// range is that of its sources.
func (a wire) step() (g int) {
	if lo, hi := a.span(); lo != a.lo || hi != a.hi {
		return 1
	}
	for _, t := range a.terms {
		g = gcd(g, magnitude(t.factor*t.step))
	}
	return max(g, 1)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// bootstrap returns the step that evaluates t at w. There is one for each table
// and combination: a second one would make the same ciphertexts, noise and
// all. It checks that w stays within the domain of t and the noise budget.
func (c *circuit) bootstrap(t *table, w wire) step {
	c.key = w.appendKey(c.key[:0])
	if s, ok := c.known[question{t, string(c.key)}]; ok {
		return s
	}
	if c.err == nil && !t.fits(w) {
		c.err = fmt.Errorf("bootstrap %d: plaintext in [%d, %d] and 2-norm squared %d, want [%d, %d] and at most %d",
			len(c.steps), w.lo, w.hi, w.norm2(), t.lo, t.hi, tfhe.MaxNorm2)
	}
	s := c.step(t, w)
	c.known[question{t, string(c.key)}] = s
	c.steps = append(c.steps, s)
	return s
}

func (c *circuit) step(t *table, w wire) step {
	s := step{table: t, input: w}
	first := len(c.sources)
	for i, f := range t.fs {
		out := source{layer: w.layer() + 1, first: first, place: t.place(i)}
		out.lo, out.hi, out.step = image(f, w)
		// Results count on the independence of what may leave.
		out.inner = t.inner || out.place%(half/2) != 0
		s.outs = append(s.outs, c.source(out))
	}
	return s
}

// image is the range of f on w, and the step of its values.
func image(f func(int) int, w wire) (lo, hi, step int) {
	lo, hi = f(w.lo), f(w.lo)
	stride := w.step()
	for v := w.lo; v <= w.hi; v += stride {
		step = gcd(step, magnitude(f(v)-f(w.lo)))
		lo, hi = min(lo, f(v)), max(hi, f(v))
	}
	return lo, hi, max(step, 1)
}

// fits reports whether w is within the domain of t and the noise budget.
func (t *table) fits(w wire) bool {
	return w.lo >= t.lo && w.hi <= t.hi && w.norm2() <= tfhe.MaxNorm2
}

// finish turns the circuit for results, blocks of values of the given types,
// into a program: it bootstraps those that are not in normal form and drops the
// bootstraps that no output needs.
func (c *circuit) finish(results [][]wire, types []fhe.Type) (*program, error) {
	p := &program{types: types}
	for i, blocks := range results {
		for j, w := range blocks {
			if w.lo < 0 || w.hi > top(types[i]) {
				return nil, fmt.Errorf("result %d: block %d has plaintext in [%d, %d], want [0, %d]", i, j, w.lo, w.hi, top(types[i]))
			}
			if !w.isNormal(top(types[i])) {
				w = c.bootstrap(clean, w).outs[0].wire()
			}
			p.outs = append(p.outs, w)
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	p.sources = len(c.sources)
	needed := c.needed(p.outs)
	for _, s := range c.steps {
		if s.anyOf(needed) {
			p.add(s)
		}
	}
	return p, nil
}

// isNormal reports whether a result may hold a as it is: a constant, or a
// source or its complement, be it an operand's block of the same kind or what a
// table returns that is not an inner one. So blocks of any two ciphertexts that
// share a mask are equal or complements, and no operand's block is an inner
// source of the circuit that it enters: the noise budget counts on both.
func (a wire) isNormal(top int) bool {
	if len(a.terms) != 1 {
		return len(a.terms) == 0
	}
	s := a.terms[0]
	if s.inner || s.layer == 0 && s.hi != top {
		return false
	}
	return s.factor == 1 && a.constant == 0 || s.factor == -1 && a.constant == top
}

// needed marks the sources that outs depend on.
func (c *circuit) needed(outs []wire) []bool {
	marks := make([]bool, len(c.sources))
	mark := func(w wire) {
		for _, t := range w.terms {
			marks[t.index] = true
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
	return slices.ContainsFunc(s.outs, func(o *source) bool { return needed[o.index] })
}
