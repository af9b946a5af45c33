package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Condemn replaces the results of contents that are made together by a failure, and
// waits for the disk: machines disagree on what they are.
func (s *Store) Condemn(f *Failure, ids []ID) error {
	n, err := s.Node(ids[0])
	if err != nil {
		return err
	}
	return s.update(pebble.Sync, func(b *pebble.Batch) error {
		for _, id := range ids {
			if err := errors.Join(
				b.Delete(keyContent(tableResult, id), nil),
				b.Delete(keyContent(tableBare, id), nil),
				b.Set(keyContent(tableFailure, id), f.encode(), nil)); err != nil {
				return err
			}
		}
		return b.Delete(keyContent(tablePacked, s.Group(ids[0], n)), nil)
	})
}
