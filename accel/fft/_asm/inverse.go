package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// inversePass is the inverse's levels 64 and 128.
func inversePass() {
	TEXT("inversePassAVX512", NOSPLIT, "func(z *float64, twiddles *float64)")
	Doc("inversePassAVX512 is the inverse's levels 64 and 128. twiddles: for each of the first eight blocks the",
		"vectors of both levels, that of level 64 without its factor -i.")
	z := Load(Param("z"), GP64())
	w := Load(Param("twiddles"), GP64())
	two := two()
	for half, label := range []string{"first", "second"} {
		loop(label, 4, func() {
			w0, w1 := load(at(w, 0)), load(at(w, blockBytes))
			loop(label+"Block", 4, func() {
				x := loadBlocks(at(z, 0), 8*blockBytes, 4)
				inverseRadix4(x, w0, w1, -turn(half), two)
				storeBlocks(x, at(z, 0), 8*blockBytes)
			}, stride{z, 32 * blockBytes})
		}, stride{z, blockBytes - 4*32*blockBytes}, stride{w, 2 * blockBytes})
	}
	VZEROUPPER()
	RET()
}

// inverseRadix4 is two levels, the first turned by t.
func inverseRadix4(x []points, w0, w1 points, t turn, two VecVirtual) {
	butterfly(&x[0], &x[1], w0, t, two)
	butterfly(&x[2], &x[3], w0, t, two)
	butterfly(&x[0], &x[2], w1, none, two)
	butterfly(&x[1], &x[3], w1, negative, two)
}

// accumulate is the inverse's last two levels and what follows.
func accumulate() {
	TEXT("accumulateAVX512", NOSPLIT, "func(p *uint64, z *float64, twiddles *float64)")
	Doc("accumulateAVX512 is the inverse's levels 256 and 512, untwists, rounds and adds to p. twiddles: for each of",
		"the first 32 blocks a vector of both levels, that of level 256 without its factor -i, and the untwists of the",
		"block and of those 32, 64 and 96 further on.")
	p := Load(Param("p"), GP64())
	z := Load(Param("z"), GP64())
	w := Load(Param("twiddles"), GP64())
	two := two()
	for half, label := range []string{"first", "second"} {
		loop(label, 16, func() {
			w0, w1 := load(at(w, 0)), load(at(w, blockBytes))
			x := loadBlocks(at(z, 0), 32*blockBytes, 4)
			inverseRadix4(x, w0, w1, -turn(half), two)
			for i := range x {
				y := untwist(x[i], load(at(w, (2+i)*blockBytes)))
				addRounded(y.re, at(p, i*segmentBytes))
				addRounded(y.im, at(p, i*segmentBytes+polyBytes/2))
			}
		}, stride{z, blockBytes}, stride{w, 6 * blockBytes}, stride{p, vectorBytes})
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

// addRounded adds the integers nearest to x, in units of 2^35, to those at m.
func addRounded(x VecVirtual, m Mem) {
	VCVTPD2QQ(x, x)
	VPSLLQ(U8(35), x, x)
	VPADDQ(m, x, x)
	VMOVDQU64(x, m)
}
