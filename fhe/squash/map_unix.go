//go:build unix

package squash

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapping is a file in memory, read-only and page-aligned.
type mapping []byte

func mapFile(f *os.File, size int64) (mapping, error) {
	m, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	return m, nil
}

func (m mapping) release() error { return unix.Munmap(m) }

// rest gives the memory back until the pages are read again: the system's cache of the
// file keeps them if it can. As advice it may fail.
func (m mapping) rest() { _ = unix.Madvise(m, unix.MADV_DONTNEED) }
