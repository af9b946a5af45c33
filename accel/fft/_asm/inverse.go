package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// inversePass is the inverse's levels 64 and 128 of a quarter at z.
func inversePass(label string, z, twiddles Register, two VecVirtual) {
	block, w := GP64(), GP64()
	MOVQ(z, block)
	MOVQ(twiddles, w)
	for half := range 2 {
		loop(fmt.Sprint(label, half), 4, func() {
			w0, w1 := load(at(w, 6*blockBytes)), load(at(w, 7*blockBytes))
			x := loadBlocks(at(block, 0), 8*blockBytes, 4)
			inverseRadix4(x, w0, w1, -turn(half), two)
			storeBlocks(x, at(block, 0), 8*blockBytes)
		}, stride{block, blockBytes}, stride{w, 2 * blockBytes})
	}
}

// inverseRadix4 is two levels, the first turned by t.
func inverseRadix4(x []points, w0, w1 points, t turn, two VecVirtual) {
	butterflies(two, pair{&x[0], &x[1], w0, t}, pair{&x[2], &x[3], w0, t})
	butterflies(two, pair{&x[0], &x[2], w1, none}, pair{&x[1], &x[3], w1, negative})
}

// accumulate is the inverse's last two levels and what follows.
func accumulate() {
	TEXT("accumulateAVX512", NOSPLIT, "func(p *uint64, z *float64, twiddles *float64)")
	Pragma("noescape")
	Doc("accumulateAVX512 is the inverse's levels 256 and 512, untwists, rounds and adds to p. twiddles: the field",
		"accumulate of tables.")
	p := Load(Param("p"), GP64())
	z := Load(Param("z"), GP64())
	w := Load(Param("twiddles"), GP64())
	two := two()
	for half := range 2 {
		loop(fmt.Sprint("half", half), 16, func() {
			w0, w1 := load(at(w, 0)), load(at(w, blockBytes))
			x := loadBlocks(at(z, 0), 32*blockBytes, 4)
			inverseRadix4(x, w0, w1, -turn(half), two)
			for i := range x {
				x[i] = untwist(x[i], load(at(w, (2+i)*blockBytes)))
				addRounded(x[i].re, at(p, i*segmentBytes))
				addRounded(x[i].im, at(p, i*segmentBytes+polyBytes/2))
			}
			for i := range x {
				VMOVDQU64(x[i].re, at(p, i*segmentBytes))
				VMOVDQU64(x[i].im, at(p, i*segmentBytes+polyBytes/2))
			}
		}, stride{p, vectorBytes}, stride{z, blockBytes}, stride{w, 6 * blockBytes})
	}
	VZEROUPPER()
	RET()
}

// untwist returns w*x.
func untwist(x, w points) points {
	y := newPoints()
	VMULPD(w.im, x.im, y.re)
	VMULPD(w.re, x.im, y.im)
	VFMSUB231PD(w.re, x.re, y.re)
	VFMADD231PD(w.im, x.re, y.im)
	return y
}

// addRounded makes x the integers nearest to it, in units of 2^35, plus those
// at m.
func addRounded(x VecVirtual, m Mem) {
	VCVTPD2QQ(x, x)
	VPSLLQ(U8(35), x, x)
	VPADDQ(m, x, x)
}
