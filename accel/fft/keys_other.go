//go:build !linux

package fft

func adviseHugePages([]GGSW) {}
