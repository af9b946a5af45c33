package store

import (
	"errors"
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
