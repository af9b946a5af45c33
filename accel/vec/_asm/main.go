// This program writes the implementations of package vec by AVX-512 VNNI and by
// AVX2.
//
// Both multiply bytes. A column's four neighbouring bytes in a line are those of a
// group's rows in one place of their words: one instruction multiplies them with
// the rows' coefficients and adds up. The sums of the three places stay apart until
// the end.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	places     = 3
	lineBytes  = 64 // of a place of a group in half a tile
	groupBytes = places * lineBytes
	coefsBytes = 4   // of a vector in a group
	halfSums   = 64  // bytes of the sums of half a tile
	sumsBytes  = 128 // of a vector in a tile

	aheadBytes = 2304           // from a group to the one to fetch: about half a page
	farBytes   = groupBytes / 2 // of the next tile to fetch with a group: half of it by eight vectors
)

func main() {
	ConstraintExpr("!purego")
	vnni(1, 2, false)
	vnni(4, 2, false)
	vnni(8, 1, true)
	for _, width := range []int{1, 4} {
		avx2(width)
	}
	Generate()
}

// kernel is a function that multiplies columns with width vectors.
type kernel struct {
	width                              int
	sums, lines, coefs, groups, stride Register
	ahead                              Register // to fetch, or nil
}

func begin(name string, width int, columns string, far bool) *kernel {
	parameters, fetches := "", ""
	if far {
		parameters = ", ahead *byte"
		fetches = fmt.Sprintf(" For each group it fetches %d bytes, from ahead on.", farBytes)
	}
	TEXT(name, NOSPLIT, "func(sums *uint32, lines *byte, coefs *[4]int8, groups uint64, stride uint64"+parameters+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s multiplies %s with vectors: %d. Groups are more than 0, coefficients of neighbouring groups are stride bytes apart.%s", name, columns, width, fetches))
	k := &kernel{
		width: width, sums: Load(Param("sums"), GP64()), lines: Load(Param("lines"), GP64()),
		coefs: Load(Param("coefs"), GP64()), groups: Load(Param("groups"), GP64()), stride: Load(Param("stride"), GP64()),
	}
	if far {
		k.ahead = Load(Param("ahead"), GP64())
	}
	return k
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

// vnni reads the lines of halves of a tile side by side: memory delivers two
// streams faster than one. If far, it fetches the next tile too.
func vnni(width, halves int, far bool) {
	k := begin(fmt.Sprint("mulVNNI", width), width, map[int]string{1: "half a tile", 2: "both halves of a tile"}[halves], far)
	lines := []Register{k.lines, GP64()}[:halves]
	if halves == 2 {
		IMUL3Q(U32(groupBytes), k.groups, lines[1])
		ADDQ(k.lines, lines[1])
	}
	sums := make([][]VecVirtual, halves) // by place, then vector
	for h := range sums {
		sums[h] = zeros(places*width, ZMM)
	}

	Label("next")
	k.mulAdd(lines, sums)
	if k.ahead != nil {
		k.fetch()
	}
	for _, l := range lines {
		ADDQ(U32(groupBytes), l)
	}
	ADDQ(k.stride, k.coefs)
	DECQ(k.groups)
	JNZ(LabelRef("next"))

	for h := range sums {
		for i := range width {
			k.store(sums[h][i], sums[h][width+i], sums[h][2*width+i], Mem{Base: k.sums, Disp: i*sumsBytes + h*halfSums})
		}
	}
	VZEROUPPER()
	RET()
}

// fetch asks for farBytes, which share their last line with the next ones, for the
// second-level cache.
func (k *kernel) fetch() {
	PREFETCHT1(Mem{Base: k.ahead})
	PREFETCHT1(Mem{Base: k.ahead, Disp: lineBytes})
	ADDQ(U32(farBytes), k.ahead)
}

// mulAdd adds the products of a group.
func (k *kernel) mulAdd(lines []Register, sums [][]VecVirtual) {
	line := make([][places]VecVirtual, len(lines))
	for h, l := range lines {
		for p := range places {
			PREFETCHT0(Mem{Base: l, Disp: p*lineBytes + aheadBytes})
			line[h][p] = ZMM()
			VMOVDQU64(Mem{Base: l, Disp: p * lineBytes}, line[h][p])
		}
	}
	for i := range k.width {
		c := ZMM()
		VPBROADCASTD(k.coef(i), c)
		for h := range lines {
			for p := range places {
				VPDPBUSD(c, line[h][p], sums[h][p*k.width+i])
			}
		}
	}
}

// store puts the sums of the places together, each at its byte of a word above the
// lowest, and stores them.
func (k *kernel) store(low, middle, high VecVirtual, at Mem) {
	for p, sum := range []VecVirtual{low, middle, high} {
		VPSLLD(U8(8*(p+1)), sum, sum)
	}
	VPADDD(middle, low, low)
	VPADDD(high, low, low)
	if low.Size() == 64 {
		VMOVDQU32(low, at)
	} else {
		VMOVDQU(low, at)
	}
}

// shortGroups is how many groups' products of coefficients in [-2, 2] and bytes
// add up in 16 bits.
const shortGroups = 32

// avx2 adds up products in 16 bits and, now and then, those sums in 32 bits.
func avx2(width int) {
	k := begin(fmt.Sprintf("mulAVX2x%d", width), width, "the first or, from 32 bytes on, the last eight columns of half a tile", false)
	total := AllocLocal(places * width * ymmBytes)
	sums := zeros(places*width, YMM)
	for i, sum := range sums {
		VMOVDQU(sum, total.Offset(ymmBytes*i))
	}

	Label("block")
	n := GP64()
	MOVQ(U32(shortGroups), n)
	CMPQ(k.groups, n)
	CMOVQLT(k.groups, n)
	SUBQ(n, k.groups)
	Label("next")
	k.mulAddShort(sums)
	DECQ(n)
	JNZ(LabelRef("next"))
	ones := YMM()
	VPCMPEQW(ones, ones, ones)
	VPSRLW(Imm(15), ones, ones)
	for i, sum := range sums {
		VPMADDWD(ones, sum, sum)
		VPADDD(total.Offset(ymmBytes*i), sum, sum)
		VMOVDQU(sum, total.Offset(ymmBytes*i))
		VPXOR(sum, sum, sum)
	}
	TESTQ(k.groups, k.groups)
	JNZ(LabelRef("block"))

	for i := range width {
		for p := range places {
			VMOVDQU(total.Offset(ymmBytes*(p*width+i)), sums[p])
		}
		k.store(sums[0], sums[1], sums[2], Mem{Base: k.sums, Disp: i * sumsBytes})
	}
	VZEROUPPER()
	RET()
}

const ymmBytes = 32

// mulAddShort adds a group's products and moves on to the next.
func (k *kernel) mulAddShort(sums []VecVirtual) {
	for p := range places {
		line := YMM()
		VMOVDQU(Mem{Base: k.lines, Disp: p * lineBytes}, line)
		for i := range k.width {
			product := YMM()
			VPBROADCASTD(k.coef(i), product)
			VPMADDUBSW(product, line, product)
			VPADDW(product, sums[p*k.width+i], sums[p*k.width+i])
		}
	}
	ADDQ(U32(groupBytes), k.lines)
	ADDQ(k.stride, k.coefs)
}
