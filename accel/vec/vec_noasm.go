//go:build !amd64 || purego

package vec

// mul multiplies a tile with some of the next left vectors of coefs, whose groups
// are stride apart, and returns how many.
func (s *tileSums) mul(tile, _ []byte, coefs [][Group]int8, stride, left int) int {
	s.mulPortable(tile, coefs, stride)
	return 1
}
