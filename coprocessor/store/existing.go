package store

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
)

// OpenExisting opens the database in dir of fs, of whatever domain, while no
// node uses it. One that is only read is not changed in any byte.
func OpenExisting(fs vfs.FS, dir string, readOnly bool, log *slog.Logger) (*Store, error) {
	o := options(log)
	o.ReadOnly, o.ErrorIfNotExists = readOnly, true
	if !readOnly { // there may be no other space to work with
		_ = fs.Remove(fs.PathJoin(dir, reserveName))
	}
	s := new(Store)
	if err := s.open(fs, dir, o, s.readFormat); err != nil {
		return nil, err
	}
	return s, nil
}

// readFormat takes the domain from the format record.
func (s *Store) readFormat() error {
	b, err := s.get(s.db, keyFormat)
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		return errors.New("it is no ciphertext store: its format record is missing")
	case b[0] != format:
		return fmt.Errorf("format %d, want %d", b[0], format)
	}
	s.domain, err = fhe.ParseDomain(b[1:])
	return err
}
