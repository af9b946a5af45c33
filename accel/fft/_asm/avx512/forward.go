package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

func decompose() {
	TEXT("decomposeAVX512", NOSPLIT, "func(z *float64, p *uint64, e uint64, twiddles *float64, signs *uint64)")
	Pragma("noescape")
	Doc("decomposeAVX512 sets z, as blocks, to the folded digits of (X^e - 1) p after levels 0 and 1,",
		"0 < e < 4096. It writes the eight words behind p. twiddles and signs: the fields decompose and signs of wideTables.")
	two, cut := Two(), ZMM()
	VPBROADCASTQ(digitsData, cut)
	w := Load(Param("twiddles"), GP64())
	w0, w1 := Broadcast(At(w, 0)), Broadcast(At(w, TwiddleBytes))
	d := &Decomposition{
		Digits:    func(rotated, own, sign Mem) VecVirtual { return digits(rotated, own, sign, cut) },
		SignBytes: 16, // a mask and a rounding constant
		Radix4:    func(x []Points) { ForwardRadix4(x, w0, w1, two) },
	}
	d.Emit()
}

// digits returns a vector of digits, of which cut clears the low bits.
func digits(rotated, own, sign Mem, cut VecVirtual) VecVirtual {
	x := ZMM()
	VMOVDQU64(rotated, x)
	VPXORQ_BCST(sign, x, x)
	VPADDQ_BCST(sign.Offset(8), x, x)
	VPSUBQ(own, x, x)
	VPANDQ(cut, x, x)
	VCVTQQ2PD(x, x)
	return x
}

// forwardPass is levels 2 and 3 of a quarter at z, the points of one node,
// whose twiddles are at w.
func forwardPass(label string, z, w Register, two VecVirtual) {
	block := Copy(z)
	w0, w1 := Broadcast(At(w, 0)), Broadcast(At(w, TwiddleBytes))
	Loop(label, 8, func() {
		x := LoadAll(At(block, 0), 8*blockBytes, 4)
		ForwardRadix4(x, w0, w1, two)
		StoreAll(x, At(block, 0), 8*blockBytes)
	}, By(block, blockBytes))
}
