package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Twiddles of a group: four to broadcast, then six vectors.
const (
	twiddleBytes      = 16
	laneTwiddles      = 4 * twiddleBytes
	groupTwiddleBytes = laneTwiddles + 6*blockBytes
)

// multiply is the part of the external product that stays within a group.
func multiply() {
	TEXT("multiplyAVX512", NOSPLIT, "func(mask *float64, body *float64, key *float64, forward *float64, inverse *float64)")
	Doc("multiplyAVX512 is levels 4 to 9 of mask and body, their product with key, and the inverse's levels 1 to 32.",
		"forward: for each node of level 4 its twiddle, its first child's, that child's first child's and the second",
		"child's first child's; then two vectors for each of levels 7, 8 and 9. inverse: two vectors for each of levels",
		"8, 16 and 32.")
	mask, body := Load(Param("mask"), GP64()), Load(Param("body"), GP64())
	key := Load(Param("key"), GP64())
	forward, inverse := Load(Param("forward"), GP64()), Load(Param("inverse"), GP64())
	two, half := two(), rootOfHalf()
	loop("group", 16, func() {
		x := loadBlocks(at(mask, 0), blockBytes, 8)
		storeBlocks(forwardGroup(x, forward, two), at(mask, 0), blockBytes)
		x = forwardGroup(loadBlocks(at(body, 0), blockBytes, 8), forward, two)
		for i := range x {
			x[i] = externalProduct(at(mask, i*blockBytes), x[i], at(key, i*blockBytes))
		}
		storeBlocks(inverseGroup(x, inverse, two, half), at(body, 0), blockBytes)
		x = inverseGroup(loadBlocks(at(mask, 0), blockBytes, 8), inverse, two, half)
		storeBlocks(x, at(mask, 0), blockBytes)
	}, stride{mask, groupBytes}, stride{body, groupBytes}, stride{key, groupBytes}, stride{forward, groupTwiddleBytes})
	VZEROUPPER()
	RET()
}

// rootOfHalf returns a register with cos(pi/4) in all lanes.
func rootOfHalf() VecVirtual {
	x := ZMM()
	VBROADCASTSD(halfData, x)
	return x
}

// forwardGroup is levels 4 to 9 of a group. Before, index e and lane l stand
// for its point 8e+l; afterwards index b and lane a for 8a+b.
func forwardGroup(x []points, w Register, two VecVirtual) []points {
	forwardWithinIndex(x, w, two)
	lanes := func(i int) points { return load(at(w, laneTwiddles+i*blockBytes)) }

	// Level 7 joins points whose l differ in bit 2, level 8 in bit 1, level 9
	// in bit 0. The exchanges leave the index with bits 1, 2, 0 of l.
	for e2 := range 2 {
		t := lanes(e2)
		for e0 := range 2 {
			u, v := &x[4*e2+e0], &x[4*e2+e0+2]
			exchangeBlocks(u, v, exchangeHigh)
			butterfly(u, v, t, turn(e0), two)
		}
	}
	for e0 := range 2 {
		t := lanes(2 + e0)
		for l2 := range 2 {
			u, v := &x[2*l2+e0], &x[2*l2+e0+4]
			exchangeBlocks(u, v, rotateMiddle)
			butterfly(u, v, t, turn(l2), two)
		}
	}
	for l2 := range 2 {
		t := lanes(4 + l2)
		for l1 := range 2 {
			u, v := &x[4*l1+2*l2], &x[4*l1+2*l2+1]
			exchangeBlocks(u, v, exchangeLow)
			butterfly(u, v, t, turn(l1), two)
		}
	}
	return []points{x[0], x[1], x[4], x[5], x[2], x[3], x[6], x[7]}
}

// forwardWithinIndex is levels 4 to 6: a node, its children and theirs.
func forwardWithinIndex(x []points, w Register, two VecVirtual) {
	t := broadcast(at(w, 0))
	for j := range 4 {
		butterfly(&x[j], &x[j+4], t, none, two)
	}
	t = broadcast(at(w, twiddleBytes))
	for j := range 2 {
		butterfly(&x[j], &x[j+2], t, none, two)
		butterfly(&x[j+4], &x[j+6], t, positive, two)
	}
	for j := range 2 {
		t = broadcast(at(w, (2+j)*twiddleBytes))
		butterfly(&x[4*j], &x[4*j+1], t, none, two)
		butterfly(&x[4*j+2], &x[4*j+3], t, positive, two)
	}
}

// externalProduct returns a block of the body's products and replaces the
// mask's, at m, by its products.
func externalProduct(m Mem, body points, key Mem) points {
	row := func(i int) points { return load(key.Offset(i * polyBytes)) }
	mask := load(m)
	x := product(mask, row(0))
	addProduct(x, body, row(2))
	store(x, m)
	y := product(body, row(3))
	addProduct(y, mask, row(1))
	return y
}

func product(d, k points) points {
	x := newPoints()
	VMULPD(d.re, k.re, x.re)
	VMULPD(d.im, k.re, x.im)
	VFNMADD231PD(d.im, k.im, x.re)
	VFMADD231PD(d.re, k.im, x.im)
	return x
}

func addProduct(x, d, k points) {
	VFMADD231PD(d.re, k.re, x.re)
	VFMADD231PD(d.im, k.re, x.im)
	VFNMADD231PD(d.im, k.im, x.re)
	VFMADD231PD(d.re, k.im, x.im)
}

// inverseGroup is the inverse's levels 1 to 32 of a group. Before, index b
// and lane a stand for its point 8a+b; afterwards index a and lane b.
func inverseGroup(x []points, w Register, two, half VecVirtual) []points {
	inverseWithinIndex(x, two, half)
	lanes := func(i int) points { return load(at(w, i*blockBytes)) }

	// Level 8 joins points whose a differ in bit 0, level 16 in bit 1, level
	// 32 in bit 2.
	for b1 := range 2 {
		t := lanes(b1)
		for b2 := range 2 {
			u, v := &x[4*b2+2*b1], &x[4*b2+2*b1+1]
			exchangeBlocks(u, v, exchangeLow)
			butterfly(u, v, t, -turn(b2), two)
		}
	}
	for b2 := range 2 {
		t := lanes(2 + b2)
		for a0 := range 2 {
			u, v := &x[4*b2+a0], &x[4*b2+a0+2]
			exchangeBlocks(u, v, rotateMiddle)
			butterfly(u, v, t, -turn(a0), two)
		}
	}
	for a0 := range 2 {
		t := lanes(4 + a0)
		for a1 := range 2 {
			u, v := &x[2*a1+a0], &x[2*a1+a0+4]
			exchangeBlocks(u, v, rotateMiddle)
			butterfly(u, v, t, -turn(a1), two)
		}
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

// diagonalButterfly is butterfly with twiddle half - i*half.
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
