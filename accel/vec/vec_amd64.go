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
func (s *tileSums) mul(words []uint32, coefs [][Group]int8, stride, left int) int {
	switch {
	case useVNNI:
		return s.mulVNNI(words, coefs, stride, left)
	case useAVX2:
		return s.mulAVX2(words, coefs, stride, left)
	}
	s.mulPortable(words, coefs, stride)
	return 1
}

func (s *tileSums) mulVNNI(words []uint32, coefs [][Group]int8, stride, left int) int {
	groups, apart := uint64(len(words)/lineWords/2), uint64(stride*Group)
	switch {
	case left >= 8:
		mulVNNI8(&s[0][0], &words[0], &coefs[0], groups, apart)
		return 8
	case left >= 4:
		mulVNNI4(&s[0][0], &words[0], &coefs[0], groups, apart)
		return 4
	}
	mulVNNI1(&s[0][0], &words[0], &coefs[0], groups, apart)
	return 1
}

func (s *tileSums) mulAVX2(words []uint32, coefs [][Group]int8, stride, left int) int {
	groups, apart := uint64(len(words)/lineWords/2), uint64(stride*Group)
	low, high := &words[0], &words[len(words)/2]
	if left >= 4 {
		mulAVX2x4(&s[0][0], low, &coefs[0], groups, apart)
		mulAVX2x4(&s[0][lineColumns], high, &coefs[0], groups, apart)
		return 4
	}
	mulAVX2x1(&s[0][0], low, &coefs[0], groups, apart)
	mulAVX2x1(&s[0][lineColumns], high, &coefs[0], groups, apart)
	return 1
}
