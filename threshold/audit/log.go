package audit

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold/eip712"
)

// When the head is signed: with the first record after one of these.
const (
	headRecords  = 1024
	headInterval = 10 * time.Minute
)

// Config says where a log is and who signs it.
type Config struct {
	FS     vfs.FS
	Dir    string
	Signer *secp256k1.PrivateKey
	Clock  func() time.Time
	// FileSize is when a file is full: 16 MiB at most, which is the default.
	FileSize int
}

// Log is a party's log, open for appending. It is safe for concurrent use. It
// never writes to a file that an earlier process wrote.
type Log struct {
	cfg    Config
	signer fhe.Address
	queue  queue

	mu       sync.Mutex
	file     vfs.File // nil before the first record, and between files
	number   uint32   // of the last file
	size     int
	at       Position
	signed   Position // the last head record itself
	headTime time.Time
	torn     []Cut    // to be accounted for before the next record
	unlisted Unlisted // to be told before the next record
	unable   error    // why nothing can be appended any more
}

// ErrClosed is returned by a log after Close.
var ErrClosed = errors.New("audit log is closed")

// Open reads the whole log in a folder, which it makes if it is missing, and
// returns it ready for appending. It refuses a damaged log and that of another
// signer. Only one process may have the log open.
func Open(cfg Config) (*Log, *Summary, error) {
	if cfg.FileSize <= 0 || cfg.FileSize > maxFileSize {
		cfg.FileSize = maxFileSize
	}
	if err := makeDir(cfg.FS, cfg.Dir); err != nil {
		return nil, nil, fmt.Errorf("make audit log: %w", err)
	}
	s, err := Read(cfg.FS, cfg.Dir, nil)
	if err != nil {
		return nil, nil, err
	}
	l := &Log{cfg: cfg, signer: eip712.AddressOf(cfg.Signer.PubKey()), number: s.Files, at: s.Head, torn: s.Torn, headTime: cfg.Clock()}
	if s.Signer == (fhe.Address{}) {
		l.at = origin(l.signer)
	} else if s.Signer != l.signer {
		return nil, nil, fmt.Errorf("audit log in %s is of signer %s, this party's is %s: give each party a folder of its own", cfg.Dir, s.Signer, l.signer)
	}
	if s.Signed.Seq != 0 && s.Signed.Seq+1 == s.Head.Seq {
		l.signed = s.Head
	}
	return l, s, nil
}

// makeDir makes a folder that no crash takes away. The one that it is in is there for
// good: the party's store is in it.
func makeDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Append records a decision. It is on disk when Append returns. After an error
// nothing more is appended: the party must disclose nothing.
func (l *Log) Append(d *Decision) error { return l.append(&Record{Decision: d}) }

// AppendRestored records that the party begins from a backup.
func (l *Log) AppendRestored(r *Restored) error { return l.append(&Record{Restored: r}) }

// AppendStarted records that a process of the party begins.
func (l *Log) AppendStarted() error { return l.append(&Record{Started: new(Started)}) }

// AppendServing records that the party begins to serve an epoch.
func (l *Log) AppendServing(s *Serving) error { return l.append(&Record{Serving: s}) }

// AppendRecounted records that the party goes on with another count.
func (l *Log) AppendRecounted(r *Recounted) error { return l.append(&Record{Recounted: r}) }

// Skip counts a decision that gets no record of its own. The number is written with
// the next record; a crash before that loses it.
func (l *Log) Skip(d *Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.Refusal == "" {
		l.unlisted.Repeats++
	} else {
		l.unlisted.Refusals++
	}
}

// Head is the position of the last record.
func (l *Log) Head() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Err says why nothing can be appended any more, nil while all is well.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unable
}

// append has one call write the records of all that wait for it: a disk that takes
// milliseconds for each write takes them for many records.
func (l *Log) append(r *Record) error {
	e, err := l.queue.enter(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for !e.done {
		l.flush(l.queue.leave())
	}
	return e.err
}

// flush writes entries. The caller holds mu.
func (l *Log) flush(entries []*entry) {
	err := l.write(entries)
	for _, e := range entries {
		e.done, e.err = true, err
	}
}

func (l *Log) write(entries []*entry) error {
	if err := l.mend(); err != nil {
		return err
	}
	b := l.batch()
	due := false
	for _, e := range entries {
		b.add(e.record)
		due = due || e.record.Started != nil
	}
	full := l.size+len(b.frames) >= l.cfg.FileSize
	if full || due || b.at.Seq-l.signed.Seq >= headRecords || b.now.Sub(l.headTime) >= headInterval {
		b.sign(l)
	}
	if err := l.commit(b); err != nil {
		return err
	}
	if full {
		return l.end()
	}
	return nil
}

// mend accounts for what crashes left unfinished.
func (l *Log) mend() error {
	for _, cut := range l.torn {
		b := &batch{at: l.at, now: l.cfg.Clock()}
		b.add(&Record{Cut: &cut})
		if err := l.commit(b); err != nil {
			return err
		}
	}
	l.torn = nil
	return l.unable
}

// batch is what is written at once.
type batch struct {
	at     Position
	now    time.Time
	head   Position // the head record in it, if it has one
	frames []byte
	err    error

	tells bool // what was not listed
}

// batch begins with what was not listed.
func (l *Log) batch() *batch {
	b := &batch{at: l.at, now: l.cfg.Clock()}
	if l.unlisted != (Unlisted{}) {
		b.add(&Record{Unlisted: &l.unlisted})
		b.tells = true
	}
	return b
}

func (b *batch) add(r *Record) {
	r.Seq, r.Time = b.at.Seq+1, b.now
	body, err := r.Encode()
	if b.err = errors.Join(b.err, err); b.err != nil {
		return
	}
	b.at = b.at.next(body)
	b.frames = appendFrame(b.frames, body, b.at)
}

func (b *batch) sign(l *Log) {
	b.add(&Record{Head: &Head{eip712.Sign(l.cfg.Signer, b.at.digest(l.signer))}})
	b.head = b.at
}

// commit puts a batch on the disk. After a failed write nobody knows what the
// disk has: the log takes no more, and the next process looks. The caller holds mu.
func (l *Log) commit(b *batch) error {
	if l.unable != nil || b.err != nil {
		return errors.Join(l.unable, b.err)
	}
	if err := l.sync(b.frames); err != nil {
		l.unable = fmt.Errorf("write audit log: %w", err)
		return l.unable
	}
	l.at = b.at
	if b.tells {
		l.unlisted = Unlisted{}
	}
	if b.head.Seq != 0 {
		l.signed, l.headTime = b.head, b.now
	}
	return nil
}

// sync puts frames on the disk.
func (l *Log) sync(frames []byte) error {
	if l.file == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	l.size += len(frames)
	if _, err := l.file.Write(frames); err != nil {
		return err
	}
	return l.file.Sync()
}

// begin makes the next file. Its header is on disk before any record is written,
// so a header that is not whole has no record after it.
func (l *Log) begin() error {
	f, err := l.cfg.FS.Create(l.cfg.FS.PathJoin(l.cfg.Dir, fileName(l.number+1)), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(header(l.signer, l.number+1, l.at)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(l.cfg.FS, l.cfg.Dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.size = f, headerSize
	l.number++
	return nil
}

// end closes the file. The caller holds mu.
func (l *Log) end() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file, l.size = nil, 0
	return f.Close()
}

// Close signs the head and closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unable != nil {
		return errors.Join(l.end(), l.unable)
	}
	err := l.mend()
	if b := l.batch(); b.at.Seq > l.signed.Seq {
		b.sign(l)
		err = errors.Join(err, l.commit(b))
	}
	l.unable = ErrClosed
	return errors.Join(err, l.end())
}
