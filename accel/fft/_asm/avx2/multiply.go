package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

// Forward twiddles: of a node of level 2, then four times of a group, that is
// of a node of level 4, of its four grandchildren, and four vectors each for
// levels 8 and 9. Of a node there are its own and its first child's.
const (
	nodeBytes         = 2 * TwiddleBytes
	laneTwiddles      = 5 * nodeBytes
	groupTwiddleBytes = laneTwiddles + 8*lineBytes
)

// Inverse twiddles: vectors for levels 4 and 8, then four each for 16 and 32,
// then sixteen each for 64 and 128.
const (
	groupInverse = 2 * lineBytes
	passInverse  = groupInverse + 8*lineBytes
)

// product emits multiplyAVX2, the part of a controlled rotation that stays
// within a quarter of a spectrum, the 256 points of one node of level 2.
type product struct {
	mask, body, key, forward, inverse, ahead Register
	two                                      VecVirtual
}

func multiply() {
	TEXT("multiplyAVX2", NOSPLIT, "func(mask *float64, body *float64, key *float64, forward *float64, inverse *float64, ahead *float64)")
	Pragma("noescape")
	Doc("multiplyAVX2 is levels 2 to 9 of mask and body, their product with key, and the inverse's levels 1 to 128.",
		"forward and inverse: the fields of narrowTables with these names. It fetches 8192 bytes at ahead.")
	p := &product{
		mask: Load(Param("mask"), GP64()), body: Load(Param("body"), GP64()),
		key:     Load(Param("key"), GP64()),
		forward: Load(Param("forward"), GP64()), inverse: Load(Param("inverse"), GP64()),
		ahead: Load(Param("ahead"), GP64()),
		two:   Two(),
	}
	Loop("quarter", 4, p.quarter, By(p.mask, quarterBytes), By(p.body, quarterBytes))
	End()
}

func (p *product) quarter() {
	w0, w1 := Broadcast(At(p.forward, 0)), Broadcast(At(p.forward, TwiddleBytes))
	level2 := func(x []Points) { ForwardRadix4(x, w0, w1, p.two) }
	pass("mask2", p.mask, 16, level2)
	pass("body2", p.body, 16, level2)
	Advance(By(p.forward, nodeBytes))
	mask, body := Copy(p.mask), Copy(p.body)
	Loop("group", 4, func() { p.group(mask, body) },
		By(mask, groupBytes), By(body, groupBytes), By(p.key, groupBytes), By(p.forward, groupTwiddleBytes))
	p.inversePass("mask64", p.mask, 16, passInverse)
	p.inversePass("body64", p.body, 16, passInverse)
}

// group is all levels that join points of one group.
func (p *product) group(mask, body Register) {
	p.prefetch()
	p.forwardGroup(mask, body, p.forward)
	p.middle(mask, body)
	p.inverseGroup(mask, body)
}

// prefetch asks for the group of the key's polynomials that will be needed
// some hundred cycles later, and for some of what lies ahead.
func (p *product) prefetch() {
	for i := range 4 {
		Prefetch(At(p.key, i*PolyBytes), groupBytes)
	}
	PrefetchFar(At(p.ahead, 0), aheadBytes)
	Advance(By(p.ahead, aheadBytes))
}

// middle is levels 8 and 9, the product, and the inverse's levels 1 and 2.
//
// Vector 8u+2r+v of a group, lane c, 0 <= c, r < 4, is its point 32u+8r+4v+c.
// For these levels the vectors with equal u and v are transposed to index c
// and lane r. A block of the key, which has eight lanes, serves both u.
func (p *product) middle(mask, body Register) {
	mask, body = Copy(mask), Copy(body)
	key, w := Copy(p.key), Copy(p.forward)
	Loop("middle", 2, func() {
		for v := range 2 {
			p.unit(At(mask, v*lineBytes), At(body, v*lineBytes), At(key, v*groupBytes/2), At(w, laneTwiddles+4*v*lineBytes))
		}
	}, By(mask, groupBytes/2), By(body, groupBytes/2), By(key, VectorBytes), By(w, 2*lineBytes))
}

// unit is the middle of four vectors.
func (p *product) unit(mask, body, key, w Mem) {
	x := p.forwardUnit(mask, w)
	StoreAll(x, mask, 2*lineBytes)
	x = p.forwardUnit(body, w)
	for c := range x {
		x[c] = ExternalProduct(mask.Offset(2*c*lineBytes), x[c], func(polynomial int) Row {
			k := key.Offset(polynomial*PolyBytes + c*groupBytes/8)
			return Row{Re: k, Im: k.Offset(64)}
		})
	}
	p.inverseUnit(x, body)
	p.inverseUnit(LoadAll(mask, 2*lineBytes, 4), mask)
}

func (p *product) forwardUnit(z, w Mem) []Points {
	x := LoadAll(z, 2*lineBytes, 4)
	transpose(x)
	ForwardRadix4(x, LoadPoints(w), LoadPoints(w.Offset(lineBytes)), p.two)
	return x
}

func (p *product) inverseUnit(x []Points, z Mem) {
	TrivialRadix4(x, p.two)
	transpose(x)
	StoreAll(x, z, 2*lineBytes)
}

// transpose swaps index and lane of four vectors.
func transpose(x []Points) {
	transposeParts(&x[0].Re, &x[1].Re, &x[2].Re, &x[3].Re)
	transposeParts(&x[0].Im, &x[1].Im, &x[2].Im, &x[3].Im)
}

func transposeParts(a, b, c, d *VecVirtual) {
	exchange := func(x, y *VecVirtual, low, high func(x, y, to VecVirtual)) {
		lo, hi := YMM(), YMM()
		low(*x, *y, lo)
		high(*x, *y, hi)
		*x, *y = lo, hi
	}
	low := func(x, y, to VecVirtual) { VUNPCKLPD(y, x, to) }
	high := func(x, y, to VecVirtual) { VUNPCKHPD(y, x, to) }
	exchange(a, b, low, high)
	exchange(c, d, low, high)
	low = func(x, y, to VecVirtual) { VPERM2F128(U8(0x20), y, x, to) }
	high = func(x, y, to VecVirtual) { VPERM2F128(U8(0x31), y, x, to) }
	exchange(a, c, low, high)
	exchange(b, d, low, high)
}
