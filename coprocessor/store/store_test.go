package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

var discard = slog.New(slog.DiscardHandler)

func open(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(fs, "db", logtest.Domain, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openMem(t testing.TB) *Store {
	s := open(t, vfs.NewMem())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func appendAll(t testing.TB, s *Store, blocks []fhe.Batch) {
	t.Helper()
	for i := range blocks {
		if err := s.Append(&blocks[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// dump is the content of the given tables, one line a key.
func dump(t testing.TB, s *Store, tables string) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []byte(tables) {
		first, past := tableRange(table)
		err := s.scan(first, past, func(k, v []byte) error {
			_, err := fmt.Fprintf(&b, "%c %x %x\n", table, k[1:], v)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// logTables are the tables that are functions of the log up to the cursor.
const logTables = "mbhwp"

func random(seed uint64) *logtest.Log {
	r := rand.New(rand.NewPCG(seed, 0))
	return logtest.Random(r, logtest.Shape{Blocks: 6, Operations: 12, Wants: 4, Types: []fhe.Type{fhe.Uint8, fhe.Bool}, Inputs: randomList})
}

func randomList(r *rand.Rand) (*fhe.InputList, []uint64) {
	types := []fhe.Type{fhe.Uint8, fhe.Bool}
	list := &fhe.InputList{Binding: fhe.Binding{Domain: logtest.Domain}, Types: types, Mask: make([]uint64, 2048), Bodies: make([]uint64, 3)}
	list.Bodies[0] = r.Uint64N(3)
	return list, []uint64{list.Bodies[0], 0}
}

func TestAppendIsIdempotent(t *testing.T) {
	log := random(1)
	once, twice := openMem(t), openMem(t)
	appendAll(t, once, log.Blocks)
	for i := range log.Blocks {
		appendAll(t, twice, log.Blocks[:i+1])
	}
	if dump(t, once, logTables+"nl") != dump(t, twice, logTables+"nl") {
		t.Fatal("appending blocks again changed the store")
	}
	if once.Missing() == 0 || once.Missing() != twice.Missing() {
		t.Fatalf("%d and %d wants are missing", once.Missing(), twice.Missing())
	}
}

func TestAppendOrder(t *testing.T) {
	s, log := openMem(t), random(2)
	appendAll(t, s, log.Blocks[1:4]) // any first number

	var gap *GapError
	if err := s.Append(&log.Blocks[5]); !errors.As(err, &gap) || gap.Want != 5 || gap.Got != 6 {
		t.Errorf("block 6 after block 4: %v", err)
	}
	if err := s.Append(&log.Blocks[0]); !errors.As(err, &gap) {
		t.Errorf("block below the first: %v", err)
	}
	fork := log.Blocks[2]
	fork.Hash[0] ^= 1
	var reorg *ReorgError
	if err := s.Append(&fork); !errors.As(err, &reorg) || !strings.Contains(err.Error(), "revert to a common block below 3") {
		t.Errorf("another block 3: %v", err)
	}
}

// TestAppendRefuses spoils a block in every way that a broken feed could. Nothing
// of it may be stored.
func TestAppendRefuses(t *testing.T) {
	operation := func(change func(*fhe.Operation)) fhe.Entry {
		l := logtest.New()
		x := l.Trivial(fhe.Uint8, 1)
		l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x)
		o := l.Seal(0).Entries[1].Operation
		change(o)
		return fhe.Entry{Operation: o}
	}
	input := func(change func(*fhe.Input, *fhe.InputList)) fhe.Entry {
		list, _ := randomList(rand.New(rand.NewPCG(0, 0)))
		in := new(fhe.Input)
		change(in, list)
		if in.Encoding == nil {
			in.Encoding, _ = list.MarshalBinary()
		}
		if in.Digest == (fhe.Digest{}) {
			in.Digest = fhe.Keccak(in.Encoding)
		}
		return fhe.Entry{Input: in}
	}
	h := fhe.Handle{1}
	for name, c := range map[string]struct {
		entry fhe.Entry
		want  string
	}{
		"empty":          {fhe.Entry{}, "exactly one of"},
		"two":            {fhe.Entry{Wanted: &h, Input: new(fhe.Input)}, "exactly one of"},
		"other handle":   {operation(func(o *fhe.Operation) { o.Result[0] ^= 1 }), "gives handle"},
		"other digest":   {operation(func(o *fhe.Operation) { o.Digest[31] ^= 1 }), "gives handle"},
		"other domain":   {operation(func(o *fhe.Operation) { o.Derivation.Domain.ACL[0] ^= 1 }), "domain is not the store's"},
		"ill typed":      {operation(func(o *fhe.Operation) { o.Derivation.Type = fhe.Uint16 }), "want uint16"},
		"garbage list":   {input(func(in *fhe.Input, _ *fhe.InputList) { in.Encoding = []byte{1, 2} }), "input list has 2 bytes"},
		"other list":     {input(func(in *fhe.Input, _ *fhe.InputList) { in.Digest[0] = 1 }), "digest or domain"},
		"foreign domain": {input(func(_ *fhe.Input, l *fhe.InputList) { l.Binding.Domain.ChainID++ }), "digest or domain"},
	} {
		s := openMem(t)
		before := dump(t, s, logTables+"nl")
		good := logtest.New()
		good.Trivial(fhe.Uint8, 3)
		batch := good.Seal(0)
		batch.Entries = append(batch.Entries, c.entry)
		if err := s.Append(&batch); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "block 1, entry 1") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if dump(t, s, logTables+"nl") != before {
			t.Errorf("%s: part of the block was stored", name)
		}
	}
}

// TestConflict plants the first half of a hash collision.
func TestConflict(t *testing.T) {
	s, l := openMem(t), logtest.New()
	h := l.Trivial(fhe.Uint8, 1)
	block := l.Seal(0)
	planted := &Binding{Digest: fhe.Digest{0xbb}, Content: ID{0xcc}}
	err := s.update(pebble.Sync, func(b *pebble.Batch) error { return b.Set(keyHandle(tableBinding, h), planted.encode(), nil) })
	if err != nil {
		t.Fatal(err)
	}
	var conflict *ConflictError
	if err := s.Append(&block); !errors.As(err, &conflict) || conflict.Handle != h || conflict.Have != planted.Digest {
		t.Fatalf("second derivation of one handle: %v", err)
	}
	if b, err := s.Binding(h); err != nil || b.Content != planted.Content {
		t.Fatalf("the first binding did not stand: %v, %v", b, err)
	}
	if _, ok, _ := s.Cursor(); ok {
		t.Fatal("the block was stored")
	}
}

// TestWantsInAnyOrder puts each want at the block of the definition, before
// and behind it: the same contents become pending, once.
func TestWantsInAnyOrder(t *testing.T) {
	source := logtest.New()
	x := source.Trivial(fhe.Uint8, 1)
	y := source.Operation(fhe.Neg, fhe.Uint8, false, 0, x)
	entries := source.Seal(0).Entries
	for _, order := range [][]fhe.Entry{
		{entries[0], entries[1], {Wanted: &y}, {Wanted: &y}},
		{{Wanted: &y}, entries[0], entries[1], {Wanted: &y}},
		{{Wanted: &y}, {Wanted: &y}, entries[0], entries[1]},
	} {
		s := openMem(t)
		for i, e := range order { // a block each
			b := fhe.Batch{Number: uint64(i), Entries: []fhe.Entry{e}}
			if err := s.Append(&b); err != nil {
				t.Fatal(err)
			}
		}
		binding, err := s.Binding(y)
		if err != nil {
			t.Fatal(err)
		}
		roots, err := s.Pending(Position{}, 10)
		if err != nil || len(roots) != 1 || roots[0].Content != binding.Content || s.Missing() != 1 {
			t.Fatalf("pending %v, %d missing, %v", roots, s.Missing(), err)
		}
	}
}

// TestRevert goes back and forth over random logs and compares with a store
// that saw the last chain only.
func TestRevert(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 7))
		s, fresh := openMem(t), openMem(t)
		chain := random(seed).Blocks
		appendAll(t, s, chain)
		for fork := range byte(3) {
			to := r.Uint64N(uint64(len(chain)) + 1)
			other := random(100*seed + uint64(fork)).Blocks
			for i := range other {
				other[i].Hash[0] ^= fork + 1
			}
			chain = append(slices.Clone(chain[:to]), other[to:]...)
			if err := s.Revert(to); err != nil {
				t.Fatal(err)
			}
			for i := to; i < uint64(len(chain)); i++ {
				// Bindings of the old blocks may be missing in the new: they are
				// undefined operands, as they are for the fresh store.
				if err := s.Append(&chain[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		appendAll(t, fresh, chain)
		if got, want := dump(t, s, logTables), dump(t, fresh, logTables); got != want {
			t.Fatalf("seed %d: after reverts\n%s\nwant\n%s", seed, got, want)
		}
		if s.Missing() != fresh.Missing() {
			t.Fatalf("seed %d: %d missing, want %d", seed, s.Missing(), fresh.Missing())
		}
	}
}

func TestRevertBounds(t *testing.T) {
	s := openMem(t)
	if err := s.Revert(0); err == nil {
		t.Error("reverted an empty store")
	}
	log := random(3)
	appendAll(t, s, log.Blocks[2:4])
	if err := s.Revert(5); err == nil {
		t.Error("reverted to a block above the cursor")
	}
	if err := s.Revert(1); err != nil {
		t.Fatal(err)
	}
	if c, ok, err := s.Cursor(); ok || err != nil || s.Missing() != 0 {
		t.Errorf("below the first block: cursor %v, %d missing, %v", c, s.Missing(), err)
	}
	appendAll(t, s, log.Blocks)
}

// TestSettle shows that only the want that was meant is removed.
func TestSettle(t *testing.T) {
	s, log := openMem(t), random(4)
	appendAll(t, s, log.Blocks)
	roots, err := s.Pending(Position{}, 3)
	if err != nil || len(roots) != 3 {
		t.Fatal(roots, err)
	}
	before := s.Missing()
	stale := roots[1]
	stale.Content[0] ^= 1
	if err := s.Settle([]Root{roots[0], stale, roots[0]}); err != nil {
		t.Fatal(err)
	}
	left, err := s.Pending(Position{}, 1)
	if err != nil || left[0] != roots[1] || s.Missing() != before-1 {
		t.Fatalf("first pending %v, want %v; %d missing of %d; %v", left, roots[1], s.Missing(), before, err)
	}
}

func TestInputListsAreDropped(t *testing.T) {
	s := openMem(t)
	list, values := randomList(rand.New(rand.NewPCG(1, 1)))
	l := logtest.New()
	handles := l.Input(list, values...)
	appendAll(t, s, []fhe.Batch{l.Seal(0)})
	enc, _ := list.MarshalBinary()
	digest := fhe.Keccak(enc)
	if staged, err := s.List(digest); err != nil || string(staged) != string(enc) {
		t.Fatalf("staged %d bytes, %v", len(staged), err)
	}
	var contents []ID
	for _, h := range handles {
		b, err := s.Binding(h)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, b.Content)
	}
	if err := s.PutList(digest, []byte{1}, contents); err != nil {
		t.Fatal(err)
	}
	l.Input(list, values...) // verified once more
	appendAll(t, s, []fhe.Batch{l.Seal(0)})
	if staged, err := s.List(digest); err != nil || staged != nil {
		t.Fatalf("an expanded list is staged with %d bytes, %v", len(staged), err)
	}
}

// A digest may have been signed: it stands.
func TestDigestStands(t *testing.T) {
	s, id := openMem(t), ID{1}
	for range 2 {
		if err := s.Put([]ID{id}, []byte{1}, nil); err != nil {
			t.Fatal(err)
		}
	}
	before, err := s.Result(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put([]ID{id}, []byte{2}, nil); err == nil || !strings.Contains(err.Error(), "computes differently") {
		t.Errorf("another ciphertext of one content: %v", err)
	}
	if after, err := s.Result(id); err != nil || after != before {
		t.Errorf("the digest is %s, was %s; %v", after.Digest, before.Digest, err)
	}
}

func TestBounds(t *testing.T) {
	s := openMem(t)
	if err := s.Put([]ID{{}}, make([]byte, MaxPacked+1), nil); err == nil {
		t.Error("an oversized packed ciphertext was stored")
	}
	if err := s.Put([]ID{{}}, nil, [][]byte{make([]byte, MaxBare+1)}); err == nil {
		t.Error("an oversized bare ciphertext was stored")
	}
	if err := s.PutList(fhe.Digest{}, make([]byte, MaxPacked+1), nil); err == nil {
		t.Error("an oversized input list was stored")
	}
	if err := s.PutSquashed(fhe.Digest{}, ID{}, make([]byte, MaxSquashed+1)); err == nil {
		t.Error("an oversized squashed ciphertext was stored")
	}
	if roots, err := s.Pending(Position{}, 0); err != nil || len(roots) != 0 {
		t.Errorf("Pending with limit 0 returned %v, %v", roots, err)
	}
	if err := s.scan(nil, []byte{0xff}, func(_, _ []byte) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("scan lost the visitor's error: %v", err)
	}
}

func TestForeignDatabase(t *testing.T) {
	fs := vfs.NewMem()
	if err := open(t, fs).Close(); err != nil {
		t.Fatal(err)
	}
	other := logtest.Domain
	other.KeyID[3] ^= 1
	if _, err := Open(fs, "db", other, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another chain") {
		t.Fatalf("opened the database of another key: %v", err)
	}
	s := open(t, fs)
	err := s.update(pebble.Sync, func(b *pebble.Batch) error {
		return b.Set(keyFormat, logtest.Domain.Append([]byte{format + 1}), nil)
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(fs, "db", logtest.Domain, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "format 6, want 5") {
		t.Fatalf("opened another format: %v", err)
	}
}
