package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold"
)

// maxFileSize is when a file is full.
const maxFileSize = 1 << 24

// Dir is the folder of the audit log of a party whose records are in dir.
func Dir(fs vfs.FS, dir string) string { return fs.PathJoin(dir, "audit") }

// Exists reports whether a folder has a file of a log.
func Exists(fs vfs.FS, dir string) (bool, error) {
	numbers, err := list(fs, dir)
	return len(numbers) > 0, err
}

func fileName(n uint32) string { return fmt.Sprintf("audit-%08d.log", n) }

// DamageError says where a log is not what was written.
type DamageError struct {
	File   string
	Offset int    // of the first byte that is no part of the chain
	After  uint64 // number of the last good record
	Reason string
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("audit log is damaged: %s at byte %d, after record %d: %s", e.File, e.Offset, e.After, e.Reason)
}

// Outcome is what decisions are counted by. Refusal is "" for answers.
type Outcome struct {
	Epoch   uint64
	Method  Method
	Refusal threshold.Code
}

// Summary is what a log contains.
type Summary struct {
	Signer      fhe.Address // whose log it is; the zero address if it is empty
	Files       uint32
	Head        Position // the last record
	Signed      Position // the last record that a head signs
	First, Last time.Time
	Openings    uint64 // of the key: the largest count that a record tells
	Outcomes    map[Outcome]uint64
	Unlisted    Unlisted
	Cuts        int                // crashes that left something unfinished
	Starts      int                // processes
	Epochs      map[uint64]Serving // the last record of each
	PerDay      uint64             // of the last of all these
	// Torn are unfinished ends that no record accounts for, at most one a file: what
	// crashes since the last record left, or somebody who cut the log. The party's
	// next record accounts for them.
	Torn []Cut

	bounds  map[uint64]Bounds
	pending map[asked]uint64 // squashed blocks that may be counted, and have no record of it
}

// Bounds are those of a count of openings on the disk beside the log.
type Bounds struct{ Least, Most uint64 }

// asked is a handle for which coprocessors were asked in an epoch; without one it stands
// for those beyond maxPending.
type asked struct {
	epoch  uint64
	handle fhe.Handle
}

// maxPending is how many handles without a decision are told apart. What is beyond them
// is pending until the epoch is served anew.
const maxPending = 1 << 16

// Bounds bounds the counts of openings on the disk beside the log, by epoch; 0 is what
// a backup counted. Openings are counted after the record that coprocessors are asked
// for them, and before that of the decision: a crash between the two leaves openings
// that the log does not tell. What an epoch begins with is recorded before it is
// taken over.
func (s *Summary) Bounds() map[uint64]Bounds {
	out := maps.Clone(s.bounds)
	for a, blocks := range s.pending {
		b := out[a.epoch]
		b.Most += blocks
		out[a.epoch] = b
	}
	return out
}

// Read follows the chain through all files of a folder and gives each record to
// each, if that is not nil. It fails with a *DamageError where the chain breaks. A
// missing folder is an empty log. A log may be read while its party runs.
func Read(fs vfs.FS, dir string, each func(*Record, Position) error) (*Summary, error) {
	numbers, err := list(fs, dir)
	if err != nil {
		return nil, err
	}
	c := &chain{each: each, Summary: Summary{Outcomes: map[Outcome]uint64{}, Epochs: map[uint64]Serving{}, bounds: map[uint64]Bounds{}, pending: map[asked]uint64{}}}
	for i, n := range numbers {
		if n != uint32(i+1) {
			return nil, &DamageError{fileName(uint32(i + 1)), 0, c.Head.Seq, "the file is missing"}
		}
		b, err := readFile(fs, fs.PathJoin(dir, fileName(n)))
		if err != nil {
			return nil, err
		}
		if err := c.file(n, b); err != nil {
			return nil, err
		}
	}
	return &c.Summary, nil
}

// list returns the numbers of the log's files, ascending.
func list(fs vfs.FS, dir string) (numbers []uint32, err error) {
	names, err := fs.List(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list audit log: %w", err)
	}
	for _, name := range names {
		var n uint32
		if _, err := fmt.Sscanf(name, "audit-%d.log", &n); err == nil && fileName(n) == name {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	defer f.Close()
	const limit = maxFileSize + maxTail
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("audit log: %s has more than %d bytes", path, limit)
	}
	return b, nil
}

// chain is the state of a walk along a log.
type chain struct {
	Summary
	each func(*Record, Position) error
}

func (c *chain) file(n uint32, b []byte) error {
	c.Files = n
	if signer, ok := signerOf(b); ok && c.Signer == (fhe.Address{}) {
		c.Signer, c.Head = signer, origin(signer)
	}
	if !bytes.HasPrefix(b, header(c.Signer, n, c.Head)) {
		if len(b) > headerSize {
			return &DamageError{fileName(n), 0, c.Head.Seq, "its header is not that of the file after this record"}
		}
		c.tear(n, 0, b)
		return nil
	}
	return c.frames(n, b)
}

func (c *chain) frames(n uint32, b []byte) error {
	for rest := b[headerSize:]; len(rest) > 0; {
		offset := len(b) - len(rest)
		body, at, next := cutFrame(rest, c.Head)
		if body == nil && len(rest) > maxTail {
			return &DamageError{fileName(n), offset, c.Head.Seq, "the bytes there are not the record that follows"}
		}
		if body == nil {
			c.tear(n, offset, rest)
			return nil
		}
		var damage *DamageError
		if err := c.record(body, at); errors.As(err, &damage) {
			damage.File, damage.Offset = fileName(n), offset
			return damage
		} else if err != nil {
			return err
		}
		rest = next
	}
	return nil
}

func (c *chain) tear(n uint32, offset int, rest []byte) {
	c.Torn = append(c.Torn, Cut{File: n, Offset: uint64(offset), Bytes: uint64(len(rest)), SHA256: sha256.Sum256(rest)})
}

// maxUnsigned is how many records may follow a head: those that a writer lets come, and
// the ends of as many crashes.
const maxUnsigned = headRecords + 1024

// record takes the next record of the chain. Its errors do not know their place.
func (c *chain) record(body []byte, at Position) error {
	damage := func(format string, args ...any) error {
		return &DamageError{After: c.Head.Seq, Reason: fmt.Sprintf(format, args...)}
	}
	r, err := Decode(body)
	switch {
	case err != nil:
		return damage("%v", err)
	case r.Seq != at.Seq:
		return damage("the record calls itself number %d", r.Seq)
	case !c.mend(r.Cut):
		return damage("what it says of the end of an earlier file is not so")
	case r.Head == nil && at.Seq-c.Signed.Seq > maxUnsigned:
		return damage("more than %d records have no signed head behind them", maxUnsigned)
	case r.Head != nil && !c.signs(r.Head):
		return damage("the head is not signed by %s", c.Signer)
	case r.Head != nil:
		c.Signed = c.Head
	}
	c.Head = at
	c.count(r)
	if c.each != nil {
		return c.each(r, at)
	}
	return nil
}

// mend demands that unfinished ends are accounted for before anything else is
// recorded, each once.
func (c *chain) mend(cut *Cut) bool {
	if cut == nil || len(c.Torn) == 0 {
		return cut == nil && len(c.Torn) == 0
	}
	ok := c.Torn[0] == *cut
	c.Torn = c.Torn[1:]
	return ok
}

func (c *chain) signs(h *Head) bool {
	by, err := h.Signature.Recover(c.Head.digest(c.Signer))
	return err == nil && by == c.Signer
}

func (c *chain) count(r *Record) {
	if c.First.IsZero() {
		c.First = r.Time
	}
	c.Last = r.Time
	switch {
	case r.Decision != nil:
		c.decision(r.Decision)
	case r.Restored != nil:
		c.counts(0, Bounds{r.Restored.Openings, r.Restored.Openings})
	case r.Started != nil:
		c.Starts++
	case r.Serving != nil:
		c.serving(r.Serving)
	case r.Recounted != nil:
		c.counts(r.Recounted.Epoch, Bounds{r.Recounted.Openings, r.Recounted.Openings})
	case r.Unlisted != nil:
		c.Unlisted.Refusals += r.Unlisted.Refusals
		c.Unlisted.Repeats += r.Unlisted.Repeats
	case r.Cut != nil:
		c.Cuts++
	}
}

// counts raises an epoch's bounds.
func (c *chain) counts(epoch uint64, to Bounds) {
	b := c.bounds[epoch]
	c.bounds[epoch] = Bounds{max(b.Least, to.Least), max(b.Most, to.Most)}
	c.Openings = max(c.Openings, to.Most)
}

// serving begins with a count that has what was pending. In an epoch that was served
// before it is read off the disk, where it does not begin with more than that was.
func (c *chain) serving(s *Serving) {
	to := Bounds{Most: s.Openings}
	if _, again := c.Epochs[s.Epoch]; again && s.Openings <= c.Bounds()[s.Epoch].Most {
		to.Least = s.Openings
	}
	c.Epochs[s.Epoch], c.PerDay = *s, s.PerDay
	c.counts(s.Epoch, to)
	maps.DeleteFunc(c.pending, func(a asked, _ uint64) bool { return a.epoch == s.Epoch })
}

func (c *chain) decision(d *Decision) {
	c.Outcomes[Outcome{d.Epoch, d.Method, d.Refusal}]++
	for _, h := range d.Handles {
		switch {
		case d.Method == Squash:
			c.ask(asked{d.Epoch, h}, uint64(h.Type().Slots()))
		case d.Openings != 0: // all of the handle's blocks are counted, for good
			delete(c.pending, asked{d.Epoch, h})
		}
	}
	if d.Method != Squash && d.Openings != 0 {
		c.counts(d.Epoch, Bounds{d.Openings, d.Openings})
	}
}

func (c *chain) ask(a asked, blocks uint64) {
	if _, known := c.pending[a]; known {
		return
	}
	if len(c.pending) >= maxPending {
		a.handle = fhe.Handle{}
	}
	c.pending[a] += blocks
}

// ErrTruncated is returned by Contains for a log that ends before a position.
var ErrTruncated = errors.New("audit log ends before the head that was kept")

// Contains reads the whole log and reports whether it contains the record at a
// position, as an auditor kept it. It fails with ErrTruncated if the log is
// shorter.
func Contains(fs vfs.FS, dir string, p Position) error {
	found := p.Seq == 0
	s, err := Read(fs, dir, func(_ *Record, at Position) error {
		if at.Seq == p.Seq {
			if found = at.Hash == p.Hash; !found {
				return fmt.Errorf("audit log: record %d has hash %s, the head that was kept says %s: the log was written anew", p.Seq, at.Hash, p.Hash)
			}
		}
		return nil
	})
	if err == nil && !found {
		return fmt.Errorf("%w: its last record is %d, the head is of record %d", ErrTruncated, s.Head.Seq, p.Seq)
	}
	return err
}
