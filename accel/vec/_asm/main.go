// This program writes the implementations of package vec by AVX-512 VNNI and by
// AVX2.
//
// Both multiply bytes. A line holds a group's four words of each of four columns.
// Transposing the four by four bytes of a column gives, for each byte's place in
// the words, the bytes of all rows: one instruction multiplies them with the
// rows' coefficients and adds up. The sums of the four places, as lanes of a
// vector, stay apart until the end.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	lineBytes  = 64
	lineSums   = 16   // bytes of the sums of a line's columns
	coefsBytes = 4    // of a vector in a group
	aheadBytes = 2048 // from a line to the one to fetch: half a page
	sumsBytes  = 32   // of a vector in a tile
)

// tables are constants, the same for every column: transpose makes a place's
// bytes neighbours, shifts moves a place's sum there.
type tables struct{ transpose, shifts Mem }

func main() {
	ConstraintExpr("!purego")
	t := tables{
		repeated("transpose", 0x0d0905010c080400, 0x0f0b07030e0a0602),
		repeated("shifts", 8<<32, 24<<32|16),
	}
	for _, width := range []int{1, 4, 8} {
		vnni(width, t)
	}
	for _, width := range []int{1, 4} {
		avx2(width, t)
	}
	Generate()
}

// repeated is a table of one pair of words for each column of a line.
func repeated(name string, low, high uint64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for at := 0; at < lineBytes; at += 16 {
		DATA(at, U64(low))
		DATA(at+8, U64(high))
	}
	return m
}

// kernel is a function that multiplies columns with width vectors.
type kernel struct {
	width                              int
	sums, words, coefs, groups, stride Register
}

func begin(name string, width int, columns string) *kernel {
	TEXT(name, NOSPLIT, "func(sums *uint32, words *uint32, coefs *[4]int8, groups uint64, stride uint64)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s multiplies %s with vectors: %d. Groups are more than 0, coefficients of neighbouring groups are stride bytes apart.", name, columns, width))
	return &kernel{
		width: width, sums: Load(Param("sums"), GP64()), words: Load(Param("words"), GP64()),
		coefs: Load(Param("coefs"), GP64()), groups: Load(Param("groups"), GP64()), stride: Load(Param("stride"), GP64()),
	}
}

func (k *kernel) coef(i int) Mem { return Mem{Base: k.coefs, Disp: i * coefsBytes} }

// zeros returns n vectors of zeros.
func zeros(n int, vector func() VecVirtual) []VecVirtual {
	z := make([]VecVirtual, n)
	for i := range z {
		z[i] = vector()
		if z[i].Size() == 64 {
			VPXORD(z[i], z[i], z[i])
		} else {
			VPXOR(z[i], z[i], z[i])
		}
	}
	return z
}

// vnni reads the lines of both halves of a tile side by side: memory delivers two
// streams faster than one.
func vnni(width int, t tables) {
	k := begin(fmt.Sprint("mulVNNI", width), width, "both halves of a tile")
	words := [2]Register{k.words, GP64()}
	MOVQ(k.groups, words[1])
	SHLQ(Imm(6), words[1])
	ADDQ(k.words, words[1])
	transpose := ZMM()
	VMOVDQU64(t.transpose, transpose)
	sums := [2][]VecVirtual{zeros(width, ZMM), zeros(width, ZMM)}

	Label("next")
	var line [2]VecVirtual
	for h := range line {
		line[h] = ZMM()
		PREFETCHT0(Mem{Base: words[h], Disp: aheadBytes})
		VMOVDQU64(Mem{Base: words[h]}, line[h])
		VPSHUFB(transpose, line[h], line[h])
	}
	for i := range width {
		c := ZMM()
		VPBROADCASTD(k.coef(i), c)
		for h := range line {
			VPDPBUSD(c, line[h], sums[h][i])
		}
	}
	ADDQ(Imm(lineBytes), words[0])
	ADDQ(Imm(lineBytes), words[1])
	ADDQ(k.stride, k.coefs)
	DECQ(k.groups)
	JNZ(LabelRef("next"))

	k.storeVNNI(sums, t)
	VZEROUPPER()
	RET()
}

// storeVNNI puts the places of every sum together and stores it.
func (k *kernel) storeVNNI(sums [2][]VecVirtual, t tables) {
	shifts, bits, firsts := ZMM(), GP32(), K()
	VMOVDQU64(t.shifts, shifts)
	MOVL(U32(0x1111), bits)
	KMOVW(bits, firsts)
	for h := range sums {
		for i, sum := range sums[h] {
			other := ZMM()
			VPSLLVD(shifts, sum, sum)
			VPSHUFD(Imm(0b01_00_11_10), sum, other)
			VPADDD(other, sum, sum)
			VPSHUFD(Imm(0b10_11_00_01), sum, other)
			VPADDD(other, sum, sum)
			VPCOMPRESSD(sum, firsts, sum)
			VMOVDQU32(sum.AsX(), Mem{Base: k.sums, Disp: i*sumsBytes + h*lineSums})
		}
	}
}

// shortGroups is how many groups' products of coefficients in [-2, 2] and bytes
// add up in 16 bits.
const shortGroups = 32

// avx2 adds up products in 16 bits and, now and then, those sums in 32 bits.
func avx2(width int, t tables) {
	k := begin(fmt.Sprint("mulAVX2x", width), width, "half a tile")
	total := AllocLocal(width * lineBytes)
	sums := zeros(2*width, YMM)
	for i, sum := range sums {
		VMOVDQU(sum, total.Offset(32*i))
	}
	ones := YMM()
	VPCMPEQW(ones, ones, ones)
	VPSRLW(Imm(15), ones, ones)

	Label("block")
	n := GP64()
	MOVQ(U32(shortGroups), n)
	CMPQ(k.groups, n)
	CMOVQLT(k.groups, n)
	SUBQ(n, k.groups)
	Label("next")
	k.mulAddShort(sums, t)
	DECQ(n)
	JNZ(LabelRef("next"))
	for i, sum := range sums {
		VPMADDWD(ones, sum, sum)
		VPADDD(total.Offset(32*i), sum, sum)
		VMOVDQU(sum, total.Offset(32*i))
		VPXOR(sum, sum, sum)
	}
	TESTQ(k.groups, k.groups)
	JNZ(LabelRef("block"))

	k.storeAVX2(sums, total, t)
	VZEROUPPER()
	RET()
}

// mulAddShort adds a group's products and moves on to the next.
func (k *kernel) mulAddShort(sums []VecVirtual, t tables) {
	var line [2]VecVirtual
	for h := range line {
		line[h] = YMM()
		VMOVDQU(Mem{Base: k.words, Disp: 32 * h}, line[h])
		VPSHUFB(t.transpose, line[h], line[h])
	}
	for i := range k.width {
		c := YMM()
		VPBROADCASTD(k.coef(i), c)
		for h := range line {
			product := YMM()
			VPMADDUBSW(c, line[h], product)
			VPADDW(product, sums[2*i+h], sums[2*i+h])
		}
	}
	ADDQ(Imm(lineBytes), k.words)
	ADDQ(k.stride, k.coefs)
}

// storeAVX2 puts the places of every sum together and stores it.
func (k *kernel) storeAVX2(sums []VecVirtual, total Mem, t tables) {
	shifts := YMM()
	VMOVDQU(t.shifts, shifts)
	for i := range k.width {
		a, b := sums[2*i], sums[2*i+1] // columns 0 and 1, 2 and 3
		VMOVDQU(total.Offset(64*i), a)
		VMOVDQU(total.Offset(64*i+32), b)
		VPSLLVD(shifts, a, a)
		VPSLLVD(shifts, b, b)
		VPHADDD(b, a, a)
		VPHADDD(a, a, a)
		VEXTRACTI128(Imm(1), a, b.AsX())
		VPUNPCKLDQ(b.AsX(), a.AsX(), a.AsX())
		VMOVDQU(a.AsX(), Mem{Base: k.sums, Disp: i * sumsBytes})
	}
}
