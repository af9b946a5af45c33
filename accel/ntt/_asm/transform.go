package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// butterfly is one of a transform on two registers.
type butterfly func(a, b VecVirtual, w factor)

// forwardButterfly sets a, b = a + w*b, a - w*b, all below 4q.
func (f field) forwardButterfly(a, b VecVirtual, w factor) {
	t := f.times(b, w)
	subtract(f.twoQ, a)
	VPADDQ(f.twoQ, a, b)
	VPSUBQ(t, b, b)
	VPADDQ(t, a, a)
}

// inverseButterfly sets a, b = a + b, (a - b)*w, all below 2q.
func (f field) inverseButterfly(a, b VecVirtual, w factor) {
	d := ZMM()
	VPADDQ(f.twoQ, a, d)
	VPSUBQ(b, d, d)
	VPADDQ(b, a, a)
	subtract(f.twoQ, a)
	VMOVDQA64(f.times(d, w), b)
}

// level runs the butterflies of all registers whose numbers differ in one bit.
// w gives the factor for the lower number.
func level(x []VecVirtual, bit int, b butterfly, w func(i int) factor) {
	for i := range x {
		if i&bit == 0 {
			b(x[i], x[i|bit], w(i))
		}
	}
}

func exchangeAll(x []VecVirtual, bit int, e exchange) {
	for i := range x {
		if i&bit == 0 {
			e(x[i], x[i|bit])
		}
	}
}

// A transform has three passes: levels 0 to 2 join words 256 apart, levels 3
// and 4 words 64 apart, and levels 5 to 10 stay within blocks of 64 words.
const (
	stride8  = 256 * word
	stride4  = 64 * word
	block    = 64 * word
	perBlock = 12 // vector factors of a block, four for each of levels 8 to 10
)

// tables are pointers that walk over the factors: scalar ones by node, node k
// of level l being number 2^l + k, and vectors by block.
type tables struct{ nodes, lanes Register }

func loadTables() tables {
	return tables{Load(Param("nodes"), GP64()), Load(Param("lanes"), GP64())}
}

func forward() {
	TEXT("forwardIFMA", NOSPLIT, "func(x *uint64, field *uint64, nodes *uint64, lanes *uint64)")
	Doc("forwardIFMA is Modulus.forward. field: q, 2^52-q, 2q, 2^52-1. nodes: 256 pairs of factor and quotient.",
		"lanes: for each of 32 blocks four pairs of vectors for each of levels 8, 9 and 10.")
	x := Load(Param("x"), GP64())
	f := loadField(Load(Param("field"), GP64()))
	t := loadTables()
	f.pass8(x, func(v []VecVirtual, p Register) {
		level(v, 4, f.forwardButterfly, func(int) factor { return scalar(t.nodes, 1) })
		level(v, 2, f.forwardButterfly, func(i int) factor { return scalar(t.nodes, 2+i>>2) })
		level(v, 1, f.forwardButterfly, func(i int) factor { return scalar(t.nodes, 4+i>>1) })
		storeAll(v, at(p, 0), stride8)
	})
	f.pass4(x, t.nodes, func(v []VecVirtual, level3, level4 Register) {
		level(v, 2, f.forwardButterfly, func(int) factor { return scalar(level3, 8) })
		level(v, 1, f.forwardButterfly, func(i int) factor { return scalar(level4, 16+i>>1) })
	})
	f.passBlocks(x, t, f.forwardBlock)
	VZEROUPPER()
	RET()
}

func inverseAdd() {
	TEXT("inverseAddIFMA", NOSPLIT, "func(dst *uint64, x *uint64, field *uint64, nodes *uint64, lanes *uint64)")
	Doc("inverseAddIFMA is Modulus.inverseAdd. field and nodes as in forwardIFMA, of the inverses.",
		"lanes: for each of 32 blocks four pairs of vectors for each of levels 10, 9 and 8.")
	x := Load(Param("x"), GP64())
	f := loadField(Load(Param("field"), GP64()))
	t := loadTables()
	f.passBlocks(x, t, f.inverseBlock)
	f.pass4(x, t.nodes, func(v []VecVirtual, level3, level4 Register) {
		level(v, 1, f.inverseButterfly, func(i int) factor { return scalar(level4, 16+i>>1) })
		level(v, 2, f.inverseButterfly, func(int) factor { return scalar(level3, 8) })
	})
	dst := Load(Param("dst"), GP64())
	f.pass8(x, func(v []VecVirtual, p Register) {
		level(v, 1, f.inverseButterfly, func(i int) factor { return scalar(t.nodes, 4+i>>1) })
		level(v, 2, f.inverseButterfly, func(i int) factor { return scalar(t.nodes, 2+i>>2) })
		level(v, 4, f.inverseButterfly, func(int) factor { return scalar(t.nodes, 1) })
		for i := range v {
			subtract(f.q, v[i])
			VPADDQ(at(dst, i*stride8), v[i], v[i])
			subtract(f.q, v[i])
		}
		storeAll(v, at(dst, 0), stride8)
		ADDQ(U8(vector), dst)
	})
	VZEROUPPER()
	RET()
}

// pass8 loads eight vectors 256 words apart at a time.
func (f field) pass8(x Register, body func(v []VecVirtual, p Register)) {
	p := GP64()
	MOVQ(x, p)
	loop("pass8", stride8/vector, func() {
		body(loadAll(at(p, 0), stride8, 8), p)
		ADDQ(U8(vector), p)
	})
}

// pass4 loads four vectors 64 words apart at a time, node by node of level 3.
func (f field) pass4(x, nodes Register, body func(v []VecVirtual, level3, level4 Register)) {
	p, level3, level4 := GP64(), GP64(), GP64()
	MOVQ(x, p)
	MOVQ(nodes, level3)
	MOVQ(nodes, level4)
	loop("pass4", 8, func() {
		loop("pass4node", stride4/vector, func() {
			v := loadAll(at(p, 0), stride4, 4)
			body(v, level3, level4)
			storeAll(v, at(p, 0), stride4)
			ADDQ(U8(vector), p)
		})
		ADDQ(U32(3*stride4), p)
		ADDQ(U8(2*word), level3)
		ADDQ(U8(4*word), level4)
	})
}

// blockNodes are pointers to the factors of a block's nodes.
type blockNodes struct{ level5, level6, level7, lanes Register }

func (f field) passBlocks(x Register, t tables, body func(p Register, n blockNodes)) {
	p, n := GP64(), blockNodes{GP64(), GP64(), GP64(), t.lanes}
	MOVQ(x, p)
	MOVQ(t.nodes, n.level5)
	MOVQ(t.nodes, n.level6)
	MOVQ(t.nodes, n.level7)
	loop("blocks", 32, func() {
		body(p, n)
		ADDQ(U32(block), p)
		ADDQ(U8(2*word), n.level5)
		ADDQ(U8(4*word), n.level6)
		ADDQ(U8(8*word), n.level7)
		ADDQ(U32(perBlock*2*vector), n.lanes)
	})
}

// forwardBlock runs levels 5 to 10. Word 8e+l of the block begins in lane l of
// register e. Before each of the last levels a bit of l moves into the
// register's number; in the end the lane is e and the register's bits are
// 1, 2 and 0 of l.
func (f field) forwardBlock(p Register, n blockNodes) {
	x := loadAll(at(p, 0), vector, 8)
	level(x, 4, f.forwardButterfly, func(int) factor { return scalar(n.level5, 32) })
	level(x, 2, f.forwardButterfly, func(i int) factor { return scalar(n.level6, 64+i>>2) })
	level(x, 1, f.forwardButterfly, func(i int) factor { return scalar(n.level7, 128+i>>1) })
	exchangeAll(x, 2, exchange2)
	level(x, 2, f.forwardButterfly, func(i int) factor { return lanes(n.lanes, without(i, 2)) })
	exchangeAll(x, 4, exchange1)
	level(x, 4, f.forwardButterfly, func(i int) factor { return lanes(n.lanes, 4+without(i, 4)) })
	exchangeAll(x, 1, exchange0)
	level(x, 1, f.forwardButterfly, func(i int) factor { return lanes(n.lanes, 8+without(i, 1)) })
	storeAll(swapped(x), at(p, 0), vector)
}

// inverseBlock runs levels 10 to 5. It takes the bits out of the lanes in
// another order, which needs no other shuffles: between levels 9 and 8 lanes
// have bits 1 and 0 of l around bit 2 of e.
func (f field) inverseBlock(p Register, n blockNodes) {
	x := swapped(loadAll(at(p, 0), vector, 8))
	level(x, 1, f.inverseButterfly, func(i int) factor { return lanes(n.lanes, without(i, 1)) })
	exchangeAll(x, 1, exchange0)
	level(x, 4, f.inverseButterfly, func(i int) factor { return lanes(n.lanes, 4+without(i, 4)) })
	exchangeAll(x, 4, exchange1)
	level(x, 2, f.inverseButterfly, func(i int) factor { return lanes(n.lanes, 8+without(i, 2)) })
	exchangeAll(x, 2, exchange1)
	x = swapped(x)
	level(x, 1, f.inverseButterfly, func(i int) factor { return scalar(n.level7, 128+i>>1) })
	level(x, 2, f.inverseButterfly, func(i int) factor { return scalar(n.level6, 64+i>>2) })
	level(x, 4, f.inverseButterfly, func(int) factor { return scalar(n.level5, 32) })
	storeAll(x, at(p, 0), vector)
}

// without drops a bit of a register's number.
func without(i, bit int) int { return i/2&^(bit-1) | i&(bit-1) }

// swapped renumbers eight registers by swapping bits 2 and 1.
func swapped(x []VecVirtual) []VecVirtual {
	return []VecVirtual{x[0], x[1], x[4], x[5], x[2], x[3], x[6], x[7]}
}
