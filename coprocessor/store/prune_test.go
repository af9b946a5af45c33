package store

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// filled is a store in which every content of a random log has a packed and a
// bare ciphertext of no meaning.
func filled(t testing.TB, s *Store, log *logtest.Log) {
	t.Helper()
	appendAll(t, s, log.Blocks)
	for h := range log.Kinds {
		b, err := s.Binding(h)
		if err != nil || b == nil {
			t.Fatal(b, err)
		}
		n, err := s.Node(b.Content)
		if err != nil {
			t.Fatal(err)
		}
		if n.Kind == Operation {
			bare := [][]byte{make([]byte, 2000)}
			err = s.Put(s.Results(b.Content, n), make([]byte, 1500), bare)
		} else {
			err = s.PutList(n.List, make([]byte, 1500), []ID{b.Content})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPruneKeeps compares what a pruning leaves with the policy, handle by
// handle: inputs, what is wanted, what is young.
func TestPruneKeeps(t *testing.T) {
	for seed := range uint64(6) {
		log := random(400 + seed)
		s := openMem(t)
		filled(t, s, log)
		roots, err := s.Pending(Position{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Settle(roots); err != nil {
			t.Fatal(err)
		}
		const keep = 2
		how := Pruning{Policy: Policy{Results: keep, Bare: true}, DryRun: true}
		dry, err := s.Prune(t.Context(), how)
		if err != nil {
			t.Fatal(err)
		}
		before := dump(t, s, "rxyqu")
		how.DryRun = false
		if dump(t, s, "rxyqu") != before {
			t.Fatal("a dry run changed something")
		}
		pruned, err := s.Prune(t.Context(), how)
		if err != nil || pruned != dry || pruned.Packed.Records == 0 || pruned.Bare.Records == 0 {
			t.Fatalf("pruned %+v, a dry run said %+v; %v", pruned, dry, err)
		}
		mayDrop := droppable(t, s, log, keep)
		for h := range log.Kinds {
			b, _ := s.Binding(h)
			r, err := s.Result(b.Content)
			if err != nil || r.Digest == (fhe.Digest{}) {
				t.Fatalf("the digest of %s is gone: %v", h, err)
			}
			if r.Ready == mayDrop[b.Content] {
				t.Errorf("seed %d: %s %s is kept: %v", seed, log.Kinds[h], h, r.Ready)
			}
		}
		if again, err := s.Prune(t.Context(), how); err != nil || again != (Pruned{}) {
			t.Errorf("pruned again: %+v, %v", again, err)
		}
	}
}

// droppable are the contents of old operations none of whose results is wanted.
func droppable(t *testing.T, s *Store, log *logtest.Log, keep uint64) map[ID]bool {
	drop, wanted := make(map[ID]bool), make(map[ID]bool)
	for h := range log.Kinds {
		b, _ := s.Binding(h)
		if is, _ := s.Wanted(h); is {
			wanted[b.Content] = true
		}
	}
	for h := range log.Kinds {
		b, _ := s.Binding(h)
		n, err := s.Node(b.Content)
		if err != nil {
			t.Fatal(err)
		}
		first, _ := s.Binding(n.Handle)
		drop[b.Content] = n.Kind == Operation && uint64(len(log.Blocks))-first.Block >= keep
		for _, id := range s.Results(b.Content, n) {
			drop[b.Content] = drop[b.Content] && !wanted[id]
		}
		// A group's age is that of its first result.
		if f, err := s.Node(s.Results(b.Content, n)[0]); err == nil && n.Kind == Operation {
			if fb, _ := s.Binding(f.Handle); fb != nil && uint64(len(log.Blocks))-fb.Block < keep {
				drop[b.Content] = false
			}
		}
	}
	return drop
}

// TestPruneBesideTheLog lets the log want a value while a pruning is under way
// that has marked it as unwanted.
func TestPruneBesideTheLog(t *testing.T) {
	s, l := openMem(t), logtest.New()
	x := l.Operation(fhe.Neg, fhe.Uint8, false, 0, l.Trivial(fhe.Uint8, 3))
	appendAll(t, s, []fhe.Batch{l.Seal(0), l.Seal(0), l.Seal(0)})
	b, _ := s.Binding(x)
	if err := s.Put([]ID{b.Content}, []byte{1, 2}, nil); err != nil {
		t.Fatal(err)
	}
	how := Pruning{Progress: func(string, int, int) {
		if ok, _ := s.Wanted(x); !ok { // the first record is being looked at
			l.Want(x)
			appendAll(t, s, []fhe.Batch{l.Seal(0)})
		}
	}}
	if pruned, err := s.Prune(t.Context(), how); err != nil || pruned.Packed.Records != 0 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if r, err := s.Result(b.Content); err != nil || !r.Ready {
		t.Errorf("a wanted ciphertext was pruned: %+v, %v", r, err)
	}
	how.Progress = func(string, int, int) {
		if c, _, _ := s.Cursor(); c.Number > 2 {
			if err := s.Revert(1); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := s.Prune(t.Context(), how); err != nil {
		t.Errorf("a revert beside a pruning: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Prune(ended, Pruning{Rate: 1}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSquashedAge drops squashed ciphertexts that nobody asked for lately.
func TestSquashedAge(t *testing.T) {
	s, l := openMem(t), logtest.New()
	appendAll(t, s, []fhe.Batch{l.Seal(0)})
	old, used := ID{1}, ID{2}
	for _, id := range []ID{old, used} {
		if err := s.PutSquashed(fhe.Digest{7}, id, []byte("squashed")); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		appendAll(t, s, []fhe.Batch{l.Seal(0)})
	}
	if b, err := s.Squashed(fhe.Digest{7}, used); err != nil || string(b) != "squashed" {
		t.Fatal(b, err)
	}
	pruned, err := s.Prune(t.Context(), Pruning{Policy: Policy{Squashed: 10}})
	if err != nil || pruned.Squashed != (Amount{1, 8}) {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if b, err := s.Squashed(fhe.Digest{7}, used); err != nil || b == nil {
		t.Errorf("what was asked for is gone: %v", err)
	}
	if b, err := s.Squashed(fhe.Digest{7}, old); err != nil || b != nil {
		t.Errorf("what nobody asked for is kept: %v", err)
	}
}

// TestDiskShrinks prunes a store on a real disk: its files get smaller, and what
// is kept can be read.
func TestDiskShrinks(t *testing.T) {
	dir := t.TempDir()
	o := options(discard)
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy { return separation(time.Nanosecond) }
	s := &Store{domain: logtest.Domain}
	if err := s.open(vfs.Default, dir, o, s.checkFormat); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	l := logtest.New()
	var kept []ID
	for i := range 1500 {
		h := l.Trivial(fhe.Uint64, uint64(i))
		if i%100 == 0 {
			l.Want(h)
		}
	}
	appendAll(t, s, []fhe.Batch{l.Seal(0), l.Seal(0)})
	for h := range l.Kinds {
		b, _ := s.Binding(h)
		packed := make([]byte, 30000)
		for i := range packed {
			packed[i] = byte(r.Uint32())
		}
		if err := s.Put([]ID{b.Content}, packed, nil); err != nil {
			t.Fatal(err)
		}
		if wanted, _ := s.Wanted(h); wanted {
			kept = append(kept, b.Content)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	before := diskUse(t, dir)
	pruned, err := s.Prune(t.Context(), Pruning{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	freed := int64(pruned.Packed.Bytes)
	deadline := time.Now().Add(time.Minute)
	for diskUse(t, dir) > before-freed/2 { // Pebble removes files in its own time
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes before, %d after %d were dropped", before, diskUse(t, dir), freed)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, id := range kept {
		n, err := s.Node(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Kept(id, n); err != nil {
			t.Errorf("what is wanted: %v", err)
		}
	}
}

// diskUse is the size of the tables and files of values in dir.
func diskUse(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".sst" && ext != ".blob" {
			return err
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it became obsolete meanwhile
		}
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
