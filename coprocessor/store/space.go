package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull is what writing methods return from the moment that the disk is full.
var ErrFull = errors.New("the disk of the ciphertext store is full: free space and start the node again; nothing is lost")

// A reserve on the disk is given up when the disk is full, so that the writes
// that are under way can end; the next ones are refused.
const (
	reserveName = "reserve"
	reserveSize = 64 << 20
)

// watchSpace returns fs with an ear for full disks.
func (s *Store) watchSpace(fs vfs.FS, dir string, log pebble.Logger) vfs.FS {
	return vfs.OnDiskFull(fs, func() {
		if s.full.CompareAndSwap(false, true) {
			log.Errorf("%v", ErrFull)
		}
		_ = fs.Remove(fs.PathJoin(dir, reserveName)) // it may be gone already
	})
}

// reserve takes the reserve, unless it is there.
func reserve(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, reserveName)
	if _, err := fs.Stat(name); err == nil {
		return nil
	}
	part := name + ".part"
	err := fs.MkdirAll(dir, 0o755)
	if err == nil {
		err = fill(fs, part)
	}
	if err == nil {
		err = fs.Rename(part, name)
	}
	if err != nil {
		_ = fs.Remove(part) // as far as it came
	}
	return err
}

// fill makes a file that takes reserveSize of the disk.
func fill(fs vfs.FS, name string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	err = f.Preallocate(0, reserveSize)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		_, err = io.CopyN(f, zeros{}, reserveSize)
	}
	return errors.Join(err, f.Close())
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// writable returns why nothing may be written.
func (s *Store) writable() error {
	if err := s.sound(); err != nil {
		return err
	}
	if s.full.Load() {
		return ErrFull
	}
	return nil
}

// startAnew is the remedy where a repair cannot even open the database.
const startAnew = "move the folder away and start the node: it follows the chain from its first block and computes everything again"

// openError says what to do about a database that does not open.
func openError(dir string, err error) error {
	what := fmt.Errorf("open ciphertext store %s: %w", dir, err)
	var damage *DamageError
	switch {
	case errors.As(err, &damage): // its own advice is a repair
		return fmt.Errorf("open ciphertext store %s: %s %x is damaged: %w: %s", dir, tableName(damage.Key[0]), damage.Key[1:], damage.Err, startAnew)
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%w: a node uses it: stop the node first", what)
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return fmt.Errorf("there is no ciphertext store in %s", dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("open ciphertext store %s: %w", dir, ErrFull)
	case pebble.IsCorruptionError(err), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s", what, startAnew)
	}
	return what
}
