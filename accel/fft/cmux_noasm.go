//go:build purego || !(amd64 || arm64)

package fft

func cmux(acc *Accumulator, e uint32, key *GGSW, s *Scratch) { cmuxPortable(acc, e, key, s) }
