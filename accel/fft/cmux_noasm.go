//go:build purego || !(amd64 || arm64)

package fft

func cmux(acc *Accumulator, e uint32, key *GGSW, _ *float64, s *Scratch) {
	cmuxPortable(acc, e, key, s)
}
