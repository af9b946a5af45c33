package radix

// wire is an integer linear combination of the sources of a circuit: operand
// blocks and outputs of bootstraps. It is immutable.
type wire struct {
	terms  []term
	twice  int // twice the constant term; outputs of bootstraps may be halves
	lo, hi int // range of the plaintext
}

type term struct{ source, factor int }

func constant(v int) wire { return wire{twice: 2 * v, lo: v, hi: v} }

func (a wire) plus(b wire) wire {
	sum := wire{twice: a.twice + b.twice, lo: a.lo + b.lo, hi: a.hi + b.hi}
	sum.terms = append(make([]term, 0, len(a.terms)+len(b.terms)), a.terms...)
	for _, t := range b.terms {
		sum.add(t)
	}
	return sum
}

// add adds t to the terms, which a must own.
func (a *wire) add(t term) {
	for i := range a.terms {
		if a.terms[i].source == t.source {
			a.terms[i].factor += t.factor
			return
		}
	}
	a.terms = append(a.terms, t)
}

func (a wire) times(k int) wire {
	out := wire{twice: k * a.twice, lo: min(k*a.lo, k*a.hi), hi: max(k*a.lo, k*a.hi)}
	for _, t := range a.terms {
		out.terms = append(out.terms, term{t.source, k * t.factor})
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

// norm2 is the square of the 2-norm: the noise's variance in units of a
// bootstrap output's, sources being independent.
func (a wire) norm2() (n int) {
	for _, t := range a.terms {
		n += t.factor * t.factor
	}
	return n
}

// isClear reports whether a is a constant.
func (a wire) isClear() bool { return a.lo == a.hi }
