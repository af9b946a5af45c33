// Package points holds what all schedules of the transform's graph (section 1
// of docs/spec/transform.md) share: butterflies and products of vectors of
// points in registers, as instructions of whichever width a program sets.
package points

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// PolyBytes is the size of a polynomial, and of its spectrum.
const PolyBytes = 2048 * 8

// TwiddleBytes is the size of a twiddle of which all lanes get a copy.
const TwiddleBytes = 16

// NewVector allocates a register.
var NewVector = ZMM

// VectorBytes is its size.
var VectorBytes = 64

// Narrow sets the width to 256 bits; it is 512 at first, and there are twice
// as many registers.
func Narrow() { NewVector, VectorBytes = YMM, 32 }

func narrow() bool { return VectorBytes == 32 }

// Points is a vector of complex numbers: points of a spectrum or twiddles. In
// memory its imaginary parts follow its real parts.
type Points struct{ Re, Im VecVirtual }

func NewPoints() Points { return Points{NewVector(), NewVector()} }

// At is the address off bytes beyond base.
func At(base Register, off int) Mem { return Mem{Base: base, Disp: off} }

func LoadPoints(m Mem) Points {
	p := NewPoints()
	VMOVUPD(m, p.Re)
	VMOVUPD(m.Offset(VectorBytes), p.Im)
	return p
}

func LoadAll(m Mem, stride, n int) []Points {
	x := make([]Points, n)
	for i := range x {
		x[i] = LoadPoints(m.Offset(i * stride))
	}
	return x
}

// Broadcast loads a twiddle, two numbers, into all lanes.
func Broadcast(m Mem) Points { return Points{Fill(m), Fill(m.Offset(8))} }

// Fill loads a number into all lanes.
func Fill(m Mem) VecVirtual {
	x := NewVector()
	VBROADCASTSD(m, x)
	return x
}

func StorePoints(p Points, m Mem) {
	VMOVUPD(p.Re, m)
	VMOVUPD(p.Im, m.Offset(VectorBytes))
}

func StoreAll(x []Points, m Mem, stride int) {
	for i, p := range x {
		StorePoints(p, m.Offset(i*stride))
	}
}

// LineBytes is the size of a cache line.
const LineBytes = 64

// Prefetch asks for n bytes at m, into the first-level cache.
func Prefetch(m Mem, n int) {
	for line := 0; line < n; line += LineBytes {
		PREFETCHT0(m.Offset(line))
	}
}

// PrefetchFar asks for n bytes at m, into the second-level cache.
func PrefetchFar(m Mem, n int) {
	for line := 0; line < n; line += LineBytes {
		PREFETCHT1(m.Offset(line))
	}
}

// Stride says by how many bytes a pointer advances.
type Stride struct {
	pointer Register
	bytes   int
}

func By(pointer Register, bytes int) Stride { return Stride{pointer, bytes} }

func Advance(strides ...Stride) {
	for _, s := range strides {
		ADDQ(I32(s.bytes), s.pointer)
	}
}

// Loop emits body, to run n times; the pointers advance after each.
func Loop(label string, n int, body func(), strides ...Stride) {
	left := GP64()
	MOVQ(U32(n), left)
	Label(label)
	body()
	Advance(strides...)
	DECQ(left)
	JNZ(LabelRef(label))
}

// Copy returns another register with r's contents.
func Copy(r Register) Register {
	c := GP64()
	MOVQ(r, c)
	return c
}

// End returns from a function. Without VZEROUPPER each SSE instruction
// after it would cost a hundred nanoseconds.
func End() {
	VZEROUPPER()
	RET()
}
