//go:build !purego

package fft

// cmuxAVX512 is cmuxAVX2 in vectors of eight points, blocks as in a Fourier.
func cmuxAVX512(acc *Accumulator, e uint32, key *GGSW, ahead *float64, s *Scratch) {
	t := wide
	mask, body := s.vectors()
	first, signs := &t.decompose[0].re, &t.signs[0].flip
	decomposeAVX512(mask, &acc.Mask[0], uint64(e), first, signs)
	decomposeAVX512(body, &acc.Body[0], uint64(e), first, signs)
	multiplyAVX512(mask, body, &key[0][0], &t.forward[0].levels[0].re, &t.inverse.group[0].re[0], ahead)
	accumulateAVX512(&acc.Mask[0], &acc.Body[0], mask, body, &t.accumulate[0].levels[0].re[0])
}

// wideTables holds the twiddles in the order in which the kernels of
// avx512_amd64.s read them. Vectors lie at multiples of 64 bytes.
type wideTables struct {
	decompose  [2]twiddle // levels 0 and 1
	_          [2]twiddle
	signs      [24]sign // by segment of the rotation: bits to flip, what to add
	forward    [4]forwardQuarter
	inverse    inverseQuarter
	accumulate [32]accumulateBlock
}

// forwardQuarter is for a node of level 2 and all below it.
type forwardQuarter struct {
	levels [2]twiddle // 2 and, of the first child, 3
	_      [2]twiddle
	groups [4]forwardGroup
}

// forwardGroup is for a node of level 4 and all below it.
type forwardGroup struct {
	levels [4]twiddle // 4; of the first child, 5; of both children's first, 6
	lanes  [6]lanes   // two for each of 7, 8, 9
}

type inverseQuarter struct {
	group [6]lanes    // two for each of levels 8, 16, 32
	pass  [8][2]lanes // by block: levels 64 and 128
}

// accumulateBlock is for a block and those 32, 64 and 96 further on.
type accumulateBlock struct {
	levels   [2]lanes // 256 and 512
	untwists [4]lanes
}

var wide = newWideTables()

func newWideTables() *wideTables {
	t := &wideTables{
		decompose: [2]twiddle{forwardTwiddle(0, 0), forwardTwiddle(1, 0)},
		signs:     signs,
		inverse:   newInverseQuarter(),
	}
	for k := range t.forward {
		q := &t.forward[k]
		q.levels = [2]twiddle{forwardTwiddle(2, k), forwardTwiddle(3, 2*k)}
		for g := range q.groups {
			q.groups[g] = newForwardGroup(4*k + g)
		}
	}
	for v := range t.accumulate {
		t.accumulate[v] = newAccumulateBlock(v)
	}
	return t
}

// newForwardGroup is for node g of level 4. On the last three levels the
// lanes stand for descendants: the lane with bits (2 1 0) for the nodes whose
// numbers within the group, bits (e2 e1 e0), have e1 = 2; e2, e1 = 2, 1; and
// e2, e1, e0 = 2, 1, 0.
func newForwardGroup(g int) forwardGroup {
	f := forwardGroup{levels: [4]twiddle{
		forwardTwiddle(4, g), forwardTwiddle(5, 2*g), forwardTwiddle(6, 4*g), forwardTwiddle(6, 4*g+2),
	}}
	for i := range 2 {
		f.lanes[i] = lanesOf(func(l int) twiddle { return forwardTwiddle(7, 8*g+4*i+l>>2*2) })
		f.lanes[2+i] = lanesOf(func(l int) twiddle { return forwardTwiddle(8, 2*(8*g+l>>1*2+i)) })
		f.lanes[4+i] = lanesOf(func(l int) twiddle { return forwardTwiddle(9, 4*(8*g+l)+2*i) })
	}
	return f
}

func newInverseQuarter() (q inverseQuarter) {
	for i := range 2 {
		q.group[i] = lanesOf(func(l int) twiddle { return inverseTwiddle(8, 2*i+l&1) })
		q.group[2+i] = lanesOf(func(l int) twiddle { return inverseTwiddle(16, 4*i+l>>2*2+l&1) })
		q.group[4+i] = inverseLanes(32, i)
	}
	for v := range q.pass {
		q.pass[v] = [2]lanes{inverseLanes(64, v%4), inverseLanes(128, v)}
	}
	return q
}

func newAccumulateBlock(v int) (b accumulateBlock) {
	b.levels = [2]lanes{inverseLanes(256, v%16), inverseLanes(512, v)}
	for i := range b.untwists {
		b.untwists[i] = lanesOf(func(l int) twiddle { return untwist(8*(v+32*i) + l) })
	}
	return b
}

// inverseLanes is the vector of block v on the level that joins blocks of m
// points.
func inverseLanes(m, v int) lanes {
	return lanesOf(func(l int) twiddle { return inverseTwiddle(m, 8*v+l) })
}
