// Package vec holds the product that key switching spends its time in: a matrix
// of words times small coefficients. All arithmetic on words wraps. It uses VNNI or
// AVX2 where the processor has them; decision 0015 says why not AMX.
package vec

import (
	"encoding/binary"

	"fhevm/accel"
)

//go:generate go run -C _asm . -out ../vec_amd64.s -stubs ../stubs_amd64.go -pkg vec

// MaxCoefficient bounds the absolute values of coefficients: their products with
// bytes, summed over shortGroups groups, fit in 16 bits.
const MaxCoefficient = 2

const (
	// Group is the number of rows whose coefficients are used together.
	Group = 4

	// WordBits is how many bits of a word a Matrix keeps.
	WordBits = 8 * places

	places      = 3
	halfColumns = 16
	lineBytes   = halfColumns * Group // a cache line
	groupBytes  = places * lineBytes
	tileColumns = 2 * halfColumns

	// blockGroups is how many groups meet all vectors before the next do: two
	// half tiles and the coefficients of 16 vectors stay in the second-level cache.
	blockGroups = 1024

	// shortGroups is how many groups' products of coefficients and bytes add up in
	// 16 bits, if each sum is of two of a group.
	shortGroups = 32
)

// Matrix is a matrix of words modulo 2^32, rounded to their upper 24 bits: a
// product is bound by the time it takes to read them. They are stored in the order
// in which it reads: block by block of rows, within a block tile by tile of 32
// columns. A tile has 192 bytes for each group and the first half of its columns,
// then as many for the second: a line of the words' lowest bytes, one of the next,
// one of the highest. A line has four bytes, of the group's rows, for each column.
// Rows and columns are padded with zeros.
type Matrix struct {
	columns, tiles, groups int
	bytes                  []byte
}

// NewMatrix returns a matrix of zeros.
func NewMatrix(rows, columns int) *Matrix {
	groups, tiles := Groups(rows), (columns+tileColumns-1)/tileColumns
	return &Matrix{columns, tiles, groups, accel.Pages[byte](groups * tiles * 2 * groupBytes)}
}

// Groups is the number of groups that so many rows make.
func Groups(rows int) int { return (rows + Group - 1) / Group }

// At is the word in row r and column c, rounded: a multiple of 256.
func (m *Matrix) At(r, c int) (x uint32) {
	at := m.offset(r, c)
	for p := range places {
		x |= uint32(m.bytes[at+p*lineBytes]) << placeShift(p)
	}
	return x
}

// placeShift is the place of byte p of those that are kept.
func placeShift(p int) int { return 8 * (p + 1) }

// SetRow sets row r to src, one word for each column.
func (m *Matrix) SetRow(r int, src []uint32) {
	for c, x := range src[:m.columns] {
		at := m.offset(r, c)
		x = rounded(x)
		for p := range places {
			m.bytes[at+p*lineBytes] = byte(x >> placeShift(p))
		}
	}
}

// rounded is x to the nearest multiple of 256, or, of two, the one of 512: so the
// error's mean is zero.
func rounded(x uint32) uint32 { return (x + 127 + x>>8&1) &^ 255 }

// offset is where the lowest byte of a word is.
func (m *Matrix) offset(r, c int) int {
	block, group := r/Group/blockGroups, r/Group%blockGroups
	start, size := m.tile(block, c/tileColumns)
	half := c % tileColumns / halfColumns * size / 2
	return start + half + group*groupBytes + c%halfColumns*Group + r%Group
}

// tile is where a tile in a block starts, and how many bytes it has.
func (m *Matrix) tile(block, tile int) (start, size int) {
	first := block * blockGroups
	size = min(blockGroups, m.groups-first) * 2 * groupBytes
	return first*m.tiles*2*groupBytes + tile*size, size
}

// MulAdd adds to each dst[b], of a word for each column, the sum over the rows r
// of row r times coefs[r/Group*len(dst)+b][r%Group]. It reads the matrix once
// for up to 16 vectors. Coefficients beyond MaxCoefficient, in absolute value,
// give undefined sums; fewer than the matrix has groups panic. dst does not
// overlap the matrix.
func (m *Matrix) MulAdd(dst [][]uint32, coefs [][Group]int8) { m.MulAddPart(dst, coefs, 0, 1) }

// MulAddPart is MulAdd for one part, from 0 on, of several of the columns. Parts
// may be multiplied at the same time.
func (m *Matrix) MulAddPart(dst [][]uint32, coefs [][Group]int8, part, parts int) {
	n := len(dst)
	coefs = coefs[:n*m.groups]
	if n == 0 {
		return
	}
	for block := 0; block*blockGroups < m.groups; block++ {
		for tile := part * m.tiles / parts; tile < (part+1)*m.tiles/parts; tile++ {
			start, size := m.tile(block, tile)
			next := min(start+size, len(m.bytes)-size)
			mulAddTile(dst, m.bytes[start:][:size:size], m.bytes[next:][:size:size], coefs[block*blockGroups*n:], tile*tileColumns)
		}
	}
}

// mulAddTile adds products of a tile to the words of every vector from column
// first on. Meanwhile, next may be fetched.
func mulAddTile(dst [][]uint32, tile, next []byte, coefs [][Group]int8, first int) {
	for b := 0; b < len(dst); {
		var sums tileSums
		width := sums.mul(tile, next, coefs[b:], len(dst), len(dst)-b)
		for _, sum := range sums[:width] {
			columns := dst[b][first:]
			for i := range columns[:min(tileColumns, len(columns))] {
				columns[i] += sum[i]
			}
			b++
		}
	}
}

// tileSums are products of a tile with several vectors.
type tileSums [8][tileColumns]uint32

// mulPortable sets the first of s to the product of a tile with the first vector
// of coefs, whose groups are stride apart.
func (s *tileSums) mulPortable(tile []byte, coefs [][Group]int8, stride int) {
	s[0] = [tileColumns]uint32{}
	left, right := s[0][:halfColumns], s[0][halfColumns:]
	for at := 0; at*2*groupBytes < len(tile); at += shortGroups / 2 {
		c := newPortableCoefs(coefs[at*stride:], stride)
		first, last := at*groupBytes, min(at+len(c), len(tile)/2/groupBytes)*groupBytes
		c.mulAdd(left, tile[first:last])
		c.mulAdd(right, tile[len(tile)/2:][first:last])
	}
}

// portableCoefs are the coefficients of some neighbouring groups, in pairs: with
// c = c2 + 2^16 c0, of the product with b0 + 2^16 b2 + 2^32 b0' + 2^48 b2' the
// second 16 bits are b0 c0 + b2 c2, the fourth b0' c0 + b2' c2, but for signs.
type portableCoefs [shortGroups / 2]struct{ even, odd uint64 }

func newPortableCoefs(coefs [][Group]int8, stride int) (p portableCoefs) {
	for g := 0; g < len(p) && g*stride < len(coefs); g++ {
		c := coefs[g*stride]
		p[g].even, p[g].odd = uint64(int64(c[2])+int64(c[0])<<16), uint64(int64(c[3])+int64(c[1])<<16)
	}
	return p
}

// mulAdd adds to sums the products of the groups of lines, at most len(c).
func (c *portableCoefs) mulAdd(sums []uint32, lines []byte) {
	const even = 0x00ff00ff00ff00ff
	for i := 0; i < len(sums); i += 2 {
		for p := range places {
			var fields uint64
			for g, at := 0, p*lineBytes+i*Group; at < len(lines); g, at = g+1, at+groupBytes {
				b := binary.LittleEndian.Uint64(lines[at:])
				fields += (b&even)*c[g].even + (b>>8&even)*c[g].odd
			}
			_, above := cut(int64(fields))
			first, above := cut(above)
			_, above = cut(above)
			second, _ := cut(above)
			sums[i] += first << placeShift(p)
			sums[i+1] += second << placeShift(p)
		}
	}
}

// cut is the lowest field of x, 16 bits with a sign, and those above.
func cut(x int64) (field uint32, above int64) {
	return uint32(int16(x)), (x - int64(int16(x))) >> 16
}
