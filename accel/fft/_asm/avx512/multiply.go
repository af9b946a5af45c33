package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

// Forward twiddles of a quarter: of a node of level 2 and of its first child,
// padded to a vector, then four groups; of a group: four twiddles to
// broadcast, then six vectors.
const (
	laneTwiddles      = 4 * TwiddleBytes
	groupTwiddleBytes = laneTwiddles + 6*blockBytes
)

// product emits multiplyAVX512, the part of a controlled rotation that stays
// within a quarter of a spectrum, the 256 points of one node of level 2.
type product struct {
	mask, body, key, forward, inverse, ahead Register
	two, half                                VecVirtual
}

func multiply() {
	TEXT("multiplyAVX512", NOSPLIT, "func(mask *float64, body *float64, key *float64, forward *float64, inverse *float64, ahead *float64)")
	Pragma("noescape")
	Doc("multiplyAVX512 is levels 2 to 9 of mask and body, their product with key, and the inverse's levels 1 to 128.",
		"forward and inverse: the fields of wideTables with these names. It fetches 8192 bytes at ahead.")
	p := &product{
		mask: Load(Param("mask"), GP64()), body: Load(Param("body"), GP64()),
		key:     Load(Param("key"), GP64()),
		forward: Load(Param("forward"), GP64()), inverse: Load(Param("inverse"), GP64()),
		ahead: Load(Param("ahead"), GP64()),
		two:   Two(), half: Fill(halfData),
	}
	Loop("quarter", 4, p.quarter, By(p.mask, 4*groupBytes), By(p.body, 4*groupBytes))
	End()
}

func (p *product) quarter() {
	forwardPass("mask", p.mask, p.forward, p.two)
	forwardPass("body", p.body, p.forward, p.two)
	Advance(By(p.forward, VectorBytes))
	mask, body := Copy(p.mask), Copy(p.body)
	Loop("group", 4, func() { p.group(mask, body) },
		By(mask, groupBytes), By(body, groupBytes), By(p.key, groupBytes), By(p.forward, groupTwiddleBytes))
	inversePass("maskInverse", p.mask, p.inverse, p.two)
	inversePass("bodyInverse", p.body, p.inverse, p.two)
}

// group is all levels that join points of one group. Registers hold one group
// at a time: the mask's spectrum, then its product, waits in memory.
func (p *product) group(mask, body Register) {
	x := LoadAll(At(mask, 0), blockBytes, 8)
	PrefetchFar(At(p.ahead, 0), aheadBytes)
	Advance(By(p.ahead, aheadBytes))
	p.prefetch(0, 1)
	StoreAll(p.forwardGroup(x), At(mask, 0), blockBytes)
	x = LoadAll(At(body, 0), blockBytes, 8)
	p.prefetch(2, 3)
	x = p.forwardGroup(x)
	for i := range x {
		x[i] = ExternalProduct(At(mask, i*blockBytes), x[i], p.rows(i))
	}
	StoreAll(p.inverseGroup(x), At(body, 0), blockBytes)
	x = p.inverseGroup(LoadAll(At(mask, 0), blockBytes, 8))
	StoreAll(x, At(mask, 0), blockBytes)
}

// rows loads vectors of the key's block i.
func (p *product) rows(i int) func(polynomial int) Row {
	return func(polynomial int) Row {
		k := LoadPoints(At(p.key, polynomial*PolyBytes+i*blockBytes))
		return Row{Re: k.Re, Im: k.Im}
	}
}

// prefetch asks for the group of the key's polynomials that will be needed
// some hundred cycles later.
func (p *product) prefetch(polynomials ...int) {
	for _, i := range polynomials {
		Prefetch(At(p.key, i*PolyBytes), groupBytes)
	}
}

// forwardGroup is levels 4 to 9 of a group. Before, index e and lane l stand
// for its point 8e+l; afterwards index b and lane a for 8a+b.
func (p *product) forwardGroup(x []Points) []Points {
	forwardWithinIndex(x, p.forward, p.two)
	lanes := func(i int) Points { return LoadPoints(At(p.forward, laneTwiddles+i*blockBytes)) }

	// Level 7 joins points whose l differ in bit 2, level 8 in bit 1, level 9
	// in bit 0. The exchanges leave the index with bits 1, 2, 0 of l.
	for e2 := range 2 {
		t := lanes(e2)
		var pairs []Pair
		for e0 := range 2 {
			u, v := &x[4*e2+e0], &x[4*e2+e0+2]
			exchangeBlocks(u, v, exchangeHigh)
			pairs = append(pairs, Join(u, v, t, Turn(e0)))
		}
		Butterflies(p.two, pairs...)
	}
	for e0 := range 2 {
		t := lanes(2 + e0)
		var pairs []Pair
		for l2 := range 2 {
			u, v := &x[2*l2+e0], &x[2*l2+e0+4]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, Join(u, v, t, Turn(l2)))
		}
		Butterflies(p.two, pairs...)
	}
	for l2 := range 2 {
		t := lanes(4 + l2)
		var pairs []Pair
		for l1 := range 2 {
			u, v := &x[4*l1+2*l2], &x[4*l1+2*l2+1]
			exchangeBlocks(u, v, exchangeLow)
			pairs = append(pairs, Join(u, v, t, Turn(l1)))
		}
		Butterflies(p.two, pairs...)
	}
	return []Points{x[0], x[1], x[4], x[5], x[2], x[3], x[6], x[7]}
}

// forwardWithinIndex is levels 4 to 6: a node, its children and theirs.
func forwardWithinIndex(x []Points, w Register, two VecVirtual) {
	t := Broadcast(At(w, 0))
	Butterflies(two, Join(&x[0], &x[4], t, Straight), Join(&x[1], &x[5], t, Straight),
		Join(&x[2], &x[6], t, Straight), Join(&x[3], &x[7], t, Straight))
	t = Broadcast(At(w, TwiddleBytes))
	Butterflies(two, Join(&x[0], &x[2], t, Straight), Join(&x[1], &x[3], t, Straight),
		Join(&x[4], &x[6], t, Left), Join(&x[5], &x[7], t, Left))
	for j := range 2 {
		t = Broadcast(At(w, (2+j)*TwiddleBytes))
		Butterflies(two, Join(&x[4*j], &x[4*j+1], t, Straight), Join(&x[4*j+2], &x[4*j+3], t, Left))
	}
}

// inverseGroup is the inverse's levels 1 to 32 of a group. Before, index b
// and lane a stand for its point 8a+b; afterwards index a and lane b.
func (p *product) inverseGroup(x []Points) []Points {
	inverseWithinIndex(x, p.two, p.half)
	lanes := func(i int) Points { return LoadPoints(At(p.inverse, i*blockBytes)) }

	// Level 8 joins points whose a differ in bit 0, level 16 in bit 1, level
	// 32 in bit 2.
	for b1 := range 2 {
		t := lanes(b1)
		var pairs []Pair
		for b2 := range 2 {
			u, v := &x[4*b2+2*b1], &x[4*b2+2*b1+1]
			exchangeBlocks(u, v, exchangeLow)
			pairs = append(pairs, Join(u, v, t, -Turn(b2)))
		}
		Butterflies(p.two, pairs...)
	}
	for b2 := range 2 {
		t := lanes(2 + b2)
		var pairs []Pair
		for a0 := range 2 {
			u, v := &x[4*b2+a0], &x[4*b2+a0+2]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, Join(u, v, t, -Turn(a0)))
		}
		Butterflies(p.two, pairs...)
	}
	for a0 := range 2 {
		t := lanes(4 + a0)
		var pairs []Pair
		for a1 := range 2 {
			u, v := &x[2*a1+a0], &x[2*a1+a0+4]
			exchangeBlocks(u, v, rotateMiddle)
			pairs = append(pairs, Join(u, v, t, -Turn(a1)))
		}
		Butterflies(p.two, pairs...)
	}
	return x
}

// inverseWithinIndex is levels 1, 2 and 4, whose twiddles are powers of
// exp(-pi*i/4).
func inverseWithinIndex(x []Points, two, half VecVirtual) {
	for j := 0; j < 8; j += 2 {
		TrivialButterfly(&x[j], &x[j+1], Straight, two)
	}
	for j := 0; j < 8; j += 4 {
		TrivialButterfly(&x[j], &x[j+2], Straight, two)
		TrivialButterfly(&x[j+1], &x[j+3], Right, two)
	}
	TrivialButterfly(&x[0], &x[4], Straight, two)
	diagonalButterfly(&x[1], &x[5], Straight, two, half)
	TrivialButterfly(&x[2], &x[6], Right, two)
	diagonalButterfly(&x[3], &x[7], Right, two, half)
}

// diagonalButterfly is a butterfly with twiddle half - i*half.
func diagonalButterfly(u, v *Points, t Turn, two, half VecVirtual) {
	x := NewPoints()
	VMOVAPD(u.Re, x.Re)
	VMOVAPD(u.Im, x.Im)
	if t == Right { // -half - i*half
		VFNMADD231PD(half, v.Re, x.Re)
		VFNMADD231PD(half, v.Im, x.Im)
	} else {
		VFMADD231PD(half, v.Re, x.Re)
		VFMADD231PD(half, v.Im, x.Im)
	}
	VFMADD231PD(half, v.Im, x.Re)
	VFNMADD231PD(half, v.Re, x.Im)
	Reflect(u, v, x, two)
}
