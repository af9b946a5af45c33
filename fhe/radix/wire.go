package radix

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// source is a ciphertext that a circuit combines: an operand's block or an
// output of a bootstrap. No two sources of a circuit are the same ciphertext, so
// their noise is independent, but for outputs of one bootstrap (norm2).
type source struct {
	index  int  // among the values of a running program
	layer  int  // that makes it; 0 for operands
	lo, hi int  // range of the plaintext
	step   int  // plaintexts are lo plus multiples of it
	first  int  // index of the bootstrap's first output
	place  int  // how many entries of the table further than that one
	inner  bool // may not leave the circuit
}

// wire is an integer linear combination of sources. It is immutable.
type wire struct {
	terms    []term // in the order of the sources, no factor is 0
	constant int
	lo, hi   int // range of the plaintext
}

type term struct {
	*source
	factor int
}

func constant(v int) wire { return wire{constant: v, lo: v, hi: v} }

// wire is the combination that s alone is.
func (s *source) wire() wire { return wire{terms: []term{{s, 1}}, lo: s.lo, hi: s.hi} }

func (a wire) plus(b wire) wire {
	out := wire{constant: a.constant + b.constant, lo: a.lo + b.lo, hi: a.hi + b.hi}
	switch {
	case len(b.terms) == 0:
		out.terms = a.terms
	case len(a.terms) == 0:
		out.terms = b.terms
	default:
		out.terms = merge(a.terms, b.terms)
	}
	if len(out.terms) == len(a.terms)+len(b.terms) {
		return out
	}
	lo, hi := out.span() // tighter, now that a and b share sources
	return out.within(lo, hi)
}

// merge adds two lists of terms.
func merge(a, b []term) []term {
	out := make([]term, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := cmp.Compare(a[0].index, b[0].index); {
		case order < 0:
			out, a = append(out, a[0]), a[1:]
		case order > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			if f := a[0].factor + b[0].factor; f != 0 {
				out = append(out, term{a[0].source, f})
			}
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// span is the range of a that those of its sources give.
func (a wire) span() (lo, hi int) {
	lo, hi = a.constant, a.constant
	for _, t := range a.terms {
		lo += min(t.factor*t.lo, t.factor*t.hi)
		hi += max(t.factor*t.lo, t.factor*t.hi)
	}
	return lo, hi
}

func (a wire) times(k int) wire {
	if k == 0 {
		return constant(0)
	}
	out := wire{constant: k * a.constant, lo: min(k*a.lo, k*a.hi), hi: max(k*a.lo, k*a.hi)}
	out.terms = make([]term, len(a.terms))
	for i, t := range a.terms {
		out.terms[i] = term{t.source, k * t.factor}
	}
	return out
}

func (a wire) minus(b wire) wire    { return a.plus(b.times(-1)) }
func (a wire) plusClear(v int) wire { return a.plus(constant(v)) }

// pair is the plaintext a + 4b of two blocks.
func pair(a, b wire) wire { return a.plus(b.times(base)) }

// not is the complement of a bit.
func not(a wire) wire { return constant(1).minus(a) }

func sum(ws []wire) wire {
	total := constant(0)
	for _, w := range ws {
		total = total.plus(w)
	}
	return total
}

// within narrows the range to what the caller knows: that correlated terms
// keep the plaintext in [lo, hi].
func (a wire) within(lo, hi int) wire {
	a.lo, a.hi = max(a.lo, lo), min(a.hi, hi)
	return a
}

// wrapped is a as it is on the torus, for a table that is defined on all of it: if
// a may leave [-half, half), it may be anything there.
func (a wire) wrapped() wire {
	if len(a.terms) > 0 && (a.lo < -half || a.hi >= half) {
		a.lo, a.hi = -half, half-1
	}
	return a
}

// norm2 is the square of the 2-norm: the noise's variance in units of a
// bootstrap output's, rounded up.
//
// Sources are independent, but for outputs of one bootstrap. The digits'
// rounding errors meet the same binary secret at another offset: outputs d of
// half entries apart have correlation 1/2 - d/half, and less for the errors that
// meet no secret. Where factors' signs make it add up it counts in full; where it
// cancels it does not count.
func (a wire) norm2() int {
	n := 0
	for terms := a.terms; len(terms) > 0; {
		alone, shared, k := 0, 0, 0
		for k < len(terms) && terms[k].first == terms[0].first {
			t := terms[k]
			alone += half * t.factor * t.factor
			for _, u := range terms[:k] {
				shared += t.factor * u.factor * (half - 2*(t.place-u.place))
			}
			k++
		}
		n += alone + max(0, shared)
		terms = terms[k:]
	}
	return (n + half - 1) / half
}

func magnitude(v int) int { return max(v, -v) }

// layer is the first layer after which a is known.
func (a wire) layer() (n int) {
	for _, t := range a.terms {
		n = max(n, t.layer)
	}
	return n
}

// equal reports whether a and b are the same combination.
func (a wire) equal(b wire) bool {
	return a.constant == b.constant && slices.Equal(a.terms, b.terms)
}

// appendKey appends bytes that only equal combinations have in common.
func (a wire) appendKey(b []byte) []byte {
	b = binary.AppendVarint(b, int64(a.constant))
	for _, t := range a.terms {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(t.index)), int64(t.factor))
	}
	return b
}

// isClear reports whether a is a constant.
func (a wire) isClear() bool { return a.lo == a.hi }

// hasZero reports whether a can be zero.
func (a wire) hasZero() bool {
	return !a.assignments(func(values map[*source]int) bool { return a.at(values) != 0 })
}

// at is the plaintext of a where source s has plaintext values[s].
func (a wire) at(values map[*source]int) int {
	v := a.constant
	for _, t := range a.terms {
		v += t.factor * values[t.source]
	}
	return v
}

// assignments calls visit with all values of the sources of a, until it
// returns false.
func (a wire) assignments(visit func(values map[*source]int) bool) bool {
	values := make(map[*source]int, len(a.terms))
	var assign func(terms []term) bool
	assign = func(terms []term) bool {
		if len(terms) == 0 {
			return visit(values)
		}
		s := terms[0].source
		for v := s.lo; v <= s.hi; v++ {
			if values[s] = v; !assign(terms[1:]) {
				return false
			}
		}
		return true
	}
	return assign(a.terms)
}
