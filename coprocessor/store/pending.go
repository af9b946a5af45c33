package store

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// Root is a want whose content is missing, or was when it was stored.
type Root struct {
	Position Position
	Content  ID
}

// Pending returns the first wants at or behind from, at most limit of them.
func (s *Store) Pending(from Position, limit int) (roots []Root, err error) {
	_, past := tableRange(tablePending)
	err = s.scan(keyPending(from), past, func(key, value []byte) error {
		if len(roots) >= limit {
			return io.EOF
		}
		at, err := parsePosition(key[1:])
		if err != nil {
			return err
		}
		if len(value) != 32 {
			return sizeError("pending want", len(value), 32)
		}
		roots = append(roots, Root{at, ID(value)})
		return nil
	})
	return roots, err
}

// Missing is the number of pending wants.
func (s *Store) Missing() int { return int(s.pending.Load()) }

func (s *Store) countPending() error {
	n := int64(0)
	first, past := tableRange(tablePending)
	err := s.scan(first, past, func(_, _ []byte) error { n++; return nil })
	s.pending.Store(n)
	return err
}

// Settle removes wants that have their result from the pending table and waits
// for the disk, and so for every result written before. Wants that Revert has
// removed meanwhile, or replaced by those of another block, stay as they are.
func (s *Store) Settle(roots []Root) error {
	s.log.Lock()
	defer s.log.Unlock()
	settled := int64(0)
	err := s.update(pebble.Sync, func(b *pebble.Batch) error {
		for _, r := range roots {
			key := keyPending(r.Position)
			content, err := s.get(b, key)
			if err != nil {
				return err
			}
			if string(content) != string(r.Content[:]) {
				continue
			}
			settled++
			if err := b.Delete(key, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.pending.Add(-settled)
	}
	return err
}
