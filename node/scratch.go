package node

import (
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// scratch is a folder for a store that nobody opens again: on disk, as a chain's log and
// what is computed from it may be larger than the memory, and without waiting for the disk.
type scratch struct{ dir string }

func openScratch() (*scratch, error) {
	dir, err := os.MkdirTemp("", "fhevm-verify-")
	return &scratch{dir}, err
}

// Close removes the folder.
func (s *scratch) Close() error { return os.RemoveAll(s.dir) }

// hasty is a file system that does not wait for the disk.
type hasty struct{ vfs.FS }

func (h hasty) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.Create(name, category)
	return hastyFile(f, err)
}

func (h hasty) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.OpenReadWrite(name, category, opts...)
	return hastyFile(f, err)
}

func (h hasty) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.ReuseForWrite(oldname, newname, category)
	return hastyFile(f, err)
}

func (h hasty) OpenDir(name string) (vfs.File, error) {
	f, err := h.FS.OpenDir(name)
	return hastyFile(f, err)
}

// Unwrap implements vfs.FS.
func (h hasty) Unwrap() vfs.FS { return h.FS }

// unsynced is a file whose writes the system may take its time for.
type unsynced struct{ vfs.File }

func hastyFile(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return unsynced{f}, nil
}

func (unsynced) Sync() error                { return nil }
func (unsynced) SyncTo(int64) (bool, error) { return false, nil }
func (unsynced) SyncData() error            { return nil }
