package store

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// TestUnreadableValues: a value whose file does not give it back is a damaged record,
// for all who read it, and Forget mends it.
func TestUnreadableValues(t *testing.T) {
	log := logtest.New()
	h := log.Trivial(fhe.Uint64, 5)
	log.Want(h)
	disk := vfs.NewMem()
	s := open(t, disk)
	appendAll(t, s, []fhe.Batch{log.Seal(0)})
	b, err := s.Binding(h)
	if err != nil {
		t.Fatal(err)
	}
	id, value := b.Content, slices.Repeat([]byte{1}, 30_000)
	if err := errors.Join(s.Put([]ID{id}, value, [][]byte{value}), s.db.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".blob") {
			return errorfs.ErrInjected
		}
		return nil
	})))
	defer s.Close()
	n, err := s.Node(id)
	if err != nil {
		t.Fatal(err)
	}
	var all []*DamageError
	for name, read := range map[string]func() error{
		"Kept":    func() error { _, err := s.Kept(id, n); return err },
		"Packed":  func() error { _, err := s.Packed(id); return err },
		"Bare":    func() error { _, err := s.Bare(id); return err },
		"HasBare": func() error { _, err := s.HasBare(id); return err },
	} {
		var d *DamageError
		if err := read(); !errors.As(err, &d) || !d.Recomputable() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all = append(all, d)
	}
	for _, d := range all {
		if err := s.Forget(d); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Kept(id, n); !errors.Is(err, ErrDropped) || s.Missing() != 1 {
		t.Errorf("%v, %d wants are pending", err, s.Missing())
	}
	if kept, err := s.HasBare(id); kept || err != nil {
		t.Errorf("%v, %v", kept, err)
	}
}

// TestUnreadableTables: where not even the cursor can be read, a repair cannot begin. The
// advice is what helps then, to the node and to the repair.
func TestUnreadableTables(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, disk)
	appendAll(t, s, random(1).Blocks)
	if err := errors.Join(s.db.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			spoil(t, disk, "db/"+name)
		}
	}
	for what, open := range map[string]func() (*Store, error){
		"node":   func() (*Store, error) { return Open(disk, "db", logtest.Domain, discard) },
		"repair": func() (*Store, error) { return OpenExisting(disk, "db", false, discard) },
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "move the folder away") || strings.Contains(err.Error(), "--repair") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// spoil changes every byte of a file but those at its end, by which it is known.
func spoil(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	for i := range b[:len(b)-100] {
		b[i] ^= 0x55
	}
	g, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Write(b)
	if err = errors.Join(err, g.Sync(), g.Close()); err != nil {
		t.Fatal(err)
	}
}
