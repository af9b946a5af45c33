//go:build !purego

package fft

// lanes is a vector of eight twiddles.
type lanes struct{ re, im [8]float64 }

func lanesOf(f func(lane int) twiddle) (v lanes) {
	for i := range 8 {
		w := f(i)
		v.re[i], v.im[i] = w.re, w.im
	}
	return v
}

// tables holds the twiddles in the order in which the kernels of cmux_amd64.s
// read them.
type tables struct {
	decompose    [2]twiddle    // levels 0 and 1
	signs        [32][2]uint64 // flip, rounding constant
	forwardPass  [4][2]twiddle // by node: levels 2 and 3
	forwardGroup [16]forwardGroup
	inverseGroup [6]lanes
	inversePass  [8][2]lanes // by block: levels 64 and 128
	accumulate   [32]accumulateTwiddles
}

type forwardGroup struct {
	level4, level5 twiddle
	level6         [2]twiddle // of the first and of the third node
	lanes          [6]lanes   // levels 7 to 9
}

type accumulateTwiddles struct {
	levels   [2]lanes // 256 and 512
	untwists [4]lanes
}

var avx512Tables = newTables()

func newTables() *tables {
	t := &tables{decompose: [2]twiddle{forwardTwiddle(0, 0), forwardTwiddle(1, 0)}}
	for i := range t.signs {
		t.signs[i] = [2]uint64{0, 1 << (digitShift - 1)}
		if i%16 >= 8 {
			t.signs[i] = [2]uint64{^uint64(0), 1<<(digitShift-1) + 1}
		}
	}
	for k := range t.forwardPass {
		t.forwardPass[k] = [2]twiddle{forwardTwiddle(2, k), forwardTwiddle(3, 2*k)}
	}
	for g := range t.forwardGroup {
		t.forwardGroup[g] = newForwardGroup(g)
	}
	t.inverseGroup = newInverseGroup()
	for v := range t.inversePass {
		t.inversePass[v] = [2]lanes{inverseLanes(64, v%4), inverseLanes(128, v)}
	}
	for v := range t.accumulate {
		a := &t.accumulate[v]
		a.levels = [2]lanes{inverseLanes(256, v%16), inverseLanes(512, v)}
		for q := range a.untwists {
			a.untwists[q] = lanesOf(func(l int) twiddle { return untwist(8*(v+32*q) + l) })
		}
	}
	return t
}

// newForwardGroup orders the twiddles of group g, node g of level 4. On the
// last three levels the lanes stand for descendants: a lane with bits (2 1 0)
// for the node whose number ends in bits (- 2 -), (2 1 -), (2 1 0).
func newForwardGroup(g int) forwardGroup {
	f := forwardGroup{
		level4: forwardTwiddle(4, g),
		level5: forwardTwiddle(5, 2*g),
		level6: [2]twiddle{forwardTwiddle(6, 4*g), forwardTwiddle(6, 4*g+2)},
	}
	for i := range 2 {
		f.lanes[i] = lanesOf(func(l int) twiddle { return forwardTwiddle(7, 8*g+4*i+l>>2*2) })
		f.lanes[2+i] = lanesOf(func(l int) twiddle { return forwardTwiddle(8, 2*(8*g+l>>1*2+i)) })
		f.lanes[4+i] = lanesOf(func(l int) twiddle { return forwardTwiddle(9, 4*(8*g+l)+2*i) })
	}
	return f
}

// newInverseGroup orders the twiddles of levels 8, 16 and 32, without their
// factors -i.
func newInverseGroup() (v [6]lanes) {
	for i := range 2 {
		v[i] = lanesOf(func(l int) twiddle { return inverseTwiddle(8, 2*i+l&1) })
		v[2+i] = lanesOf(func(l int) twiddle { return inverseTwiddle(16, 4*i+l>>2*2+l&1) })
		v[4+i] = inverseLanes(32, i)
	}
	return v
}

// inverseLanes is the vector of block v on the level that joins blocks of m
// points.
func inverseLanes(m, v int) lanes {
	return lanesOf(func(l int) twiddle { return inverseTwiddle(m, 8*v+l) })
}
