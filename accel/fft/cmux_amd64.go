//go:build !purego

package fft

import (
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

func cmuxAVX512(acc *Accumulator, e uint32, key *GGSW, s *Scratch) {
	t := avx512Tables
	mask, body := &s.mask.re[0], &s.body.re[0]
	decomposeAVX512(mask, &acc.Mask[0], uint64(e), &t.decompose[0].re, &t.signs[0][0])
	decomposeAVX512(body, &acc.Body[0], uint64(e), &t.decompose[0].re, &t.signs[0][0])
	forwardPassAVX512(mask, &t.forwardPass[0][0].re)
	forwardPassAVX512(body, &t.forwardPass[0][0].re)
	multiplyAVX512(mask, body, &key[0][0], &t.forwardGroup[0].level4.re, &t.inverseGroup[0].re[0])
	inversePassAVX512(mask, &t.inversePass[0][0].re[0])
	inversePassAVX512(body, &t.inversePass[0][0].re[0])
	accumulateAVX512(&acc.Mask[0], mask, &t.accumulate[0].levels[0].re[0])
	accumulateAVX512(&acc.Body[0], body, &t.accumulate[0].levels[0].re[0])
}
