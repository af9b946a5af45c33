package accel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHugePages covers the whole pages of s. As advice it may fail.
func adviseHugePages[T any](s []T) {
	var element T
	page := unix.Getpagesize()
	memory := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(element)))
	before := int(-uintptr(unsafe.Pointer(unsafe.SliceData(memory))) % uintptr(page))
	if before < len(memory) {
		memory = memory[before:]
		_ = unix.Madvise(memory[:len(memory)/page*page], unix.MADV_HUGEPAGE)
	}
}
