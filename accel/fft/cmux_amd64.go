//go:build !purego

package fft

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var (
	useAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
	useAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

func init() {
	accel.Register("fft", "avx512", &useAVX512)
	accel.Register("fft", "avx2", &useAVX2)
}

func cmux(acc *Accumulator, e uint32, key *GGSW, ahead *float64, s *Scratch) {
	switch {
	case useAVX512:
		cmuxAVX512(acc, e, key, ahead, s)
	case useAVX2:
		cmuxAVX2(acc, e, key, ahead, s)
	default:
		cmuxPortable(acc, e, key, s)
	}
}

// vectors returns two places for the working form of a spectrum. Vectors there
// do not straddle cache lines, and the places of the same points agree modulo
// 4096, the distance at which a load waits for a store in vain, neither with
// each other nor with those in a key, which as a rule begins a page.
func (s *Scratch) vectors() (mask, body *float64) {
	const page = 4096
	start := unsafe.Add(unsafe.Pointer(s), -uintptr(unsafe.Pointer(s))%page)
	mask = (*float64)(unsafe.Add(start, page/4))
	body = (*float64)(unsafe.Add(start, page*3/4+unsafe.Sizeof(spectrum{})))
	return mask, body
}
