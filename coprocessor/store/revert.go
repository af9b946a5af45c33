package store

import (
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// Revert undoes the blocks above number: their bindings, their wants, the
// cursor. Contents stay, being functions of their names alone. Only a
// development chain undoes blocks.
func (s *Store) Revert(number uint64) error {
	s.log.Lock()
	defer s.log.Unlock()
	cursor, ok, err := s.Cursor()
	switch {
	case err != nil:
		return err
	case !ok || number > cursor.Number:
		return fmt.Errorf("revert to block %d: the cursor is below it", number)
	}
	err = s.update(pebble.Sync, func(b *pebble.Batch) error {
		for n := cursor.Number; n > number; n-- {
			record, err := s.block(n)
			if err != nil {
				return err
			}
			if record == nil { // below the first block
				return b.Delete(keyCursor, nil)
			}
			if err := s.undo(b, n, record); err != nil {
				return fmt.Errorf("revert block %d: %w", n, err)
			}
		}
		record, err := s.block(number)
		if record == nil || err != nil {
			return errors.Join(err, b.Delete(keyCursor, nil))
		}
		return b.Set(keyCursor, Cursor{number, record.Hash}.encode(), nil)
	})
	return errors.Join(err, s.countPending())
}

// undo removes what block number was the first to say.
func (s *Store) undo(b *pebble.Batch, number uint64, record *blockRecord) error {
	for _, h := range record.Bound {
		if err := s.unbind(b, h); err != nil {
			return err
		}
	}
	for _, h := range record.Wanted {
		if err := b.Delete(keyHandle(tableWant, h), nil); err != nil {
			return err
		}
	}
	_, past := tableRange(tablePending)
	if number < math.MaxUint64 {
		past = keyPending(Position{Block: number + 1})
	}
	return errors.Join(
		b.DeleteRange(keyPending(Position{Block: number}), past, nil),
		b.Delete(keyBlock(number), nil))
}

// unbind removes a binding, and the pending want that Retry may have put at
// the position of an older want.
func (s *Store) unbind(b *pebble.Batch, h fhe.Handle) error {
	at, err := s.get(b, keyHandle(tableWant, h))
	if err != nil {
		return err
	}
	if at != nil {
		if err := b.Delete(append([]byte{tablePending}, at...), nil); err != nil {
			return err
		}
	}
	return b.Delete(keyHandle(tableBinding, h), nil)
}

// pend makes the wants of those contents pending that missing picks.
func (s *Store) pend(b *pebble.Batch, missing func(ID) (bool, error)) error {
	first, past := tableRange(tableWant)
	return s.scan(first, past, func(key, at []byte) error {
		if len(key) != 1+32 {
			return damaged(key, sizeError("key of a want", len(key), 1+32))
		}
		binding, err := s.binding(b, fhe.Handle(key[1:]))
		if binding == nil || err != nil {
			return err
		}
		picked, err := missing(binding.Content)
		if !picked || err != nil {
			return err
		}
		return b.Set(append([]byte{tablePending}, at...), binding.Content[:], nil)
	})
}
