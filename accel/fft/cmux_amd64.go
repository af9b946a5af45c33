//go:build !purego

package fft

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var useAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ

func init() { accel.Register("fft", "avx512", &useAVX512) }

func cmux(acc *Accumulator, e uint32, key *GGSW, s *Scratch) {
	if useAVX512 {
		cmuxAVX512(acc, e, key, s)
	} else {
		cmuxPortable(acc, e, key, s)
	}
}

// cmuxAVX512 takes three steps, each a few microseconds at most: assembly
// cannot be preempted. Their working form of a spectrum is blocks of eight
// points, as in a Fourier.
func cmuxAVX512(acc *Accumulator, e uint32, key *GGSW, s *Scratch) {
	t := avx512Tables
	mask, body := s.blocks()
	first, signs := &t.decompose[0].re, &t.signs[0][0]
	decomposeAVX512(mask, &acc.Mask[0], uint64(e), first, signs)
	decomposeAVX512(body, &acc.Body[0], uint64(e), first, signs)
	multiplyAVX512(mask, body, &key[0][0], &t.forward[0].levels[0].re, &t.inverse.group[0].re[0])
	last := &t.accumulate[0].levels[0].re[0]
	accumulateAVX512(&acc.Mask[0], mask, last)
	accumulateAVX512(&acc.Body[0], body, last)
}

// blocks returns two places for the working form of a spectrum. Vectors there
// do not straddle cache lines, and the places of the same points agree modulo
// 4096, the distance at which a load waits for a store in vain, neither with
// each other nor with those in a key, which as a rule begins a page.
func (s *Scratch) blocks() (mask, body *float64) {
	const page = 4096
	start := unsafe.Add(unsafe.Pointer(s), -uintptr(unsafe.Pointer(s))%page)
	mask = (*float64)(unsafe.Add(start, page/4))
	body = (*float64)(unsafe.Add(start, page*3/4+unsafe.Sizeof(spectrum{})))
	return mask, body
}
