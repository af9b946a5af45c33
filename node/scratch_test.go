package node

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"testing"

	"fhevm/coprocessor/store"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestScratch: a store there keeps what it is given, never waits for the disk, and is
// gone in the end.
func TestScratch(t *testing.T) {
	s, err := openScratch()
	if err != nil {
		t.Fatal(err)
	}
	refuse := errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			t.Errorf("%s is synced", op.Path)
		}
		return nil
	})
	db, err := store.Open(hasty{errorfs.Wrap(vfs.Default, refuse)}, s.dir, fhe.Domain{ChainID: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(20) {
		if err := db.Append(&fhe.Batch{Number: n, Hash: fhe.Digest{byte(n)}}); err != nil {
			t.Fatal(err)
		}
	}
	if c, ok, err := db.Cursor(); err != nil || !ok || c.Number != 19 {
		t.Errorf("cursor %v, %v", c, err)
	}
	if err := errors.Join(db.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}
