package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func subRun() {
	TEXT("subRunIFMA", NOSPLIT, "func(dst *uint64, src *uint64, x *uint64, n uint64, flip uint64, add uint64)")
	Doc("subRunIFMA sets dst = (src XOR flip) + add - x, for n words.")
	dst, src, x := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	flip, add := ZMM(), ZMM()
	VPBROADCASTQ(Load(Param("flip"), GP64()), flip)
	VPBROADCASTQ(Load(Param("add"), GP64()), add)
	Label("vectors")
	CMPQ(n, U8(8))
	JB(LabelRef("rest"))
	v := ZMM()
	VPXORQ(at(src, 0), flip, v)
	VPADDQ(add, v, v)
	VPSUBQ(at(x, 0), v, v)
	VMOVDQU64(v, at(dst, 0))
	for _, p := range []Register{dst, src, x} {
		ADDQ(U8(vector), p)
	}
	SUBQ(U8(8), n)
	JMP(LabelRef("vectors"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask, some, w := GP64(), K(), ZMM()
	MOVQ(I32(-1), mask)
	BZHIQ(n, mask, mask)
	KMOVB(mask.As32(), some)
	VMOVDQU64_Z(at(src, 0), some, v)
	VMOVDQU64_Z(at(x, 0), some, w)
	VPXORQ(flip, v, v)
	VPADDQ(add, v, v)
	VPSUBQ(w, v, v)
	VMOVDQU64(v, some, at(dst, 0))
	Label("done")
	VZEROUPPER()
	RET()
}

const (
	baseLog    = 25
	levels     = 3
	rows       = 9
	columns    = 3
	lowBits    = 52
	firstShift = 2*lowBits - baseLog - lowBits // of the first digit in the upper limb
	lastShift  = 2*lowBits - levels*baseLog    // of the last digit in the lower limb
)

func decompose() {
	TEXT("decomposeIFMA", NOSPLIT, "func(d0 *uint64, d1 *uint64, x *uint64, constants *uint64)")
	Doc("decomposeIFMA is RNS.decompose. constants: the limbs of 52 bits of both fractions, least significant first;",
		"those of the offset; q0 - B/2 and q1 - B/2; B - 1.")
	d := [2]Register{Load(Param("d0"), GP64()), Load(Param("d1"), GP64())}
	x, p := Load(Param("x"), GP64()), Load(Param("constants"), GP64())
	var c [11]VecVirtual
	for i := range c {
		c[i] = broadcast(at(p, word*i))
	}
	loop("decompose", 256, func() {
		low, high := ZMM(), ZMM()
		VMOVDQA64(c[6], low)
		VMOVDQA64(c[7], high)
		for prime := range 2 {
			y, f := load(at(x, prime*polyBytes)), c[3*prime:]
			VPMADD52HUQ(f[0], y, low)
			VPMADD52LUQ(f[1], y, low)
			VPMADD52HUQ(f[1], y, high)
			VPMADD52LUQ(f[2], y, high)
		}
		carry := ZMM()
		VPSRLQ(U8(lowBits), low, carry)
		VPADDQ(carry, high, high)
		for j, digit := range digits(low, high, c[10]) {
			for prime, out := range d {
				v := ZMM()
				VPADDQ(c[8+prime], digit, v)
				VMOVDQU64(v, at(out, j*polyBytes))
			}
		}
		for _, p := range []Register{d[0], d[1], x} {
			ADDQ(U8(vector), p)
		}
	})
	VZEROUPPER()
	RET()
}

// digits cuts the three digits out of two limbs; the bits of low above 52 were
// carried to high already.
func digits(low, high, mask VecVirtual) (d [levels]VecVirtual) {
	for i := range d {
		d[i] = ZMM()
	}
	VPSRLQ(U8(firstShift), high, d[0])
	VPSRLQ(U8(firstShift-baseLog), high, d[1])
	VPSLLQ(U8(64-lowBits), low, low)
	VPSRLQ(U8(64-lowBits+lastShift), low, low)
	VPSLLQ(U8(lowBits-lastShift), high, d[2])
	VPORQ(low, d[2], d[2])
	for i := range d {
		VPANDQ(mask, d[i], d[i])
	}
	return d
}

func dot() {
	TEXT("dotIFMA", NOSPLIT, "func(dst *uint64, x *uint64, w *uint64, constants *uint64)")
	Doc("dotIFMA is Modulus.dot. constants: q, 1/q modulo 2^52, 2^50-q, 2^50-1.")
	dst, x, w := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("w"), GP64())
	p := Load(Param("constants"), GP64())
	q, inverse, delta, mask := broadcast(at(p, 0)), broadcast(at(p, 8)), broadcast(at(p, 16)), broadcast(at(p, 24))
	loop("dot", 256, func() {
		var low, high [columns]VecVirtual
		for z := range columns {
			low[z], high[z] = zero(), zero()
		}
		for r := range rows {
			digit := load(at(x, r*polyBytes))
			for z := range columns {
				key := load(at(w, (r*columns+z)*vector))
				VPMADD52LUQ(key, digit, low[z])
				VPMADD52HUQ(key, digit, high[z])
			}
		}
		for z := range columns {
			divide52(low[z], high[z], q, inverse, delta, mask)
			VMOVDQU64(high[z], at(dst, z*polyBytes))
		}
		ADDQ(U8(vector), dst)
		ADDQ(U8(vector), x)
		ADDQ(U32(rows*columns*vector), w)
	})
	VZEROUPPER()
	RET()
}

// divide52 sets high to (high*2^52 + low)/2^52 modulo q, below 2q. high ends up
// below 10q before the last step, which is so cheap since q is close to 2^50.
func divide52(low, high, q, inverse, delta, mask VecVirtual) {
	carry, m, multiple := ZMM(), zero(), zero()
	VPSRLQ(U8(lowBits), low, carry)
	VPMADD52LUQ(inverse, low, m)
	VPMADD52HUQ(q, m, multiple)
	VPADDQ(carry, high, high)
	VPSUBQ(multiple, high, high)
	VPADDQ(q, high, high)
	VPSRLQ(U8(50), high, carry)
	VPANDQ(mask, high, high)
	VPMADD52LUQ(delta, carry, high)
}
