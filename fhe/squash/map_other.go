//go:build !unix

package squash

import (
	"io"
	"os"
)

// mapping is the bytes of a file.
type mapping []byte

func mapFile(f *os.File, size int64) (mapping, error) {
	m := make(mapping, size) // aligned to a word, like every large block
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(f, m); err != nil {
		return nil, err
	}
	return m, nil
}

func (m mapping) release() error { return nil }
func (m mapping) rest()          {}
