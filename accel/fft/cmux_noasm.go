//go:build !amd64 || purego

package fft

func cmux(acc *Accumulator, e uint32, key *GGSW, s *Scratch) { cmuxPortable(acc, e, key, s) }
