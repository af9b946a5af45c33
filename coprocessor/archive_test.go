package coprocessor

import (
	"bytes"
	"maps"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/store"
)

// TestArchive brings what one machine computed to another that follows the same
// chain: it has nothing left to compute, and the same digests.
func TestArchive(t *testing.T) {
	log := program(540)
	for _, all := range []bool{false, true} {
		first := start(t, vfs.NewMem(), newPlainEvaluator())
		first.feed(t, log.Blocks...)
		first.drain(t)
		want := first.digests(t, log.Blocks)
		archive, out := exported(t, first.store, store.Selection{All: all})
		if out.Records == 0 || len(out.LeftOut) > 0 && !all {
			t.Errorf("exported %+v", out)
		}
		first.stop(t)

		spy := newSpy(newPlainEvaluator())
		c := prepare(t, vfs.NewMem(), spy)
		second := &machine{Coprocessor: c}
		second.feed(t, log.Blocks...)
		in := imported(t, c.store, archive)
		if in.Records != out.Records || in.Known != 0 || len(in.LeftOut) != 0 {
			t.Errorf("imported %+v of %+v", in, out)
		}
		if again := imported(t, c.store, archive); again.Known != out.Records || again.Records != 0 {
			t.Errorf("imported again: %+v", again)
		}
		second = run(c)
		second.drain(t)
		if got := second.digests(t, log.Blocks); !maps.Equal(got, want) || spy.total() != 0 {
			t.Errorf("%d computations after an import, digests equal: %v", spy.total(), maps.Equal(got, want))
		}
		second.verify(t, "import")
		second.stop(t)
	}
}

// TestArchiveOfStrangers imports what the log does not name.
func TestArchiveOfStrangers(t *testing.T) {
	log := program(541)
	first := start(t, vfs.NewMem(), newPlainEvaluator())
	first.feed(t, log.Blocks...)
	first.drain(t)
	archive, out := exported(t, first.store, store.Selection{})
	first.stop(t)
	empty := prepare(t, vfs.NewMem(), newPlainEvaluator())
	in := imported(t, empty.store, archive)
	if in.Records != 0 || len(in.LeftOut) != 1 {
		t.Errorf("a store without a log took %+v", in)
	}
	for _, n := range in.LeftOut {
		if n != out.Records {
			t.Errorf("left out %d of %d", n, out.Records)
		}
	}
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
}

func exported(t *testing.T, s *store.Store, what store.Selection) ([]byte, *store.Exported) {
	t.Helper()
	var b bytes.Buffer
	out, err := s.Export(t.Context(), &b, store.Exporting{Selection: what, Progress: func(string, int, int) {}})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), out
}

func imported(t *testing.T, s *store.Store, archive []byte) *store.Exported {
	t.Helper()
	in, err := s.Import(t.Context(), bytes.NewReader(archive), store.Importing{
		Accept: func(*store.Record) error { return nil }, Progress: func(int) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}
