//go:build !purego

package fft

// cmuxAVX2 takes three steps, each a few microseconds at most: assembly cannot
// be preempted. Their working form of a spectrum is vectors of four points,
// real parts, then imaginary ones.
func cmuxAVX2(acc *Accumulator, e uint32, key *GGSW, ahead *float64, s *Scratch) {
	t := narrow
	mask, body := s.vectors()
	first, signs := &t.decompose[0].re, &t.signs[0].flip[0]
	decomposeAVX2(mask, &acc.Mask[0], uint64(e), first, signs)
	decomposeAVX2(body, &acc.Body[0], uint64(e), first, signs)
	multiplyAVX2(mask, body, &key[0][0], &t.forward[0].levels[0].re, &t.inverse.group[0].re[0], ahead)
	accumulateAVX2(&acc.Mask[0], &acc.Body[0], mask, body, &t.accumulate[0].levels[0].re[0])
}

// narrowTables holds the twiddles in the order in which the kernels of
// avx2_amd64.s read them. Vectors lie at multiples of 32 bytes.
type narrowTables struct {
	decompose  [2]twiddle // levels 0 and 1
	_          [2]twiddle
	signs      [24]narrowSign // by segment of the rotation
	forward    [4]narrowQuarter
	inverse    narrowInverse
	accumulate [64]narrowAccumulate
}

// narrowSign is a sign in four lanes; add includes 2^63, as the kernel reads
// digits as unsigned numbers.
type narrowSign struct{ flip, add [4]uint64 }

// narrowQuarter is for a node of level 2 and all below it.
type narrowQuarter struct {
	levels [2]twiddle // 2 and, of the first child, 3
	groups [4]narrowGroup
}

// narrowGroup is for a node of level 4 and all below it.
type narrowGroup struct {
	levels        [2]twiddle    // 4 and, of the first child, 5
	grandchildren [4][2]twiddle // 6 and, of the first child, 7
	lanes         [2][2][2]quad // 8 and, of the first child, 9, for vector 8u+2r+v: by v and u, lane r
}

type narrowInverse struct {
	group  [2]quad     // levels 4 and 8
	pass16 [4][2]quad  // by vector: levels 16 and 32
	pass64 [16][2]quad // by vector: levels 64 and 128
}

// narrowAccumulate is for a vector and those 64, 128 and 192 further on.
type narrowAccumulate struct {
	levels   [2]quad // 256 and 512
	untwists [4]quad
}

var narrow = newNarrowTables()

func newNarrowTables() *narrowTables {
	t := &narrowTables{
		decompose: [2]twiddle{forwardTwiddle(0, 0), forwardTwiddle(1, 0)},
		inverse:   newNarrowInverse(),
	}
	for i, s := range signs {
		for lane := range 4 {
			t.signs[i].flip[lane], t.signs[i].add[lane] = s.flip, s.add+1<<63
		}
	}
	for k := range t.forward {
		q := &t.forward[k]
		q.levels = firstTwiddles(2, k)
		for g := range q.groups {
			q.groups[g] = newNarrowGroup(4*k + g)
		}
	}
	for v := range t.accumulate {
		t.accumulate[v].levels = inverseQuads(256, v)
		for i := range 4 {
			t.accumulate[v].untwists[i] = quadOf(func(l int) twiddle { return untwist(4*(v+64*i) + l) })
		}
	}
	return t
}

// firstTwiddles are those of node k of a level and of its first child.
func firstTwiddles(level, k int) [2]twiddle {
	return [2]twiddle{forwardTwiddle(level, k), forwardTwiddle(level+1, 2*k)}
}

// newNarrowGroup is for node g of level 4.
func newNarrowGroup(g int) narrowGroup {
	n := narrowGroup{levels: firstTwiddles(4, g)}
	for i := range n.grandchildren {
		n.grandchildren[i] = firstTwiddles(6, 4*g+i)
	}
	for v := range 2 {
		for u := range 2 {
			for i := range 2 {
				n.lanes[v][u][i] = quadOf(func(r int) twiddle { return firstTwiddles(8, 16*g+8*u+2*r+v)[i] })
			}
		}
	}
	return n
}

func newNarrowInverse() (n narrowInverse) {
	n.group = inverseQuads(4, 0)
	for v := range n.pass16 {
		n.pass16[v] = inverseQuads(16, v)
	}
	for v := range n.pass64 {
		n.pass64[v] = inverseQuads(64, v)
	}
	return n
}

// inverseQuads are those of vector v on the level that joins blocks of m
// points, and on the next.
func inverseQuads(m, v int) (q [2]quad) {
	for i := range q {
		q[i] = quadOf(func(l int) twiddle { return inverseTwiddle(m<<i, 4*v+l) })
	}
	return q
}
