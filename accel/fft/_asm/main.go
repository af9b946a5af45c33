// This program writes the AVX-512 implementation of package fft: the graph of
// docs/spec/transform.md on vectors of eight points.
//
// The working form of a spectrum is 128 blocks of eight real and eight
// imaginary parts; block v starts out with points 8v to 8v+7. Two levels of
// the transform whose butterflies join blocks far apart make a pass. The six
// levels on either side of the product with the key stay in registers: a
// group of eight blocks has 64 neighbouring points.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	vectorBytes = 64
	blockBytes  = 2 * vectorBytes
	polyBytes   = 2048 * 8
	groupBytes  = 8 * blockBytes
)

func main() {
	ConstraintExpr("!purego")
	decompose()
	multiply()
	accumulate()
	Generate()
}

// points is a block in registers; a twiddle vector has the same shape.
type points struct{ re, im VecVirtual }

func newPoints() points { return points{ZMM(), ZMM()} }

// at is the address off bytes beyond base.
func at(base Register, off int) Mem { return Mem{Base: base, Disp: off} }

func load(m Mem) points {
	p := newPoints()
	VMOVUPD(m, p.re)
	VMOVUPD(m.Offset(vectorBytes), p.im)
	return p
}

func loadBlocks(m Mem, stride, n int) []points {
	x := make([]points, n)
	for i := range x {
		x[i] = load(m.Offset(i * stride))
	}
	return x
}

// broadcast loads a twiddle, two numbers, into all lanes.
func broadcast(m Mem) points {
	p := newPoints()
	VBROADCASTSD(m, p.re)
	VBROADCASTSD(m.Offset(8), p.im)
	return p
}

func store(p points, m Mem) {
	VMOVUPD(p.re, m)
	VMOVUPD(p.im, m.Offset(vectorBytes))
}

func storeBlocks(x []points, m Mem, stride int) {
	for i, p := range x {
		store(p, m.Offset(i*stride))
	}
}

// Constants, each one number.
var (
	twoData    = ConstData("two", F64(2))
	halfData   = ConstData("half", F64(math.Sqrt2/2))
	digitsData = ConstData("digits", U64(1<<64-1<<41))
)

// two returns a register with 2.0 in all lanes.
func two() VecVirtual {
	x := ZMM()
	VBROADCASTSD(twoData, x)
	return x
}

// turn multiplies a butterfly's twiddle by a power of i.
type turn int

const (
	none     turn = 0
	positive turn = 1  // by i
	negative turn = -1 // by -i
)

// A pair is the operands of one butterfly.
type pair struct {
	u, v *points
	w    points
	t    turn
}

// butterflies replaces u and v of each pair by x = u + w*v and 2u - x. It
// takes each step for all pairs before the next, as each waits for the last.
func butterflies(two VecVirtual, pairs ...pair) {
	x := make([]points, len(pairs))
	for i, p := range pairs {
		x[i] = newPoints()
		VMOVAPD(p.u.re, x[i].re)
		VMOVAPD(p.u.im, x[i].im)
	}
	for i, p := range pairs {
		p.addRealTimes(x[i])
	}
	for i, p := range pairs {
		p.addImaginaryTimes(x[i])
	}
	for i, p := range pairs {
		reflect(p.u, p.v, x[i], two)
	}
}

// addRealTimes adds the real part of the turned twiddle times v to x:
// w = re + i*im, i*w = -im + i*re, -i*w = im - i*re.
func (p pair) addRealTimes(x points) {
	switch p.t {
	case none:
		VFMADD231PD(p.w.re, p.v.re, x.re)
		VFMADD231PD(p.w.re, p.v.im, x.im)
	case positive:
		VFNMADD231PD(p.w.im, p.v.re, x.re)
		VFNMADD231PD(p.w.im, p.v.im, x.im)
	case negative:
		VFMADD231PD(p.w.im, p.v.re, x.re)
		VFMADD231PD(p.w.im, p.v.im, x.im)
	}
}

// addImaginaryTimes adds its imaginary part times i*v.
func (p pair) addImaginaryTimes(x points) {
	switch p.t {
	case none:
		VFNMADD231PD(p.w.im, p.v.im, x.re)
		VFMADD231PD(p.w.im, p.v.re, x.im)
	case positive:
		VFNMADD231PD(p.w.re, p.v.im, x.re)
		VFMADD231PD(p.w.re, p.v.re, x.im)
	case negative:
		VFMADD231PD(p.w.re, p.v.im, x.re)
		VFNMADD231PD(p.w.re, p.v.re, x.im)
	}
}

// trivialButterfly is a butterfly with twiddle 1, or -i if t is negative; what
// it leaves out are products with zero.
func trivialButterfly(u, v *points, t turn, two VecVirtual) {
	x := newPoints()
	if t == negative {
		VADDPD(v.im, u.re, x.re)
		VSUBPD(v.re, u.im, x.im)
	} else {
		VADDPD(v.re, u.re, x.re)
		VADDPD(v.im, u.im, x.im)
	}
	reflect(u, v, x, two)
}

// reflect sets v to 2u - x, then u to x.
func reflect(u, v *points, x points, two VecVirtual) {
	VFMSUB132PD(two, x.re, u.re)
	VFMSUB132PD(two, x.im, u.im)
	*u, *v = x, *u
}

// An exchange swaps the bit of the index that tells x from y with a bit of
// the lane number. What stays in x had zero in that bit of the lane.
type exchange func(x, y VecVirtual) (VecVirtual, VecVirtual)

// exchangeBlocks applies an exchange to both parts.
func exchangeBlocks(x, y *points, e exchange) {
	x.re, y.re = e(x.re, y.re)
	x.im, y.im = e(x.im, y.im)
}

// exchangeLow swaps the index bit with lane bit 0.
func exchangeLow(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VUNPCKLPD(y, x, lo)
	VUNPCKHPD(y, x, hi)
	return
}

// exchangeHigh swaps the index bit with lane bit 2.
func exchangeHigh(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VSHUFF64X2(U8(0x44), y, x, lo)
	VSHUFF64X2(U8(0xee), y, x, hi)
	return
}

// rotateMiddle moves lane bit 1 to the index, lane bit 2 to lane bit 1, and
// the index bit to lane bit 2.
func rotateMiddle(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VSHUFF64X2(U8(0x88), y, x, lo)
	VSHUFF64X2(U8(0xdd), y, x, hi)
	return
}

// stride says by how many bytes a pointer advances.
type stride struct {
	pointer Register
	bytes   int
}

func advance(strides ...stride) {
	for _, s := range strides {
		ADDQ(I32(s.bytes), s.pointer)
	}
}

// loop emits body, to run n times; the pointers advance after each.
func loop(label string, n int, body func(), strides ...stride) {
	left := GP64()
	MOVQ(U32(n), left)
	Label(label)
	body()
	advance(strides...)
	DECQ(left)
	JNZ(LabelRef(label))
}
