package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// settled is the disk of a machine that has done all that its log asks for but
// the last block, and squashed what is wanted if it is told to.
func settled(t *testing.T, log *logtest.Log, squash bool) *vfs.MemFS {
	disk := vfs.NewCrashableMem()
	m := start(t, disk, newPlainEvaluator(), withSquasher)
	most := log.Blocks[:len(log.Blocks)-1]
	m.feed(t, most...)
	m.drain(t)
	if squash {
		m.outcomes(t, most)
	}
	if err := m.store.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.stop(t)
	return disk
}

func copied(disk *vfs.MemFS) *vfs.MemFS {
	return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
}

// fromChain gives a machine the blocks of log to read again.
func fromChain(log *logtest.Log) func(*Config) {
	return func(c *Config) {
		c.Block = func(_ context.Context, n uint64) (fhe.Batch, error) { return log.Blocks[n-1], nil }
	}
}

// harmless is how tamper changes what a repair may not find: the hash of an earlier block, which
// only the chain knows, and with which a fork undoes one block more; and when squashed
// ciphertexts were last asked for.
const harmless = 3

// tamper spoils records of the tables: it deletes, cuts or changes them. Results are
// only cut unless gone says so.
func tamper(t *testing.T, fs vfs.FS, r *rand.Rand, tables string, spoiled int, gone bool) string {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatValueSeparation, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	var keys, values [][]byte
	for _, table := range []byte(tables) {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
		if err != nil {
			t.Fatal(err)
		}
		for it.First(); it.Valid(); it.Next() {
			keys = append(keys, append([]byte(nil), it.Key()...))
			values = append(values, append([]byte(nil), it.Value()...))
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var done strings.Builder
	for _, i := range r.Perm(len(keys))[:min(spoiled, len(keys))] {
		v := values[i]
		how := r.IntN(3)
		if keys[i][0] == 'r' {
			if !gone {
				how = 1
			}
			gone = gone && how != 2 // a second one, of the same list, would be compared with nothing
		}
		switch {
		case how == 0 || len(v) == 0:
			err = db.Delete(keys[i], pebble.Sync)
		case how == 1:
			err = db.Set(keys[i], v[:r.IntN(len(v))], pebble.Sync)
		default:
			at := r.IntN(len(v))
			v[at] ^= 1 << r.IntN(8)
			err = db.Set(keys[i], v, pebble.Sync)
			if keys[i][0] == 'b' && at < len(fhe.Digest{}) || keys[i][0] == 'u' && at < 8 {
				how = harmless
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&done, "%c %x by %d; ", keys[i][0], keys[i][1:5], how)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return done.String()
}

type silent struct{}

func (silent) Infof(string, ...any)         {}
func (silent) Errorf(string, ...any)        {}
func (silent) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// TestDamagedCiphertexts spoils what can be computed again. (Of results that are
// gone without a trace only a verification knows, and a digest that is computed
// otherwise than before stops the machine.) A machine that runs on must come to the digests of an undisturbed one, without being stopped.
func TestDamagedCiphertexts(t *testing.T) {
	for seed := range uint64(2) {
		damagedCiphertexts(t, seed)
	}
}

func damagedCiphertexts(t *testing.T, seed uint64) {
	log := program(300 + seed)
	want := undisturbedLife(t, log)
	disk := settled(t, log, true)
	for k := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, k))
		fs := copied(disk)
		what := tamper(t, fs, r, []string{"x", "xr", "qu", "xqu"}[k%4], 1+int(k)*2, false)
		m := start(t, fs, newPlainEvaluator(), withSquasher, fromChain(log))
		m.feed(t, log.Blocks[len(log.Blocks)-1])
		ended := tidied(t, m.Coprocessor)
		m.drain(t)
		if !m.outcomes(t, log.Blocks).equal(want) {
			t.Errorf("seed %d: other digests after %s", seed, what)
		}
		if m.Stats().Damaged == 0 && k == 4 {
			t.Errorf("seed %d: nobody was told of %s", seed, what)
		}
		m.rest(t)
		m.stop(t)
		if err := <-ended; err != nil {
			t.Errorf("seed %d: after %s: %v", seed, what, err)
		}
	}
}

// TestTidyMeetsDamage spoils digests that pending work takes. What prunes the store
// meets them first, and must go on, as the machine does.
func TestTidyMeetsDamage(t *testing.T) {
	log := program(300)
	want := undisturbedLife(t, log)
	fs := copied(settled(t, log, false))
	last := len(log.Blocks) - 1
	what := tamper(t, fs, rand.New(rand.NewPCG(1, 0)), "r", 1000, false)
	c := prepare(t, fs, newPlainEvaluator(), withSquasher, fromChain(log))
	(&machine{Coprocessor: c}).feed(t, log.Blocks[last])
	ended := tidied(t, c)
	for changed := c.Changed(); c.Stats().Damaged == 0; changed = c.Changed() {
		select {
		case err := <-ended:
			t.Fatalf("pruning ended after %s: %v", what, err)
		case <-changed:
		}
	}
	m := run(c)
	m.drain(t)
	if !m.outcomes(t, log.Blocks).equal(want) {
		t.Errorf("other digests after %s", what)
	}
	m.stop(t)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestAppendMeetsDamage spoils the digests of input lists that the next block names again.
// The machine takes the block, and computes what is lost.
func TestAppendMeetsDamage(t *testing.T) {
	log := program(300)
	last := &log.Blocks[len(log.Blocks)-1]
	for _, b := range log.Blocks {
		for _, e := range b.Entries {
			if e.Input != nil {
				last.Entries = append(last.Entries, e)
			}
		}
	}
	want := undisturbedLife(t, log)
	fs := copied(settled(t, log, false))
	what := tamper(t, fs, rand.New(rand.NewPCG(1, 0)), "r", 1000, false)
	m := start(t, fs, newPlainEvaluator(), withSquasher, fromChain(log))
	defer m.stop(t)
	m.feed(t, *last)
	if m.Stats().Damaged == 0 {
		t.Errorf("nobody was told of %s", what)
	}
	m.drain(t)
	if !m.outcomes(t, log.Blocks).equal(want) {
		t.Errorf("other digests after %s", what)
	}
}

// tidied lets a machine prune until it stops.
func tidied(t *testing.T, c *Coprocessor) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- c.Tidy(t.Context(), 1) }()
	return ended
}

// TestRepair spoils anything at all. A repair must leave a sound store, from
// which following the chain again leads to the right end.
func TestRepair(t *testing.T) {
	repairs(t, 0)
}

func repairs(t *testing.T, seed uint64) {
	log := program(320 + seed)
	want := undisturbedLife(t, log)
	disk := settled(t, log, true)
	for k := range uint64(26) {
		r := rand.New(rand.NewPCG(seed, k))
		fs := copied(disk)
		tables := []string{"b", "h", "n", "w", "l", "r", "x", "q", "u", "c", "bhnw", "hn", "bhnwplrfxyqu"}[k%13]
		// A changed digest is known by the ciphertext, if that is there.
		what := tamper(t, fs, r, strings.ReplaceAll(tables, "c", "m"), 1+int(k)/4, len(tables) == 1)
		if what == "" || tables == "c" && strings.Contains(what, "m 66") {
			continue // no input list waits; the format record is not ours to mend
		}
		found := repaired(t, fs, what)
		// The index of a want only orders work, and a node's handle only names it.
		if found == 0 && strings.Trim(tables, "wn") != "" && strings.Count(what, ";") > strings.Count(what, fmt.Sprintf("by %d;", harmless)) {
			t.Errorf("nothing was found after %s", what)
		}
		goOn(t, fs, log, want, what, fromChain(log))
	}
}

// repaired repairs a store, and lets it be verified.
func repaired(t *testing.T, fs vfs.FS, what string) (found uint64) {
	t.Helper()
	s, err := store.OpenExisting(fs, "db", false, discard)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	report, err := s.Repair(t.Context(), func(string, int, int) {})
	if err != nil {
		t.Errorf("repair of %s: %d problems, %v", what, report.Found, err)
	}
	again, err := s.Verify(t.Context(), func(string, int, int) {})
	if err != nil || again.Found != 0 {
		t.Errorf("after the repair of %s: %+v, %v", what, again.Problems, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return report.Found
}

// TestUnreadableFiles spoils the files of tables and of values. The machine
// computes again what it cannot read, or stops and says what to do; and a repair
// leads to the right end in any case.
func TestUnreadableFiles(t *testing.T) {
	if tried := unreadableFiles(t, 340); tried < 4 {
		t.Errorf("only %d files were spoiled", tried)
	}
}

func unreadableFiles(t *testing.T, seed uint64) (tried int) {
	log := program(seed)
	want := undisturbedLife(t, log)
	disk := settled(t, log, false)
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		ext := path.Ext(name)
		if ext != ".sst" && ext != ".blob" {
			continue
		}
		for k := range uint64(2) {
			fs := copied(disk)
			spoilFile(t, fs, path.Join("db", name), rand.New(rand.NewPCG(k, 0)))
			tried++
			liveOrMend(t, fs, log, want, fmt.Sprintf("%s, %d", name, k))
		}
	}
	return tried
}

// liveOrMend goes on with a spoiled disk in both ways: as it is, and after a repair.
func liveOrMend(t *testing.T, fs *vfs.MemFS, log *logtest.Log, want outcomes, what string) {
	t.Helper()
	if err := liveOn(t, copied(fs), log, want); err != nil && !strings.Contains(err.Error(), "store verify --repair") &&
		!strings.Contains(err.Error(), "move the folder away") {
		t.Errorf("%s: the machine ended with %v", what, err)
	}
	s, err := store.OpenExisting(fs, "db", false, discard)
	if err != nil {
		if !strings.Contains(err.Error(), "move the folder away") || strings.Contains(err.Error(), "--repair") {
			t.Errorf("%s: the store does not open: %v", what, err)
		}
		return
	}
	if _, err := s.Repair(t.Context(), func(string, int, int) {}); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if err := errors.Join(s.Compact(t.Context()), s.Close()); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	goOn(t, fs, log, want, what, fromChain(log))
}

func spoilFile(t *testing.T, fs vfs.FS, name string, r *rand.Rand) {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	at := r.IntN(len(b))
	for i := range min(16, len(b)-at) {
		b[at+i] ^= 0x55
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

// liveOn runs a machine to the end of the log without stopping it, and returns
// why it did not get there.
func liveOn(t *testing.T, fs vfs.FS, log *logtest.Log, want outcomes) error {
	t.Helper()
	cfg := Config{Domain: logtest.Domain, Dir: "db", FS: fs, Evaluator: newPlainEvaluator()}
	withSquasher(&cfg)
	fromChain(log)(&cfg)
	c, err := Open(cfg)
	if err != nil {
		return err
	}
	m := run(c)
	err = m.Append(log.Blocks[len(log.Blocks)-1])
	if err == nil {
		err = untilStopped(m)
	}
	for _, h := range wantedIn(log.Blocks) {
		var d fhe.Digest
		if err == nil {
			if d, err = m.digest(t.Context(), h, fhe.OfCiphertext); err == nil && d != want.packed[h] {
				t.Errorf("%s: another digest", h)
			}
		}
	}
	return errors.Join(err, m.Close())
}
