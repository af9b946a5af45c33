// Package vec holds the integer loop that key switching spends its time in.
// All arithmetic wraps.
package vec

//go:generate go run -C _asm . -out ../vec_amd64.s -stubs ../stubs_amd64.go -pkg vec

// MulAddRowsUint32 sets dst += c[0]*row 0 + c[1]*row 1 + ..., where rows holds
// len(c) rows of len(dst) words one after another: a vector times a matrix.
// It panics if rows is shorter. dst overlaps neither rows nor c.
//
// It is fastest when the rows stay in the first-level cache from one call to
// the next.
func MulAddRowsUint32(dst, rows, c []uint32) {
	mulAddRows(dst, rows[:len(c)*len(dst)], c)
}

func mulAddRowsPortable(dst, rows, c []uint32) {
	for r, factor := range c {
		row := rows[r*len(dst):][:len(dst)]
		for i, x := range row {
			dst[i] += factor * x
		}
	}
}
