package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// MaxSquashed bounds the encoding of the squashed ciphertexts of one handle.
const MaxSquashed = 16 << 20

// use stands beside squashed ciphertexts: which bytes they were when they were
// stored, and the cursor's block when somebody last asked for them.
type use struct {
	Block  uint64
	Digest fhe.Digest
}

func (u use) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, u.Block), u.Digest[:]...)
}

func parseUse(b []byte) (use, error) {
	if len(b) != 40 {
		return use{}, sizeError("use of squashed ciphertexts", len(b), 40)
	}
	return use{binary.BigEndian.Uint64(b), fhe.Digest(b[8:])}, nil
}

// Squashed returns the stored squashed ciphertexts of a content under the
// squash key with the given id, nil if there are none, and notes that they were
// asked for. A *DamageError says that they are not what was stored.
func (s *Store) Squashed(key fhe.Digest, id ID) ([]byte, error) {
	b, err := s.get(s.db, keySquashed(tableSquashed, key, id))
	if b == nil || err != nil {
		return nil, err
	}
	at := keySquashed(tableUse, key, id)
	known, err := s.use(at)
	if err != nil {
		return nil, err
	}
	if known == nil || fhe.Keccak(b) != known.Digest {
		return nil, damaged(at, errors.New("the squashed ciphertexts have another digest than when they were stored"))
	}
	return b, s.touch(at, known)
}

// UseSquashed notes that squashed ciphertexts were asked for which the caller has at
// hand, and reports whether they are still there. What is there is not looked at.
func (s *Store) UseSquashed(key fhe.Digest, id ID) (bool, error) {
	at := keySquashed(tableUse, key, id)
	known, err := s.use(at)
	if known == nil || err != nil {
		return false, err
	}
	err = s.touch(at, known)
	return err == nil, err
}

// use returns a record of use, nil if there is none.
func (s *Store) use(at []byte) (*use, error) {
	b, err := s.get(s.db, at)
	if b == nil || err != nil {
		return nil, err
	}
	u, err := parseUse(b)
	if err != nil {
		return nil, damaged(at, err)
	}
	return &u, nil
}

// touch moves a use to the cursor. It does not wait for the disk.
func (s *Store) touch(at []byte, known *use) error {
	cursor, _, err := s.Cursor()
	if err != nil || cursor.Number == known.Block {
		return err
	}
	return s.update(pebble.NoSync, func(b *pebble.Batch) error {
		return b.Set(at, use{cursor.Number, known.Digest}.encode(), nil)
	})
}

// PutSquashed stores squashed ciphertexts and waits for the disk: who signed
// their digest must be able to show them.
func (s *Store) PutSquashed(key fhe.Digest, id ID, b []byte) error {
	if len(b) > MaxSquashed {
		return fmt.Errorf("squashed content %s has %d bytes, want at most %d", id, len(b), MaxSquashed)
	}
	cursor, _, err := s.Cursor()
	if err != nil {
		return err
	}
	return s.update(pebble.Sync, func(batch *pebble.Batch) error {
		return errors.Join(
			batch.Set(keySquashed(tableSquashed, key, id), b, nil),
			batch.Set(keySquashed(tableUse, key, id), use{cursor.Number, fhe.Keccak(b)}.encode(), nil))
	})
}
