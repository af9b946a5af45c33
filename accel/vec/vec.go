// Package vec holds the product that key switching spends its time in: a matrix
// of words times small coefficients. All arithmetic on words wraps.
package vec

import "fhevm/accel"

//go:generate go run -C _asm . -out ../vec_amd64.s -stubs ../stubs_amd64.go -pkg vec

// MaxCoefficient bounds the absolute values of coefficients: their products with
// bytes, summed over 32 groups, fit in 16 bits.
const MaxCoefficient = 2

const (
	// Group is the number of rows whose coefficients are used together.
	Group = 4

	lineColumns = 4
	lineWords   = lineColumns * Group // a cache line
	tileColumns = 2 * lineColumns

	// blockGroups is how many groups meet all vectors before the next do: two
	// half tiles and the coefficients of 16 vectors stay in the second-level cache.
	blockGroups = 1024
)

// Matrix is a matrix of words, stored in the order in which a product reads it:
// block by block of rows, within a block tile by tile of eight columns. A tile's
// first half has a line of four columns for each group, then so has its second. A
// line is in column order. Rows and columns are padded with zeros.
type Matrix struct {
	columns, tiles, groups int
	words                  []uint32
}

// NewMatrix returns a matrix of zeros.
func NewMatrix(rows, columns int) *Matrix {
	groups, tiles := Groups(rows), (columns+tileColumns-1)/tileColumns
	return &Matrix{columns, tiles, groups, accel.Pages[uint32](groups * tiles * tileColumns * Group)}
}

// Groups is the number of groups that so many rows make.
func Groups(rows int) int { return (rows + Group - 1) / Group }

// At is the word in row r and column c.
func (m *Matrix) At(r, c int) uint32 { return *m.word(r, c) }

// SetRow sets row r to src, one word for each column.
func (m *Matrix) SetRow(r int, src []uint32) {
	for c, x := range src[:m.columns] {
		*m.word(r, c) = x
	}
}

func (m *Matrix) word(r, c int) *uint32 {
	block, group := r/Group/blockGroups, r/Group%blockGroups
	tile := m.tile(block, c/tileColumns)
	half := tile[c%tileColumns/lineColumns*len(tile)/2:]
	return &half[group*lineWords+c%lineColumns*Group+r%Group]
}

// tile returns the words of a tile in a block.
func (m *Matrix) tile(block, tile int) []uint32 {
	first := block * blockGroups
	size := min(blockGroups, m.groups-first) * tileColumns * Group
	return m.words[first*m.tiles*tileColumns*Group+tile*size:][:size:size]
}

// MulAdd adds to each dst[b], of a word for each column, the sum over the rows r
// of row r times coefs[r/Group*len(dst)+b][r%Group]. It reads the matrix once
// for up to 16 vectors. Coefficients beyond MaxCoefficient, in absolute value,
// give undefined sums; fewer than the matrix has groups panic. dst does not
// overlap the matrix.
func (m *Matrix) MulAdd(dst [][]uint32, coefs [][Group]int8) {
	n := len(dst)
	coefs = coefs[:n*m.groups]
	if n == 0 {
		return
	}
	for block := 0; block*blockGroups < m.groups; block++ {
		for tile := range m.tiles {
			mulAddTile(dst, m.tile(block, tile), coefs[block*blockGroups*n:], tile*tileColumns)
		}
	}
}

// mulAddTile adds products of a tile to the words of every vector from column
// first on.
func mulAddTile(dst [][]uint32, words []uint32, coefs [][Group]int8, first int) {
	for b := 0; b < len(dst); {
		var sums tileSums
		width := sums.mul(words, coefs[b:], len(dst), len(dst)-b)
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
func (s *tileSums) mulPortable(words []uint32, coefs [][Group]int8, stride int) {
	half := len(words) / 2
	left, right := mulLines(words[:half], coefs, stride), mulLines(words[half:], coefs, stride)
	copy(s[0][copy(s[0][:], left[:]):], right[:])
}

// mulLines multiplies half a tile.
func mulLines(words []uint32, coefs [][Group]int8, stride int) [lineColumns]uint32 {
	var s0, s1, s2, s3 uint32
	for at := 0; len(words) >= lineWords; at += stride {
		w := (*[lineWords]uint32)(words)
		words = words[lineWords:]
		c := coefs[at]
		c0, c1, c2, c3 := uint32(c[0]), uint32(c[1]), uint32(c[2]), uint32(c[3])
		s0 += c0*w[0] + c1*w[1] + c2*w[2] + c3*w[3]
		s1 += c0*w[4] + c1*w[5] + c2*w[6] + c3*w[7]
		s2 += c0*w[8] + c1*w[9] + c2*w[10] + c3*w[11]
		s3 += c0*w[12] + c1*w[13] + c2*w[14] + c3*w[15]
	}
	return [lineColumns]uint32{s0, s1, s2, s3}
}
