package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

var signer = secp256k1.PrivKeyFromBytes([]byte{31: 5})

func config(fs vfs.FS, size int) Config {
	return Config{FS: fs, Dir: "log", Signer: signer, Clock: func() time.Time { return time.UnixMilli(1_700_000_000_123) }, FileSize: size}
}

func open(t *testing.T, fs vfs.FS, size int) *Log {
	t.Helper()
	l, _, err := Open(config(fs, size))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func sample(i int) *Decision {
	d := &Decision{
		Method: User + Method(i%4), Request: fhe.Digest{1, byte(i)}, Caller: fhe.Digest{2}, From: threshold.PartyID(i % 4), User: fhe.Address{3}, Delegator: fhe.Address{4},
		Epoch: 5, Block: uint64(i), Fresh: 7, Openings: uint64(8 + i), Repeats: 9, Handles: []fhe.Handle{{10}, {11}}, Digests: []fhe.Digest{{12}, {13}},
	}
	if i%3 == 0 {
		d.Refusal, d.Digests = threshold.NotAllowed, nil
	}
	return d
}

// write appends n samples and closes the log.
func write(t *testing.T, fs vfs.FS, size, n int) Position {
	t.Helper()
	l := open(t, fs, size)
	for i := range n {
		if err := l.Append(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Head()
}

// TestLog: what was appended is there, in order, across files and processes, and
// the party signed the head of every file.
func TestLog(t *testing.T) {
	fs := vfs.NewMem()
	write(t, fs, 1000, 6)
	l := open(t, fs, 1000)
	l.Skip(new(Decision))
	l.Skip(&Decision{Refusal: threshold.NotAllowed})
	l.Skip(new(Decision))
	if err := l.AppendRestored(&Restored{Backup: fhe.Digest{1}, Seq: 2, Hash: fhe.Digest{3}, Openings: 400}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var decisions []*Decision
	s, err := Read(fs, "log", func(r *Record, _ Position) error {
		if r.Decision != nil {
			decisions = append(decisions, r.Decision)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range decisions {
		if !reflect.DeepEqual(d, sample(i)) {
			t.Errorf("decision %d is %+v", i, d)
		}
	}
	if len(decisions) != 6 || s.Files < 3 || s.Openings != 400 || s.Unlisted != (Unlisted{Refusals: 1, Repeats: 2}) || len(s.Torn) != 0 || s.Signer != eip712.AddressOf(signer.PubKey()) {
		t.Errorf("%d decisions, %+v", len(decisions), s)
	}
	if s.Head != l.Head() || s.Signed.Seq != s.Head.Seq-1 || s.Outcomes[Outcome{5, User, threshold.NotAllowed}] != 1 || s.Outcomes[Outcome{Epoch: 5, Method: Public}] != 2 {
		t.Errorf("%+v", s)
	}
}

// TestCounts: the log bounds the counts of openings that were on disk beside it, by the
// order in which things are written.
func TestCounts(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, 0)
	request := byte(0) // each is another: what counts is its handles
	decided := func(d Decision, handles []byte) *Record {
		request++
		d.Request = fhe.Digest{request}
		for _, h := range handles {
			d.Handles = append(d.Handles, fhe.NewHandle(fhe.Digest{h}, fhe.Computed, 1, fhe.Uint8, 0)) // of 2 squashed blocks
		}
		return &Record{Decision: &d}
	}
	asked := func(epoch uint64, handles ...byte) *Record {
		return decided(Decision{Method: Squash, Epoch: epoch}, handles)
	}
	done := func(epoch, openings uint64, handles ...byte) *Record {
		return decided(Decision{Method: User, Epoch: epoch, Openings: openings}, handles)
	}
	serving := func(epoch, openings uint64) *Record {
		return &Record{Serving: &Serving{Epoch: epoch, Openings: openings}}
	}
	for i, c := range []struct {
		record   *Record
		restored uint64
		one, two Bounds
	}{
		{&Record{Restored: &Restored{Openings: 100}}, 100, Bounds{}, Bounds{}},
		{serving(1, 130), 100, Bounds{0, 130}, Bounds{}},
		{asked(1, 1, 2, 3), 100, Bounds{0, 136}, Bounds{}},
		{asked(1, 3, 2, 1), 100, Bounds{0, 136}, Bounds{}},
		{asked(1, 4), 100, Bounds{0, 138}, Bounds{}},
		{done(1, 0, 1, 2, 3), 100, Bounds{0, 138}, Bounds{}}, // refused before anything was counted: another may go on
		{done(1, 132, 4), 100, Bounds{132, 138}, Bounds{}},
		{serving(2, 500), 100, Bounds{132, 138}, Bounds{0, 500}},
		{asked(2, 1), 100, Bounds{132, 138}, Bounds{0, 502}},
		{done(1, 138, 1, 2, 3), 100, Bounds{138, 138}, Bounds{0, 502}},
		{asked(1, 5), 100, Bounds{138, 140}, Bounds{0, 502}},
		{&Record{Started: new(Started)}, 100, Bounds{138, 140}, Bounds{0, 502}},
		{serving(1, 139), 100, Bounds{139, 139}, Bounds{0, 502}}, // a crash before a decision
		{serving(1, 150), 100, Bounds{139, 150}, Bounds{0, 502}}, // handed on, and recorded before it is taken over
		{serving(2, 501), 100, Bounds{139, 150}, Bounds{501, 501}},
		{&Record{Recounted: &Recounted{1, 200}}, 100, Bounds{200, 200}, Bounds{501, 501}},
	} {
		if err := l.append(c.record); err != nil {
			t.Fatal(err)
		}
		s, err := Read(fs, "log", nil)
		if err != nil {
			t.Fatal(err)
		}
		if b := s.Bounds(); b[0] != (Bounds{c.restored, c.restored}) || b[1] != c.one || b[2] != c.two {
			t.Errorf("after record %d the counts are within %v, want %+v", i, b, c)
		}
	}
}

// TestPendingIsBounded: whatever a log says that coprocessors were asked for, reading it
// takes so much memory, and the bounds hold.
func TestPendingIsBounded(t *testing.T) {
	const extra = 10
	c := &chain{Summary: Summary{Outcomes: map[Outcome]uint64{}, Epochs: map[uint64]Serving{}, bounds: map[uint64]Bounds{}, pending: map[asked]uint64{}}}
	for i := range maxPending + extra {
		c.count(&Record{Decision: &Decision{Method: Squash, Epoch: 1, Handles: []fhe.Handle{
			fhe.NewHandle(fhe.Digest{1, byte(i), byte(i >> 8), byte(i >> 16)}, fhe.Computed, 1, fhe.Bool, 0),
		}}})
	}
	if b := c.Bounds()[1]; b.Most != maxPending+extra || len(c.pending) > maxPending+1 {
		t.Errorf("%d entries, at most %d openings", len(c.pending), b.Most)
	}
	c.count(&Record{Serving: &Serving{Epoch: 1}})
	if len(c.pending) != 0 {
		t.Errorf("%d entries after the epoch is served anew", len(c.pending))
	}
}

// TestHeads: the head is signed after so many records and after so long.
func TestHeads(t *testing.T) {
	fs, now := vfs.NewMem(), time.UnixMilli(0)
	c := config(fs, 0)
	c.Clock = func() time.Time { return now }
	l, _, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(want uint64) {
		t.Helper()
		if err := l.Append(sample(1)); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(fs, "log", nil); err != nil || s.Signed.Seq != want {
			t.Fatalf("signed up to %d, want %d: %v", s.Signed.Seq, want, err)
		}
	}
	signed(0)
	now = now.Add(headInterval)
	signed(2)
	for l.Head().Seq < 2+headRecords {
		if err := l.Append(sample(2)); err != nil {
			t.Fatal(err)
		}
	}
	signed(3 + headRecords)
}

func read(t *testing.T, fs vfs.FS, n uint32) []byte {
	t.Helper()
	b, err := readFile(fs, "log/"+fileName(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// folder makes a log of given files.
func folder(t *testing.T, files ...[]byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("log", 0o700); err != nil {
		t.Fatal(err)
	}
	for i, b := range files {
		if b == nil {
			continue
		}
		f, err := fs.Create("log/"+fileName(uint32(i+1)), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(slices.Clone(b)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return fs
}

// TestEveryByte: whoever kept the head finds any changed byte, any missing end and
// any missing file, and the log's own chain finds all but a missing end.
func TestEveryByte(t *testing.T) {
	fs := vfs.NewMem()
	head := write(t, fs, 600, 5)
	a, b, c := read(t, fs, 1), read(t, fs, 2), read(t, fs, 3)
	if _, err := readFile(fs, "log/"+fileName(4)); err == nil {
		t.Fatal("want three files")
	}
	if err := Contains(folder(t, a, b, c), "log", head); err != nil {
		t.Fatal(err)
	}
	broken := func(what string, files ...[]byte) {
		t.Helper()
		changed := folder(t, files...)
		if err := Contains(changed, "log", head); err == nil {
			t.Fatalf("%s is not found", what)
		}
		if s, err := Read(changed, "log", nil); err == nil && len(s.Torn) == 0 && s.Head.Seq >= head.Seq {
			t.Fatalf("%s looks whole", what)
		}
	}
	for i, file := range [][]byte{a, b, c} {
		for at := range file {
			files := [][]byte{a, b, c}
			files[i] = slices.Clone(file)
			files[i][at] ^= 1 << (at % 8)
			broken(fmt.Sprintf("a flip of byte %d of file %d", at, i+1), files...)
			files[i] = file[:at]
			broken(fmt.Sprintf("the end of file %d from byte %d", i+1, at), files...)
		}
	}
	broken("a missing last file", a, b)
	broken("a missing file in the middle", a, nil, c)
	broken("a missing first file", nil, b, c)
	broken("exchanged files", b, a, c)
	first, _, rest := cutFrame(a[headerSize:], origin(eip712.AddressOf(signer.PubKey())))
	one := len(first) + frameExtra
	broken("a removed record", append(slices.Clone(a[:headerSize]), rest...), b, c)
	broken("a repeated record", append(slices.Clone(a[:headerSize+one]), a[headerSize:]...), b, c)
}

// TestOtherHistory: a log written anew, even by the party itself, does not contain
// the head that was kept.
func TestOtherHistory(t *testing.T) {
	one, other := vfs.NewMem(), vfs.NewMem()
	head := write(t, one, 0, 5)
	l := open(t, other, 0)
	for i := range 9 {
		if err := l.Append(sample(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Contains(other, "log", head); err == nil || errors.Is(err, ErrTruncated) {
		t.Errorf("another history: %v", err)
	}
	if err := Contains(one, "log", Position{Seq: head.Seq + 1}); !errors.Is(err, ErrTruncated) {
		t.Errorf("a later head: %v", err)
	}
	stranger := config(one, 0)
	stranger.Signer = secp256k1.PrivKeyFromBytes([]byte{31: 6})
	if _, _, err := Open(stranger); err == nil {
		t.Error("another party opens the log")
	}
}

// TestCrash: after crashes at any moment all that Append acknowledged is there, what is
// not is accounted for, and the chain goes on.
func TestCrash(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 0))
		fs := vfs.NewCrashableMem()
		var kept []Position
		for range 6 {
			l := open(t, fs, 1500)
			for i := range rng.IntN(6) {
				if err := l.Append(sample(i)); err != nil {
					t.Fatal(err)
				}
				kept = append(kept, l.Head())
			}
			l.tearOff(t, rng)
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			for _, p := range kept {
				if err := Contains(fs, "log", p); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
		l := open(t, fs, 0)
		if err := l.Append(sample(0)); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(fs, "log", nil); err != nil || len(s.Torn) != 0 {
			t.Fatalf("seed %d: %+v, %v", seed, s, err)
		}
	}
}

// tearOff writes a part of a record, as a process does that dies.
func (l *Log) tearOff(t *testing.T, rng *rand.Rand) {
	t.Helper()
	b := l.batch()
	b.add(&Record{Decision: sample(1)})
	if l.file == nil {
		if rng.IntN(2) == 0 {
			return
		}
		if err := l.begin(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.file.Write(b.frames[:rng.IntN(len(b.frames))]); err != nil {
		t.Fatal(err)
	}
	if rng.IntN(2) == 0 {
		l.file.Sync()
	}
}

// TestDiskFails: after a failed write nothing more is appended, and the next
// process finds a sound log.
func TestDiskFails(t *testing.T) {
	for _, failing := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpCreate} {
		mem, broken := vfs.NewMem(), false
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken && op.Kind == failing {
				return errorfs.ErrInjected
			}
			return nil
		}))
		l := open(t, fs, 200) // each record fills a file
		if err := l.Append(sample(0)); err != nil {
			t.Fatal(err)
		}
		head := l.Head()
		broken = true
		if err := l.Append(sample(1)); !errors.Is(err, errorfs.ErrInjected) {
			t.Errorf("append on a disk where %v fails: %v", failing, err)
		}
		broken = false
		if err := l.Append(sample(1)); err == nil || l.Err() == nil {
			t.Error("the log goes on after a failed write")
		}
		if err := l.Close(); err == nil {
			t.Error("the log closes as if all was well")
		}
		write(t, mem, 0, 1)
		if err := Contains(mem, "log", head); err != nil {
			t.Error(err)
		}
	}
}
