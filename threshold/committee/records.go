package committee

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
)

// RecordsConfig says where a party's records are, and whose. Optional fields have
// defaults.
type RecordsConfig struct {
	Dir       string
	Signer    *secp256k1.PrivateKey // the party's
	SquashKey fhe.Digest            // id of the key whose openings are counted
	Quotas    Quotas                // optional: none
	FS        vfs.FS                // optional: that of the operating system
	Clock     func() time.Time      // optional: time.Now
	Log       *slog.Logger          // optional: silence

	// Recount has the party go on with the larger count where store and audit log
	// do not fit each other, instead of refusing them.
	Recount bool
}

// Records is what a party has on disk of all that it did, in whatever epochs: a
// store of what it opened and of quotas, and an audit log. There is one of it for
// one identity and key, and one process has it open. It is safe for concurrent use.
type Records struct {
	cfg   RecordsConfig
	store *store
	log   *audit.Log

	mu      sync.Mutex
	callers map[fhe.Digest]bool          // certificates of the committees that are served
	asked   *lru.LRU[asked, struct{}]    // that have a record since their epoch is served
	repeats *lru.LRU[fhe.Digest, uint64] // how often a request came as far as to count
	routine *rate.Limiter                // of decisions without news that have a record of their own
}

// ErrRecords says that a party's store and audit log do not belong together.
var ErrRecords = errors.New("the party's store and audit log do not fit each other")

// asked is a handle that coprocessors were asked for in an epoch.
type asked struct {
	epoch  uint64
	handle fhe.Handle
}

// maxKnown is how many requests, and handles, a process recognises that come again.
const maxKnown = 1 << 14

// What discloses nothing new costs those who ask nothing. So much of it a minute has
// a record of its own, as much at once as a spell of it may have; the rest is counted.
const (
	routineRecords = 60
	routineSpell   = 600
)

// OpenRecords opens a party's records, or begins them in a folder that has none. It
// refuses a damaged log, records of another identity or key, and, with ErrRecords,
// a store and a log of different times.
func OpenRecords(cfg RecordsConfig) (*Records, error) {
	if cfg.Dir == "" || cfg.Signer == nil {
		return nil, errors.New("a party's records need a folder and a signer")
	}
	if err := cfg.Quotas.Check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	known, err := lru.NewLRU[asked, struct{}](maxKnown, nil)
	if err != nil {
		return nil, err
	}
	repeats, err := lru.NewLRU[fhe.Digest, uint64](maxKnown, nil)
	if err != nil {
		return nil, err
	}
	r := &Records{cfg: cfg, callers: map[fhe.Digest]bool{}, asked: known, repeats: repeats,
		routine: rate.NewLimiter(rate.Every(time.Minute/routineRecords), routineSpell)}
	if r.store, err = cfg.openStore(); err != nil {
		return nil, err
	}
	if err := r.begin(); err != nil {
		return nil, errors.Join(err, r.store.close())
	}
	return r, nil
}

func (c *RecordsConfig) setDefaults() {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// openStore opens the store, which only one process can have open. It makes none
// beside a log, before which there was one.
func (c *RecordsConfig) openStore() (*store, error) {
	if err := c.makeDir(); err != nil {
		return nil, fmt.Errorf("make the folder of a party's records: %w", err)
	}
	begun, err := audit.Exists(c.FS, c.auditDir())
	if err != nil {
		return nil, err
	}
	dir := c.FS.PathJoin(c.Dir, "store")
	s, err := openStore(c.FS, dir, begun && !c.Recount, c.Log)
	if errors.Is(err, errNoStore) {
		return nil, fmt.Errorf("%w: the store %s is missing: %s", ErrRecords, dir, mending)
	}
	if err != nil {
		return nil, err
	}
	if err := s.own(owner{eip712.AddressOf(c.Signer.PubKey()), c.SquashKey}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// makeDir makes the folder, which nobody else may read: the log says who asked for what.
func (c *RecordsConfig) makeDir() error {
	if err := c.FS.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	if c.FS == vfs.Default {
		if err := os.Chmod(c.Dir, 0o700); err != nil {
			return err
		}
	}
	parent, err := c.FS.OpenDir(c.FS.PathDir(c.Dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func (c *RecordsConfig) auditDir() string { return audit.Dir(c.FS, c.Dir) }

// begin opens the log, looks whether it is that of the store, and puts on record with
// which count the process begins.
func (r *Records) begin() error {
	var s *audit.Summary
	var err error
	r.log, s, err = audit.Open(audit.Config{FS: r.cfg.FS, Dir: r.cfg.auditDir(), Signer: r.cfg.Signer, Clock: r.cfg.Clock})
	if err != nil {
		return err
	}
	if len(s.Torn) > 0 {
		r.cfg.Log.Warn("the audit log ends within a record, as a crash leaves it: it goes on in a new file", "after", s.Head.Seq)
	}
	if err := r.agree(s); err != nil {
		return err
	}
	if err := r.store.tidy(r.cfg.Clock()); err != nil {
		return err
	}
	return r.log.AppendStarted()
}

const mending = "put back the newest copies of both, or restore the party from its backup; " +
	"or, if what is there is the best that there is, go on by --recount with the larger count"

// agree compares the store's counts of openings with what the log tells. The order of
// writes is request, count, decision: a count is never behind the log, and ahead by
// no more than the requests without a decision.
func (r *Records) agree(s *audit.Summary) error {
	counts, err := r.store.counts()
	if err != nil {
		return err
	}
	bounds := s.Bounds()
	for epoch := range counts {
		if _, told := bounds[epoch]; !told {
			bounds[epoch] = audit.Bounds{}
		}
	}
	for _, epoch := range slices.Sorted(maps.Keys(bounds)) {
		if err := r.agreeOn(epoch, counts[epoch], bounds[epoch]); err != nil {
			return err
		}
		// A crash before an epoch's count was taken over: it is, before it is recorded again.
		if n := s.Epochs[epoch].Openings; n > 0 {
			if err := r.store.inherit(threshold.Epoch{Number: epoch}, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Records) agreeOn(epoch, count uint64, b audit.Bounds) error {
	switch {
	case b.Least <= count && count <= b.Most:
		return nil
	case r.cfg.Recount:
		larger := max(count, b.Most)
		r.cfg.Log.Warn("the party's store and audit log do not fit each other: it goes on with the larger count", "epoch", epoch, "openings", larger)
		if err := r.log.AppendRecounted(&audit.Recounted{Epoch: epoch, Openings: larger}); err != nil {
			return err
		}
		return r.store.recount(threshold.Epoch{Number: epoch}, larger, max(count, b.Least))
	case count < b.Least:
		return fmt.Errorf("%w: the store in %s counts %d openings in epoch %d, the log beside it %d: the store is an older copy: %s", ErrRecords, r.cfg.Dir, count, epoch, b.Least, mending)
	}
	return fmt.Errorf("%w: the store in %s counts %d openings in epoch %d, the log beside it %d: the end of the log is missing: %s", ErrRecords, r.cfg.Dir, count, epoch, b.Most, mending)
}

// Close signs the end of the audit log and closes the records. Requests in progress
// fail.
func (r *Records) Close() error { return errors.Join(r.log.Close(), r.store.close()) }

// Found begins the records of a party that is restored from a backup, in a folder
// that has none: it goes on counting its key's openings from a number.
func Found(cfg RecordsConfig, from *audit.Restored) error {
	cfg.setDefaults()
	if err := empty(cfg.FS, cfg.Dir); err != nil {
		return err
	}
	s, err := cfg.openStore()
	if err != nil {
		return err
	}
	if err := errors.Join(s.inherit(threshold.Epoch{Number: restored}, from.Openings), s.close()); err != nil {
		return err
	}
	l, _, err := audit.Open(audit.Config{FS: cfg.FS, Dir: cfg.auditDir(), Signer: cfg.Signer, Clock: cfg.Clock})
	if err != nil {
		return err
	}
	return errors.Join(l.AppendRestored(from), l.Close())
}

// serve puts on record that the party serves an epoch, with its count. An epoch that
// begins takes over the party's own or the one that the committee hands on, whichever
// is larger. It is recorded before it is taken over, so that the log knows of it.
func (r *Records) serve(p *Party) error {
	n, err := r.store.begin(p.epoch, p.cfg.Secret.Opened)
	if err != nil {
		return err
	}
	err = r.log.AppendServing(&audit.Serving{
		Epoch: p.epoch.Number, Party: p.id, Openings: n, Limit: p.limit, PerDay: r.cfg.Quotas.PerDay(r.admit(p)),
	})
	if err != nil {
		return err
	}
	return r.store.inherit(p.epoch, n)
}

// admit begins an epoch: it adds its callers, and returns the number of all.
func (r *Records) admit(p *Party) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked.Purge() // what is pending in the log ends with the record
	for _, m := range p.cfg.Secret.Committee.Members {
		if m.Party != p.id {
			r.callers[m.TLS] = true
		}
	}
	for _, relay := range p.cfg.Secret.Committee.Relays {
		r.callers[relay] = true
	}
	return len(r.callers)
}

// of reports whether the records are those of an identity and of an epoch's key.
func (r *Records) of(id *identity.Identity, e threshold.Epoch) bool {
	return r.cfg.Signer.PubKey().IsEqual(id.Signer.PubKey()) && r.cfg.SquashKey == e.SquashKey
}

// charge takes a decision's squashed blocks off the accounts of those who ask.
func (r *Records) charge(d *decision, blocks int) error {
	now := r.cfg.Clock()
	if err := r.store.tidy(now); err != nil {
		return err
	}
	return r.store.charge(now, blocks, d.payers)
}

// squashes puts on record that the party is about to ask coprocessors, under its
// signature, to prepare handles. Those that it asked for before are on record already.
func (r *Records) squashes(d *decision, handles []fhe.Handle) error {
	s := d.Decision
	s.Method, s.Handles = audit.Squash, r.unasked(d.Epoch, handles)
	if len(s.Handles) == 0 {
		return nil
	}
	if err := r.log.Append(&s); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range s.Handles {
		r.asked.Add(asked{d.Epoch, h}, struct{}{})
	}
	return nil
}

// unasked lists the handles that have no record in an epoch, or none that is remembered.
func (r *Records) unasked(epoch uint64, handles []fhe.Handle) (out []fhe.Handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range handles {
		if _, known := r.asked.Get(asked{epoch, h}); !known {
			out = append(out, h)
		}
	}
	return out
}

// note remembers a request, and that it came so far once more.
func (r *Records) note(request fhe.Digest, more uint64) (before uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, _ = r.repeats.Get(request)
	r.repeats.Add(request, before+more)
	return before
}

// record puts a decision into the audit log. What disclosed something new has a
// record in any case.
func (r *Records) record(d *decision) error {
	if d.disclosed() {
		d.Repeats = r.note(d.Request, 0)
	}
	if d.routine() && !r.routine.AllowN(r.cfg.Clock(), 1) {
		r.log.Skip(&d.Decision)
	} else if err := r.log.Append(&d.Decision); err != nil {
		return err
	}
	if d.disclosed() {
		r.note(d.Request, 1)
	}
	return r.log.Err()
}

// standing is how the records do, and how far an epoch has come of what its key allows.
func (r *Records) standing(e threshold.Epoch, allowed uint64) Standing {
	s := Standing{Allowed: allowed, Audit: r.log.Head()}
	if s.Openings, s.Err = r.store.openings(e); s.Err == nil {
		s.Limit, s.Err = r.store.limit(e, allowed)
	}
	if s.Err == nil {
		s.Err = r.log.Err()
	}
	return s
}
