package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

// A digit is u*2^41 - 2^63 for some 0 <= u < 2^23. The bits of 2^93 + u*2^41,
// as a floating-point number, are those of 2^93 with u in place of the last
// ones; subtracting 2^93 + 2^63 is exact.
var (
	digitBits   = constant("digitBits", U64(math.Float64bits(1<<93)))
	digitOffset = constant("digitOffset", F64(1<<93+1<<63))
)

func decompose() {
	TEXT("decomposeAVX2", NOSPLIT, "func(z *float64, p *uint64, e uint64, twiddles *float64, signs *uint64)")
	Pragma("noescape")
	Doc("decomposeAVX2 sets z, as vectors, to the folded digits of (X^e - 1) p after levels 0 and 1, 0 < e < 4096.",
		"It writes the four words behind p. twiddles and signs: the fields decompose and signs of narrowTables.")
	two := Two()
	w := Load(Param("twiddles"), GP64())
	half := Fill(At(w, 0)) // both parts of level 0's twiddle, exp(i*pi/4)
	w0, w1 := Points{Re: half, Im: half}, Broadcast(At(w, TwiddleBytes))
	d := &Decomposition{
		Digits:    digits,
		SignBytes: 64, // a mask and a rounding constant, in all lanes
		Radix4:    func(x []Points) { ForwardRadix4(x, w0, w1, two) },
	}
	d.Emit()
}

// digits returns a vector of digits. The sign's rounding constant includes
// 2^63.
func digits(rotated, own, sign Mem) VecVirtual {
	x := YMM()
	VMOVDQU(rotated, x)
	VPXOR(sign, x, x)
	VPADDQ(sign.Offset(VectorBytes), x, x)
	VPSUBQ(own, x, x)
	VPSRLQ(U8(41), x, x)
	VPOR(digitBits, x, x)
	VSUBPD(digitOffset, x, x)
	return x
}

// forwardGroup is levels 4 to 7 of a group: of its node, whose twiddles are at
// w, and of that node's four grandchildren. No pass follows another that it
// waits for.
func (p *product) forwardGroup(mask, body, w Register) {
	w0, w1 := Broadcast(At(w, 0)), Broadcast(At(w, TwiddleBytes))
	level4 := func(x []Points) { ForwardRadix4(x, w0, w1, p.two) }
	pass("mask4", mask, 4, level4)
	pass("body4", body, 4, level4)
	p.grandchildren("mask6", mask, w)
	p.grandchildren("body6", body, w)
}

func (p *product) grandchildren(label string, z, w Register) {
	z, w = Copy(z), Copy(w)
	Loop(label, 4, func() {
		w0, w1 := Broadcast(At(w, nodeBytes)), Broadcast(At(w, nodeBytes+TwiddleBytes))
		x := LoadAll(At(z, 0), lineBytes, 4)
		ForwardRadix4(x, w0, w1, p.two)
		StoreAll(x, At(z, 0), lineBytes)
	}, By(z, 4*lineBytes), By(w, nodeBytes))
}
