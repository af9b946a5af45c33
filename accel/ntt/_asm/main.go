// This program writes the AVX-512 IFMA implementation of package ntt: 52-bit
// multiply-adds on vectors of eight words, with Shoup's quotients for 2^52.
//
// Words stay in the ranges that package ntt states: below 4q < 2^52 on the way
// forward, below 2q on the way back.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

const (
	word      = 8
	vector    = 8 * word
	polyBytes = 2048 * word
)

func main() {
	ConstraintExpr("!purego")
	forward()
	inverseAdd()
	subRun()
	decompose()
	dot()
	Generate()
}

// at is the address off bytes beyond base.
func at(base Register, off int) Mem { return Mem{Base: base, Disp: off} }

func load(m Mem) VecVirtual {
	v := ZMM()
	VMOVDQU64(m, v)
	return v
}

func loadAll(m Mem, stride, n int) []VecVirtual {
	x := make([]VecVirtual, n)
	for i := range x {
		x[i] = load(m.Offset(i * stride))
	}
	return x
}

func storeAll(x []VecVirtual, m Mem, stride int) {
	for i, v := range x {
		VMOVDQU64(v, m.Offset(i*stride))
	}
}

func broadcast(m Mem) VecVirtual {
	v := ZMM()
	VPBROADCASTQ(m, v)
	return v
}

// zero tells the register allocator what it does not know of VPXORQ: the
// result does not depend on what the register held.
func zero() VecVirtual {
	v := ZMM()
	i, err := x86.VPXORQ(v, v, v)
	if err != nil {
		panic(err)
	}
	i.CancellingInputs = true
	Instruction(i)
	return v
}

// loop repeats body until the counter, which it starts at n, is zero.
func loop(label string, n uint64, body func()) {
	counter := GP64()
	MOVQ(U64(n), counter)
	Label(label)
	body()
	DECQ(counter)
	JNZ(LabelRef(label))
}

// field holds the constants of a prime in registers, the same in all lanes.
type field struct{ q, negQ, twoQ, mask VecVirtual }

// loadField reads q, 2^52-q, 2q and 2^52-1.
func loadField(p Register) field {
	return field{broadcast(at(p, 0)), broadcast(at(p, 8)), broadcast(at(p, 16)), broadcast(at(p, 24))}
}

// factor is the address of a constant w and of its quotient floor(w*2^52/q):
// one number each, or a vector.
type factor struct {
	w, quotient Mem
	lanes       bool
}

// scalar is factor number i of a table of pairs.
func scalar(table Register, i int) factor {
	m := at(table, 2*word*i)
	return factor{w: m, quotient: m.Offset(word)}
}

// lanes is factor number i of a table of pairs of vectors.
func lanes(table Register, i int) factor {
	m := at(table, 2*vector*i)
	return factor{w: m, quotient: m.Offset(vector), lanes: true}
}

// times returns y*w modulo q below 2q, for y below 2^52.
func (f field) times(y VecVirtual, w factor) VecVirtual {
	quotient, t := zero(), zero()
	if w.lanes {
		VPMADD52HUQ(w.quotient, y, quotient)
		VPMADD52LUQ(w.w, y, t)
	} else {
		VPMADD52HUQ_BCST(w.quotient, y, quotient)
		VPMADD52LUQ_BCST(w.w, y, t)
	}
	VPMADD52LUQ(f.negQ, quotient, t)
	VPANDQ(f.mask, t, t)
	return t
}

// subtract brings v below bound, if it is below twice that.
func subtract(bound, v VecVirtual) {
	less := ZMM()
	VPSUBQ(bound, v, less)
	VPMINUQ(less, v, v)
}

// exchange swaps a bit of the lanes' number with the bit in which two
// registers' numbers differ; it moves the lanes' other bits as stated.
type exchange func(a, b VecVirtual)

// exchange2 swaps lane bit 2.
func exchange2(a, b VecVirtual) { shuffle(0x44, 0xee, a, b) }

// exchange1 takes out lane bit 1; bit 2 moves to 1, and the registers' to 2.
func exchange1(a, b VecVirtual) { shuffle(0x88, 0xdd, a, b) }

func shuffle(low, high uint64, a, b VecVirtual) {
	t := ZMM()
	VSHUFI64X2(U8(low), b, a, t)
	VSHUFI64X2(U8(high), b, a, b)
	VMOVDQA64(t, a)
}

// exchange0 swaps lane bit 0.
func exchange0(a, b VecVirtual) {
	t := ZMM()
	VPUNPCKLQDQ(b, a, t)
	VPUNPCKHQDQ(b, a, b)
	VMOVDQA64(t, a)
}
