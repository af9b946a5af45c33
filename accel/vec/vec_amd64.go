//go:build !purego

package vec

import (
	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var (
	useVNNI = cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL
	useAVX2 = cpu.X86.HasAVX2
)

func init() {
	accel.Register("vec", "avx512vnni", &useVNNI)
	accel.Register("vec", "avx2", &useAVX2)
}

// mul multiplies a tile with some of the next left vectors of coefs, whose groups
// are stride apart, and returns how many.
func (s *tileSums) mul(tile, next []byte, coefs [][Group]int8, stride, left int) int {
	switch {
	case useVNNI:
		return s.mulVNNI(tile, next, coefs, stride, left)
	case useAVX2:
		return s.mulAVX2(tile, coefs, stride, left)
	}
	s.mulPortable(tile, coefs, stride)
	return 1
}

// mulVNNI lets the first eight vectors fetch half of the next tile and the second
// eight the other half, so that the memory has work while all of them compute.
func (s *tileSums) mulVNNI(tile, next []byte, coefs [][Group]int8, stride, left int) int {
	groups, apart := uint64(len(tile)/groupBytes/2), uint64(stride*Group)
	switch {
	case left >= 8:
		ahead := next[(stride-left)/8%2*len(next)/2:]
		mulVNNI8(&s[0][0], &tile[0], &coefs[0], groups, apart, &ahead[0])
		mulVNNI8(&s[0][halfColumns], &tile[len(tile)/2], &coefs[0], groups, apart, &ahead[len(next)/4])
		return 8
	case left >= 4:
		mulVNNI4(&s[0][0], &tile[0], &coefs[0], groups, apart)
		return 4
	}
	mulVNNI1(&s[0][0], &tile[0], &coefs[0], groups, apart)
	return 1
}

func (s *tileSums) mulAVX2(tile []byte, coefs [][Group]int8, stride, left int) int {
	groups, apart := uint64(len(tile)/groupBytes/2), uint64(stride*Group)
	for part := range 4 { // columns of a half, in each line
		sums, lines := &s[0][part*halfColumns/2], &tile[part/2*len(tile)/2+part%2*lineBytes/2]
		if left >= 4 {
			mulAVX2x4(sums, lines, &coefs[0], groups, apart)
		} else {
			mulAVX2x1(sums, lines, &coefs[0], groups, apart)
		}
	}
	if left >= 4 {
		return 4
	}
	return 1
}
