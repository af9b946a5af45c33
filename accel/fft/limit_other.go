//go:build purego || !amd64

package fft

func portOps() (ops int, peak func(rounds uint64)) { return 0, nil }
