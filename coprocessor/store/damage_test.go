package store

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
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
	eachTable(t, disk, func(name string) { spoil(t, disk, name) })
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
	rewrite(t, fs, name, func(b []byte) {
		for i := range b[:len(b)-100] {
			b[i] ^= 0x55
		}
	})
}

func rewrite(t *testing.T, fs vfs.FS, name string, change func(b []byte)) {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	change(b)
	g, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Write(b)
	if err = errors.Join(err, g.Sync(), g.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestRepairAtATablesBeginning has the first nodes be unreadable, in a file whose part before
// them ends with a record of another table. That part stays, and can be compacted.
func TestRepairAtATablesBeginning(t *testing.T) {
	for seed := range uint64(4) {
		disk := vfs.NewMem()
		s := open(t, disk)
		appendAll(t, s, random(seed).Blocks)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		key, filler := []byte{tableMeta, 'z'}, slices.Repeat([]byte{0xa5}, 5000)
		fillBlock(t, disk, key, filler)
		eachTable(t, disk, func(name string) {
			rewrite(t, disk, name, func(b []byte) { b[bytes.LastIndex(b, filler)+len(filler)+200] ^= 1 })
		})
		s, err := OpenExisting(disk, "db", false, discard)
		if err != nil {
			t.Fatal(err)
		}
		report, err := s.Repair(t.Context(), func(string, int, int) {})
		if err != nil || report.Found == 0 || !strings.Contains(report.Problems[0].What, "the records from here") {
			t.Errorf("repair: %+v, %v", report, err)
		}
		if b, err := s.get(s.db, key); !slices.Equal(b, filler) {
			t.Errorf("the record before has %d bytes, %v", len(b), err)
		}
		if err := errors.Join(s.Compact(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

// fillBlock writes a record so large that a block of the store's only file ends behind it.
func fillBlock(t *testing.T, disk vfs.FS, key, filler []byte) {
	t.Helper()
	o := options(discard)
	o.FS, o.Experimental.ValueSeparationPolicy = disk, nil
	db, err := pebble.Open("db", o)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Set(key, filler, pebble.Sync)
	if err = errors.Join(err, db.Compact(t.Context(), []byte{0}, []byte{0xff}, false), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func eachTable(t *testing.T, disk vfs.FS, visit func(name string)) {
	t.Helper()
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			visit("db/" + name)
		}
	}
}

// TestVerifyComparesWholeNames changes each byte of a pending want in turn.
func TestVerifyComparesWholeNames(t *testing.T) {
	s := openMem(t)
	appendAll(t, s, random(1).Blocks)
	want := dump(t, s, logTables)
	roots, err := s.Pending(Position{}, 1)
	if err != nil || len(roots) == 0 {
		t.Fatal(roots, err)
	}
	for i := range roots[0].Content {
		other := roots[0].Content
		other[i] ^= 1
		if err := s.db.Set(keyPending(roots[0].Position), other[:], pebble.Sync); err != nil {
			t.Fatal(err)
		}
		report, err := s.Repair(t.Context(), func(string, int, int) {})
		if err != nil || report.Found == 0 {
			t.Errorf("byte %d: %d problems, %v", i, report.Found, err)
		}
		if dump(t, s, logTables) != want {
			t.Errorf("byte %d: the repair led elsewhere", i)
		}
	}
}

// TestInputOfAnotherType changes the type in the node of an input, which its content does not
// show: where the log binds it a repair finds that, and elsewhere the next block that names it
// mends it.
func TestInputOfAnotherType(t *testing.T) {
	for what, mend := range map[string]func(s *Store) error{
		"repair": func(s *Store) error {
			report, err := s.Repair(t.Context(), func(string, int, int) {})
			if report.Found == 0 {
				t.Error("nothing was found")
			}
			return err
		},
		"revert": func(s *Store) error { return s.Revert(0) },
	} {
		log := logtest.New()
		list, values := randomList(rand.New(rand.NewPCG(1, 0)))
		h, blocks := log.Input(list, values...)[0], []fhe.Batch{log.Seal(0)}
		s := openMem(t)
		appendAll(t, s, blocks)
		b, err := s.Binding(h)
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.Node(b.Content)
		if err != nil {
			t.Fatal(err)
		}
		n.Handle[30] ^= 0x80
		enc, err := n.MarshalBinary()
		if err = errors.Join(err, s.db.Set(keyContent(tableNode, b.Content), enc, pebble.Sync), mend(s)); err != nil {
			t.Fatal(what, err)
		}
		appendAll(t, s, blocks)
		if n, err := s.Node(b.Content); err != nil || n.Handle != h {
			t.Errorf("%s: %+v, %v, want handle %s", what, n, err, h)
		}
	}
}
