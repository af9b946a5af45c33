//go:build !unix

package squash

import (
	"io"
	"os"
)

// mapFile reads size bytes of f.
func mapFile(f *os.File, size int64) (data []byte, release func() error, err error) {
	data = make([]byte, size) // aligned to a word, like every large block
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, nil, err
	}
	return data, nil, nil
}
