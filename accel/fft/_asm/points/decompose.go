package points

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// SegmentBytes is the size of a segment; eight make a polynomial.
const SegmentBytes = PolyBytes / 8

// Decomposition writes the digits of (X^e - 1) p after levels 0 and 1, as the
// body of a function with parameters z, p, e, twiddles and signs.
//
// It handles eight vectors of coefficients, a segment apart, at a time.
// Rotation by e shifts all eight alike, so they read from eight consecutive
// segments of the ring of 16 that p and -p make, at a common offset; when the
// offset leaves its segment, each moves to the next.
type Decomposition struct {
	// Digits returns digits of coefficients of X^e p or its negative, as sign
	// says, and of p. A sign has SignBytes bytes.
	Digits    func(rotated, own, sign Mem) VecVirtual
	SignBytes int
	// Radix4 is levels 0 and 1.
	Radix4 func(x []Points)

	own, sign Register // p itself; the signs of the segments
	rotated   [8]Register
}

func (d *Decomposition) Emit() {
	z := Load(Param("z"), GP64())
	d.own, d.sign = Load(Param("p"), GP64()), GP64()
	for i := range d.rotated {
		d.rotated[i] = GP64()
	}
	d.wrap()
	segment, offset := source()
	left := GP64()
	MOVQ(U32(PolyBytes/8/VectorBytes), left)
	Label("segment")
	d.point(segment)
	Label("vector")
	x := d.load(offset)
	d.Radix4(x)
	StoreAll(x, At(z, 0), PolyBytes/4)
	Advance(By(z, 2*VectorBytes), By(d.own, VectorBytes), By(offset, VectorBytes))
	DECQ(left)
	JZ(LabelRef("done"))
	CMPQ(offset, U32(SegmentBytes))
	JLT(LabelRef("vector"))
	SUBQ(U32(SegmentBytes), offset)
	INCQ(segment)
	ANDQ(U8(15), segment)
	JMP(LabelRef("segment"))
	Label("done")
	End()
}

// wrap continues p by a vector, as X^2048 = -1.
func (d *Decomposition) wrap() {
	first := zero()
	VPSUBQ(At(d.own, 0), first, first)
	VMOVUPD(first, At(d.own, PolyBytes))
}

// source returns where coefficient 0 of the rotation comes from: the number of
// a segment, modulo 16, and the bytes from its start, below SegmentBytes.
func source() (segment, offset Register) {
	segment, offset = GP64(), GP64()
	e := Load(Param("e"), GP64())
	LEAQ(At(e, 255), segment)
	SHRQ(U8(8), segment)
	MOVQ(segment, offset)
	SHLQ(U8(8), offset)
	SUBQ(e, offset)
	SHLQ(U8(3), offset)
	NEGQ(segment)
	ANDQ(U8(15), segment)
	return segment, offset
}

// point lets rotated and sign follow eight segments from the given one.
func (d *Decomposition) point(segment Register) {
	base := Load(Param("p"), GP64())
	for i, r := range d.rotated {
		LEAQ(At(segment, i), r)
		ANDQ(U8(7), r)
		SHLQ(U8(11), r)
		ADDQ(base, r)
	}
	IMUL3Q(U8(d.SignBytes), segment, d.sign)
	ADDQ(Load(Param("signs"), GP64()), d.sign)
}

// load returns four vectors of points, whose imaginary parts are half a
// polynomial from their real ones.
func (d *Decomposition) load(offset Register) []Points {
	digits := func(i int) VecVirtual {
		return d.Digits(Mem{Base: d.rotated[i], Index: offset, Scale: 1},
			At(d.own, SegmentBytes*i), At(d.sign, d.SignBytes*i))
	}
	x := make([]Points, 4)
	for i := range x {
		x[i] = Points{Re: digits(i), Im: digits(i + 4)}
	}
	return x
}
