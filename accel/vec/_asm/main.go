// This program writes the AVX-512 implementation of package vec.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	vectorBytes = 64
	vectorWords = 16
	tile        = 8 // vectors of columns that registers hold at a time
)

func main() {
	ConstraintExpr("!purego")
	mulAddRows()
	Generate()
}

// mulAddRows walks down all rows once for every tile of columns: first wide
// tiles, then single vectors, then what is left, under a mask.
func mulAddRows() {
	TEXT("mulAddRowsAVX512", NOSPLIT, "func(dst *uint32, rows *uint32, c *uint32, width uint64, height uint64)")
	Pragma("noescape")
	Doc("mulAddRowsAVX512 adds to dst, of width words, the sum of c[r] times row r for r below height > 0.")
	k := &kernel{
		dst: Load(Param("dst"), GP64()), rows: Load(Param("rows"), GP64()), c: Load(Param("c"), GP64()),
		width: Load(Param("width"), GP64()), height: Load(Param("height"), GP64()),
		stride: GP64(),
	}
	MOVQ(k.width, k.stride)
	SHLQ(U8(2), k.stride)
	k.tiles(tile)
	k.tiles(1)
	k.rest()
	VZEROUPPER()
	RET()
}

type kernel struct{ dst, rows, c, width, height, stride Register }

// tiles handles columns, n vectors at a time, while so many are left.
func (k *kernel) tiles(n int) {
	more, done := fmt.Sprint("tiles", n), fmt.Sprint("done", n)
	Label(more)
	CMPQ(k.width, U32(n*vectorWords))
	JLT(LabelRef(done))
	sums := make([]VecVirtual, n)
	for i := range sums {
		sums[i] = ZMM()
		VMOVDQU32(Mem{Base: k.dst, Disp: i * vectorBytes}, sums[i])
	}
	k.eachRow(fmt.Sprint("rows", n), func(row Register, c VecVirtual) {
		for i, sum := range sums {
			x := ZMM()
			VPMULLD(Mem{Base: row, Disp: i * vectorBytes}, c, x)
			VPADDD(x, sum, sum)
		}
	})
	for i := range sums {
		VMOVDQU32(sums[i], Mem{Base: k.dst, Disp: i * vectorBytes})
	}
	ADDQ(U32(n*vectorBytes), k.dst)
	ADDQ(U32(n*vectorBytes), k.rows)
	SUBQ(U32(n*vectorWords), k.width)
	JMP(LabelRef(more))
	Label(done)
}

// rest handles the last columns, fewer than a vector.
func (k *kernel) rest() {
	TESTQ(k.width, k.width)
	JZ(LabelRef("done"))
	bits, mask := GP32(), K()
	MOVL(I32(-1), bits)
	BZHIL(k.width.(GPVirtual).As32(), bits, bits)
	KMOVW(bits, mask)
	sum, x := ZMM(), ZMM()
	VMOVDQU32_Z(Mem{Base: k.dst}, mask, sum)
	k.eachRow("rowsOfRest", func(row Register, c VecVirtual) {
		VMOVDQU32_Z(Mem{Base: row}, mask, x)
		VPMULLD(x, c, x)
		VPADDD(x, sum, sum)
	})
	VMOVDQU32(sum, mask, Mem{Base: k.dst})
	Label("done")
}

// eachRow emits body in a loop over the rows: row points to the current
// columns, c has the row's factor in all lanes.
func (k *kernel) eachRow(label string, body func(row Register, c VecVirtual)) {
	row, factor, left, c := GP64(), GP64(), GP64(), ZMM()
	MOVQ(k.rows, row)
	MOVQ(k.c, factor)
	MOVQ(k.height, left)
	Label(label)
	VPBROADCASTD(Mem{Base: factor}, c)
	body(row, c)
	ADDQ(k.stride, row)
	ADDQ(U8(4), factor)
	DECQ(left)
	JNZ(LabelRef(label))
}
