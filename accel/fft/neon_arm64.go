//go:build !purego

package fft

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var useNEON = cpu.ARM64.HasASIMD

func init() { accel.Register("fft", "neon", &useNEON) }

func cmux(acc *Accumulator, e uint32, key *GGSW, _ *float64, s *Scratch) {
	if useNEON {
		cmuxNEON(acc, e, key, s)
	} else {
		cmuxPortable(acc, e, key, s)
	}
}

// cmuxNEON takes steps of a few microseconds: assembly cannot be preempted.
// Their working form of a spectrum is vectors of two points, real parts, then
// imaginary ones.
func cmuxNEON(acc *Accumulator, e uint32, key *GGSW, s *Scratch) {
	t := neon
	mask, body := &s.mask.re[0], &s.body.re[0]
	decomposeNEON(mask, &acc.Mask, e)
	decomposeNEON(body, &acc.Body, e)
	forwardNEON(mask, &t.first[0].re)
	forwardNEON(body, &t.first[0].re)
	multiplyNEON(mask, body, &key[0][0], &t.units[0].levels[0].re, &t.diagonal.re)
	accumulateNEON(&acc.Mask[0], mask, &t.pass16[0][0].re[0], &t.pass128[0].levels[0].re[0])
	accumulateNEON(&acc.Body[0], body, &t.pass16[0][0].re[0], &t.pass128[0].levels[0].re[0])
}

// decomposeNEON sets z, as vectors, to the folded digits of (X^e - 1) p. It
// writes the word behind p, which continues it as X^N = -1.
//
// Coefficient j of X^e p is word j-e, modulo 2N, of the ring that p and -p
// make; it takes runs that stay within one of the two, or end one word later.
func decomposeNEON(z *float64, p *[N]uint64, e uint32) {
	*(*uint64)(unsafe.Add(unsafe.Pointer(p), N*8)) = -p[0]
	for part := range 2 { // real, imaginary
		to := (*[N]float64)(unsafe.Pointer(z))[2*part:]
		for j := 0; j < M; {
			from := (part*M + j + 2*N - int(e)) % (2 * N)
			vectors := (min(N-from%N, M-j) + 1) / 2
			s := signs[from/N]
			digitsNEON(&to[2*j], &p[from%N], &p[part*M+j], s.flip, s.add, vectors)
			j += 2 * vectors
		}
	}
}

// signs are those of p and of -p: x ^ flip + add is the sum of half a digit
// and x, or -x.
var signs = [2]struct{ flip, add uint64 }{
	{0, 1 << (digitShift - 1)},
	{^uint64(0), 1<<(digitShift-1) + 1},
}

// digitsNEON sets some vectors of the real parts at z, or of the imaginary
// parts, to the digits of rotated ^ flip + add - own.
//
//go:noescape
func digitsNEON(z *float64, rotated, own *uint64, flip, add uint64, vectors int)

// forwardNEON is levels 0 to 5. twiddles: the fields first and nodes of neonTables.
//
//go:noescape
func forwardNEON(z, twiddles *float64)

// multiplyNEON is levels 6 to 9 of mask and body, their product with key, and the inverse's levels 1 to 8.
// units: that field of neonTables; inverse: the fields diagonal and level8.
//
//go:noescape
func multiplyNEON(mask, body, key, units, inverse *float64)

// accumulateNEON is the inverse's levels 16 to 512, untwists, rounds and adds to p. first and last: the fields
// pass16 and pass128 of neonTables.
//
//go:noescape
func accumulateNEON(p *uint64, z, first, last *float64)

// pair is a vector of two twiddles.
type pair struct{ re, im [2]float64 }

func pairOf(f func(lane int) twiddle) (v pair) {
	for i := range v.re {
		w := f(i)
		v.re[i], v.im[i] = w.re, w.im
	}
	return v
}

// neonTables holds the twiddles in the order in which the kernels of
// neon_arm64.s read them.
type neonTables struct {
	first    [4]twiddle    // levels 0, 1 and 2
	nodes    [8][4]twiddle // by node of level 3: levels 3, 4 and 5
	units    [64]neonUnit
	diagonal twiddle    // the inverse's level 4
	level8   [2]pair    // by vector: level 8
	pass16   [8][4]pair // by vector: levels 16, 32 and 64
	pass128  [64]neonAccumulate
}

// neonUnit is for a node of level 6 and all below it.
type neonUnit struct {
	levels [4]twiddle // 6, 7 and 8
	lanes  [2]pair    // 9
}

// neonAccumulate is for a vector and those 64, 128 and so on further on.
type neonAccumulate struct {
	levels   [4]pair // 128, 256 and 512
	untwists [8]pair // conjugates
}

var neon = newNEONTables()

func newNEONTables() *neonTables {
	t := &neonTables{first: nodeTwiddles(0, 0), diagonal: inverseTwiddle(4, 1)}
	for k := range t.nodes {
		t.nodes[k] = nodeTwiddles(3, k)
	}
	for k := range t.units {
		t.units[k].levels = nodeTwiddles(6, k)
		for i := range 2 {
			t.units[k].lanes[i] = pairOf(func(a int) twiddle { return forwardTwiddle(9, 8*k+4*a+2*i) })
		}
	}
	for v := range t.level8 {
		t.level8[v] = inversePair(8, v)
	}
	for v := range t.pass16 {
		t.pass16[v] = inversePairs(16, v)
	}
	for v := range t.pass128 {
		t.pass128[v] = neonAccumulate{inversePairs(128, v), untwistPairs(v)}
	}
	return t
}

// nodeTwiddles are those of node k of a level, of its first child, and of
// both children's first.
func nodeTwiddles(level, k int) [4]twiddle {
	return [4]twiddle{
		forwardTwiddle(level, k), forwardTwiddle(level+1, 2*k),
		forwardTwiddle(level+2, 4*k), forwardTwiddle(level+2, 4*k+2),
	}
}

// inversePairs are those of vector v on the level that joins blocks of m
// points, and on the next two, where the last has others for the vector m
// points further on.
func inversePairs(m, v int) [4]pair {
	return [4]pair{inversePair(m, v), inversePair(2*m, v), inversePair(4*m, v), inversePair(4*m, v+m/2)}
}

func inversePair(m, v int) pair {
	return pairOf(func(l int) twiddle { return inverseTwiddle(m, 2*v+l) })
}

func untwistPairs(v int) (w [8]pair) {
	for i := range w {
		w[i] = pairOf(func(l int) twiddle {
			u := untwist(2*(v+64*i) + l)
			return twiddle{u.re, -u.im}
		})
	}
	return w
}
