// Package vec holds the integer loops over vectors that key switching and key
// generation spend their time in. All arithmetic wraps.
package vec

// MulAddUint32 sets dst += c*src. The slices have equal lengths and are equal
// or disjoint.
func MulAddUint32(dst, src []uint32, c uint32) {
	mulAddUint32(dst, src[:len(dst)], c)
}

// MulAddRowsUint32 sets dst += c[0]*row 0 + c[1]*row 1 + ..., where rows holds
// len(c) rows of len(dst) words one after another: a vector times a matrix.
// It loads and stores dst less often than as many calls of MulAddUint32. dst
// overlaps neither rows nor c.
func MulAddRowsUint32(dst, rows, c []uint32) {
	mulAddRowsUint32(dst, rows[:len(c)*len(dst)], c)
}

// AddNegacyclicRotated sets dst += X^r*src modulo X^len(dst) + 1, for
// 0 <= r < 2*len(dst). The slices have equal lengths and are disjoint.
func AddNegacyclicRotated(dst, src []uint64, r int) {
	n := len(dst)
	src = src[:n]
	if r < n {
		add(dst[r:], src)
		sub(dst[:r], src[n-r:])
	} else {
		sub(dst[r-n:], src)
		add(dst[:r-n], src[2*n-r:])
	}
}

// SubNegacyclicRotated sets dst -= X^r*src likewise.
func SubNegacyclicRotated(dst, src []uint64, r int) {
	n := len(dst)
	AddNegacyclicRotated(dst, src, (r+n)%(2*n))
}

// add sets dst += src[:len(dst)].
func add(dst, src []uint64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}

// sub sets dst -= src[:len(dst)].
func sub(dst, src []uint64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] -= src[i]
	}
}
