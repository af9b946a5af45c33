package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Forward twiddles of a quarter: of a node of level 2 and of its first child,
// padded to a vector, then four groups; of a group: four twiddles to
// broadcast, then six vectors.
const (
	twiddleBytes      = 16
	laneTwiddles      = 4 * twiddleBytes
	groupTwiddleBytes = laneTwiddles + 6*blockBytes
)

// product emits multiplyAVX512, the part of a controlled rotation that stays
// within a quarter of a spectrum, the 256 points of one node of level 2.
type product struct {
	mask, body, key, forward, inverse Register
	two, half                         VecVirtual
}

func multiply() {
	TEXT("multiplyAVX512", NOSPLIT, "func(mask *float64, body *float64, key *float64, forward *float64, inverse *float64)")
	Pragma("noescape")
	Doc("multiplyAVX512 is levels 2 to 9 of mask and body, their product with key, and the inverse's levels 1 to 128.",
		"forward and inverse: the fields of tables with these names.")
	p := &product{
		mask: Load(Param("mask"), GP64()), body: Load(Param("body"), GP64()),
		key:     Load(Param("key"), GP64()),
		forward: Load(Param("forward"), GP64()), inverse: Load(Param("inverse"), GP64()),
		two: two(), half: rootOfHalf(),
	}
	loop("quarter", 4, p.quarter, stride{p.mask, 4 * groupBytes}, stride{p.body, 4 * groupBytes})
	VZEROUPPER()
	RET()
}

func (p *product) quarter() {
	forwardPass("mask", p.mask, p.forward, p.two)
	forwardPass("body", p.body, p.forward, p.two)
	advance(stride{p.forward, vectorBytes})
	mask, body := GP64(), GP64()
	MOVQ(p.mask, mask)
	MOVQ(p.body, body)
	loop("group", 4, func() { p.group(mask, body) },
		stride{mask, groupBytes}, stride{body, groupBytes}, stride{p.key, groupBytes}, stride{p.forward, groupTwiddleBytes})
	inversePass("maskInverse", p.mask, p.inverse, p.two)
	inversePass("bodyInverse", p.body, p.inverse, p.two)
}

// group is all levels that join points of one group. Registers hold one group
// at a time: the mask's spectrum, then its product, waits in memory.
func (p *product) group(mask, body Register) {
	x := loadBlocks(at(mask, 0), blockBytes, 8)
	p.prefetch(0, 1)
	storeBlocks(p.forwardGroup(x), at(mask, 0), blockBytes)
	x = loadBlocks(at(body, 0), blockBytes, 8)
	p.prefetch(2, 3)
	x = p.forwardGroup(x)
	for i := range x {
		x[i] = externalProduct(at(mask, i*blockBytes), x[i], at(p.key, i*blockBytes))
	}
	storeBlocks(p.inverseGroup(x), at(body, 0), blockBytes)
	x = p.inverseGroup(loadBlocks(at(mask, 0), blockBytes, 8))
	storeBlocks(x, at(mask, 0), blockBytes)
}

// prefetch asks for the group of the key's polynomials that will be needed
// some hundred cycles later.
func (p *product) prefetch(polynomials ...int) {
	for _, i := range polynomials {
		for line := 0; line < groupBytes; line += vectorBytes {
			PREFETCHT0(at(p.key, i*polyBytes+line))
		}
	}
}

// rootOfHalf returns a register with cos(pi/4) in all lanes.
func rootOfHalf() VecVirtual {
	x := ZMM()
	VBROADCASTSD(halfData, x)
	return x
}

// forwardGroup is levels 4 to 9 of a group. Before, index e and lane l stand
// for its point 8e+l; afterwards index b and lane a for 8a+b.
func (p *product) forwardGroup(x []points) []points {
	forwardWithinIndex(x, p.forward, p.two)
	lanes := func(i int) points { return load(at(p.forward, laneTwiddles+i*blockBytes)) }

	// Level 7 joins points whose l differ in bit 2, level 8 in bit 1, level 9
	// in bit 0. The exchanges leave the index with bits 1, 2, 0 of l.
	for e2 := range 2 {
		t := lanes(e2)
		var pairs []pair
		for e0 := range 2 {
			u, v := &x[4*e2+e0], &x[4*e2+e0+2]
			exchangeBlocks(u, v, exchangeHigh)
			pairs = append(pairs, pair{u, v, t, turn(e0)})
		}
		butterflies(p.two, pairs...)
	}
	for e0 := range 2 {
		t := lanes(2 + e0)
		var pairs []pair
		for l2 := range 2 {
			u, v := &x[2*l2+e0], &x[2*l2+e0+4]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, pair{u, v, t, turn(l2)})
		}
		butterflies(p.two, pairs...)
	}
	for l2 := range 2 {
		t := lanes(4 + l2)
		var pairs []pair
		for l1 := range 2 {
			u, v := &x[4*l1+2*l2], &x[4*l1+2*l2+1]
			exchangeBlocks(u, v, exchangeLow)
			pairs = append(pairs, pair{u, v, t, turn(l1)})
		}
		butterflies(p.two, pairs...)
	}
	return []points{x[0], x[1], x[4], x[5], x[2], x[3], x[6], x[7]}
}

// forwardWithinIndex is levels 4 to 6: a node, its children and theirs.
func forwardWithinIndex(x []points, w Register, two VecVirtual) {
	t := broadcast(at(w, 0))
	butterflies(two, pair{&x[0], &x[4], t, none}, pair{&x[1], &x[5], t, none},
		pair{&x[2], &x[6], t, none}, pair{&x[3], &x[7], t, none})
	t = broadcast(at(w, twiddleBytes))
	butterflies(two, pair{&x[0], &x[2], t, none}, pair{&x[1], &x[3], t, none},
		pair{&x[4], &x[6], t, positive}, pair{&x[5], &x[7], t, positive})
	for j := range 2 {
		t = broadcast(at(w, (2+j)*twiddleBytes))
		butterflies(two, pair{&x[4*j], &x[4*j+1], t, none}, pair{&x[4*j+2], &x[4*j+3], t, positive})
	}
}

// externalProduct returns a block of the body's products and replaces the
// mask's, at m, by its products.
func externalProduct(m Mem, body points, key Mem) points {
	row := func(i int) points { return load(key.Offset(i * polyBytes)) }
	mask := load(m)
	x := times(mask, row(0))
	y := times(body, row(3))
	addTimes(x, body, row(2))
	addTimes(y, mask, row(1))
	store(x, m)
	return y
}

func times(d, k points) points {
	x := newPoints()
	VMULPD(d.re, k.re, x.re)
	VMULPD(d.im, k.re, x.im)
	VFNMADD231PD(d.im, k.im, x.re)
	VFMADD231PD(d.re, k.im, x.im)
	return x
}

func addTimes(x, d, k points) {
	VFMADD231PD(d.re, k.re, x.re)
	VFMADD231PD(d.im, k.re, x.im)
	VFNMADD231PD(d.im, k.im, x.re)
	VFMADD231PD(d.re, k.im, x.im)
}

// inverseGroup is the inverse's levels 1 to 32 of a group. Before, index b
// and lane a stand for its point 8a+b; afterwards index a and lane b.
func (p *product) inverseGroup(x []points) []points {
	inverseWithinIndex(x, p.two, p.half)
	lanes := func(i int) points { return load(at(p.inverse, i*blockBytes)) }

	// Level 8 joins points whose a differ in bit 0, level 16 in bit 1, level
	// 32 in bit 2.
	for b1 := range 2 {
		t := lanes(b1)
		var pairs []pair
		for b2 := range 2 {
			u, v := &x[4*b2+2*b1], &x[4*b2+2*b1+1]
			exchangeBlocks(u, v, exchangeLow)
			pairs = append(pairs, pair{u, v, t, -turn(b2)})
		}
		butterflies(p.two, pairs...)
	}
	for b2 := range 2 {
		t := lanes(2 + b2)
		var pairs []pair
		for a0 := range 2 {
			u, v := &x[4*b2+a0], &x[4*b2+a0+2]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, pair{u, v, t, -turn(a0)})
		}
		butterflies(p.two, pairs...)
	}
	for a0 := range 2 {
		t := lanes(4 + a0)
		var pairs []pair
		for a1 := range 2 {
			u, v := &x[2*a1+a0], &x[2*a1+a0+4]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, pair{u, v, t, -turn(a1)})
		}
		butterflies(p.two, pairs...)
	}
	return x
}

// inverseWithinIndex is levels 1, 2 and 4, whose twiddles are powers of
// exp(-pi*i/4).
func inverseWithinIndex(x []points, two, half VecVirtual) {
	for j := 0; j < 8; j += 2 {
		trivialButterfly(&x[j], &x[j+1], none, two)
	}
	for j := 0; j < 8; j += 4 {
		trivialButterfly(&x[j], &x[j+2], none, two)
		trivialButterfly(&x[j+1], &x[j+3], negative, two)
	}
	trivialButterfly(&x[0], &x[4], none, two)
	diagonalButterfly(&x[1], &x[5], none, two, half)
	trivialButterfly(&x[2], &x[6], negative, two)
	diagonalButterfly(&x[3], &x[7], negative, two, half)
}

// diagonalButterfly is a butterfly with twiddle half - i*half.
func diagonalButterfly(u, v *points, t turn, two, half VecVirtual) {
	x := newPoints()
	VMOVAPD(u.re, x.re)
	VMOVAPD(u.im, x.im)
	if t == negative { // -half - i*half
		VFNMADD231PD(half, v.re, x.re)
		VFNMADD231PD(half, v.im, x.im)
	} else {
		VFMADD231PD(half, v.re, x.re)
		VFMADD231PD(half, v.im, x.im)
	}
	VFMADD231PD(half, v.im, x.re)
	VFNMADD231PD(half, v.re, x.im)
	reflect(u, v, x, two)
}
