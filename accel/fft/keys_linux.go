package fft

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHugePages covers the whole pages of keys. As advice it may fail.
func adviseHugePages(keys []GGSW) {
	page := unix.Getpagesize()
	memory := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(keys))), len(keys)*int(unsafe.Sizeof(GGSW{})))
	before := int(-uintptr(unsafe.Pointer(unsafe.SliceData(memory))) % uintptr(page))
	if before < len(memory) {
		memory = memory[before:]
		_ = unix.Madvise(memory[:len(memory)/page*page], unix.MADV_HUGEPAGE)
	}
}
