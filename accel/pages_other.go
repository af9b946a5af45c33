//go:build !linux

package accel

func adviseHugePages[T any]([]T) {}
