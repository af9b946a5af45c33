//go:build unix

package squash

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps size bytes of f into memory, read-only and page-aligned.
func mapFile(f *os.File, size int64) (data []byte, release func() error, err error) {
	data, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
