//go:build !purego

package vec

import (
	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var useAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasBMI2

func init() { accel.Register("vec", "avx512", &useAVX512) }

// maxProducts bounds one call of assembly, which cannot be preempted, to some
// tens of microseconds.
const maxProducts = 1 << 18

func mulAddRows(dst, rows, c []uint32) {
	if !useAVX512 {
		mulAddRowsPortable(dst, rows, c)
		return
	}
	if len(dst) == 0 {
		return
	}
	for height := max(1, maxProducts/len(dst)); len(c) > 0; {
		n := min(height, len(c))
		mulAddRowsAVX512(&dst[0], &rows[0], &c[0], uint64(len(dst)), uint64(n))
		rows, c = rows[n*len(dst):], c[n:]
	}
}
