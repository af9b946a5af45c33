package committee

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
)

// next is party 1 of the epoch after the network's, with a relay more, on the same
// records. It begins with a count.
func (n *network) next(t *testing.T, count uint64) *Party {
	t.Helper()
	c := *n.Committee
	c.Epoch.Number++
	c.Relays = append(slices.Clone(c.Relays), fhe.Digest{0xee})
	s := *n.Secrets[0]
	s.Committee, s.Opened = &c, count
	return n.watch(t, func(config *Config) { config.Secret = &s })
}

// inForce makes an epoch the one in force.
func (n *network) inForce(c *threshold.Committee) {
	n.chain.change(func(l *ledger) { l.committee = c })
	n.cop.committee = c
}

// TestTwoEpochs: a party's epochs share counts, quotas and the audit log, and what may
// be opened in a day counts the callers of both.
func TestTwoEpochs(t *testing.T) {
	n := newNetwork(t, 80)
	q := n.full()
	quotas := Quotas{User: Quota{Minute: maxBlocks}, Caller: Quota{Day: 2 * maxBlocks}}
	old := n.limit(t, quotas)
	if _, err := old.UserDecrypt(as(t, 1), q); err != nil {
		t.Fatal(err)
	}
	blocks := old.Standing().Openings
	begin := blocks + lease
	for _, c := range []struct{ handedOn, want uint64 }{{blocks - 1, begin}, {begin + 7, begin + 7}} {
		if s := n.next(t, c.handedOn).Standing(); s.Openings != c.want {
			t.Errorf("with %d handed on the count is %d, want %d", c.handedOn, s.Openings, c.want)
		}
	}
	p := n.parties[1]
	n.inForce(p.cfg.Secret.Committee)
	if _, err := p.UserDecrypt(as(t, 1), q); retry(t, err) > 60e9 {
		t.Errorf("the user has a quota in each epoch: %v", err)
	}
	n.clock.Add(60)
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Fatal(err)
	}
	if s := p.Standing(); s.Openings != begin+7+blocks {
		t.Errorf("%d openings, want those of both epochs, %d", s.Openings, begin+7+blocks)
	}
	if s := old.Standing(); s.Openings != blocks || s.Limit != begin {
		t.Errorf("the old epoch counts %d of %d, want %d of the %d that the new one began with", s.Openings, s.Limit, blocks, begin)
	}
	n.clock.Add(60)
	if _, err := p.UserDecrypt(as(t, 1), n.second(q.Handles)); retry(t, err) < 3600e9 {
		t.Errorf("the relay has a quota in each epoch: %v", err)
	}
	s, err := audit.Read(n.disks[1], audit.Dir(n.disks[1], "party"), nil)
	if err != nil {
		t.Fatal(err)
	}
	callers := uint64(3 + len(n.Committee.Relays))
	if len(s.Epochs) != 2 || s.Epochs[1].PerDay != callers*2*maxBlocks || s.PerDay != (callers+1)*2*maxBlocks || s.Epochs[2].Openings != begin+7 {
		t.Errorf("epochs are %+v", s.Epochs)
	}
	for epoch, want := range map[uint64]uint64{1: 1, 2: 1} {
		if got := s.Outcomes[audit.Outcome{Epoch: epoch, Method: audit.User}]; got != want {
			t.Errorf("%d answers in epoch %d, want %d", got, epoch, want)
		}
	}
}

// TestOvertaken: a party that is restored in two epochs, of which it does not know what
// it promised, opens nothing in the older one, whose openings the newer does not count.
func TestOvertaken(t *testing.T) {
	n := newNetwork(t, 87)
	for _, count := range []uint64{100, 0} {
		n.records[1].Close()
		n.disks[1] = vfs.NewCrashableMem()
		if err := Found(n.book(1), &audit.Restored{Openings: count}); err != nil {
			t.Fatal(err)
		}
		n.keep(t, 1, n.book(1))
		later := n.next(t, count/2)
		for range 2 { // and again after a start
			n.mustStop(t, n.watch(t, func(*Config) {}), count)
		}
		if s := later.Standing(); s.Openings != count || s.Limit != s.Allowed {
			t.Errorf("the new epoch counts %d of %d", s.Openings, s.Limit)
		}
	}
}

// mustStop demands that a party of epoch 1 has a count and opens nothing more.
func (n *network) mustStop(t *testing.T, p *Party, count uint64) {
	t.Helper()
	n.inForce(n.Committee)
	if s := p.Standing(); s.Openings != count || s.Limit > count {
		t.Errorf("the old epoch counts %d of %d, want to stop at %d", s.Openings, s.Limit, count)
	}
	if _, err := p.UserDecrypt(t.Context(), n.request([]fhe.Handle{n.value(fhe.Bool, 1)}, nil)); code(err) != threshold.LimitReached {
		t.Errorf("the old epoch opens: %v", err)
	}
}

// TestIdleEpoch: an epoch in which nothing was opened yet is handed on as well, by
// those that follow only.
func TestIdleEpoch(t *testing.T) {
	n := newNetwork(t, 88)
	old := n.watch(t, func(*Config) {})
	if s := old.Standing(); s.Openings != 0 || s.Limit != s.Allowed {
		t.Errorf("an epoch alone counts %d of %d", s.Openings, s.Limit)
	}
	if s := n.next(t, 5).Standing(); s.Openings != lease || s.Limit != s.Allowed {
		t.Errorf("the epoch that follows counts %d of %d", s.Openings, s.Limit)
	}
	if s := old.Standing(); s.Openings != 0 || s.Limit != lease {
		t.Errorf("the old epoch counts %d of %d", s.Openings, s.Limit)
	}
}

// clone is a copy of a party's records, or of a part of them.
func clone(t *testing.T, from, to vfs.FS, part string) {
	t.Helper()
	path := from.PathJoin("party", part)
	if err := to.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := to.MkdirAll("party", 0o700); err != nil {
		t.Fatal(err)
	}
	if ok, err := vfs.Clone(from, to, path, path); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// TestRecordsFit: a store that is older than its log, or missing, is refused, and so is a
// log without its end. The operator who has no other goes on with the larger count.
func TestRecordsFit(t *testing.T) {
	n := newNetwork(t, 83)
	n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, 7)}, nil))
	n.records[1].Close()
	before := vfs.NewMem()
	clone(t, n.disks[1], before, "")
	n.start(t, 1)
	n.partials(t, 1, []fhe.Handle{n.value(fhe.Uint8, 6)}) // a crash before the decision is recorded
	n.records[1].Close()
	n.start(t, 1)
	n.records[1].Close()
	undecided := vfs.NewMem()
	clone(t, n.disks[1], undecided, "")
	n.start(t, 1)
	for i := range 3 {
		n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, uint64(i))}, nil))
	}
	n.records[1].Close()
	const count = 10
	for name, c := range map[string]struct {
		spoil func(fs vfs.FS)
		want  string
	}{
		"older store":   {func(fs vfs.FS) { clone(t, before, fs, "store") }, "the store is an older copy"},
		"missing store": {func(fs vfs.FS) { fs.RemoveAll("party/store") }, "is missing"},
		"older log":     {func(fs vfs.FS) { clone(t, before, fs, "audit") }, "the end of the log is missing"},
		"missing log":   {func(fs vfs.FS) { fs.RemoveAll("party/audit") }, "the end of the log is missing"},
	} {
		n.disks[1] = vfs.NewCrashableMem()
		was := n.book(1).FS
		clone(t, n.records[1].cfg.FS, was, "")
		c.spoil(was)
		if _, err := OpenRecords(n.book(1)); !errors.Is(err, ErrRecords) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--recount") {
			t.Errorf("%s: %v", name, err)
		}
		book := n.book(1)
		book.Recount = true
		n.keepOnce(t, name, book, count)
		n.keepOnce(t, name+", then without the flag", n.book(1), count)
	}
	n.disks[1] = vfs.NewCrashableMem()
	clone(t, undecided, n.disks[1], "")
	clone(t, before, n.disks[1], "store")
	if _, err := OpenRecords(n.book(1)); !errors.Is(err, ErrRecords) {
		t.Errorf("a store that is older than openings without a decision: %v", err)
	}
}

// keepOnce opens records for a moment and looks at their count.
func (n *network) keepOnce(t *testing.T, name string, book RecordsConfig, want uint64) {
	t.Helper()
	r, err := OpenRecords(book)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got, err := r.store.openings(n.Committee.Epoch); err != nil || got != want {
		t.Errorf("%s: it goes on counting from %d, want %d: %v", name, got, want, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestRecordsOwner: records are of one identity and one key.
func TestRecordsOwner(t *testing.T) {
	n := newNetwork(t, 84)
	n.records[1].Close()
	for name, spoil := range map[string]func(*RecordsConfig){
		"another identity": func(c *RecordsConfig) { c.Signer = secp256k1.PrivKeyFromBytes([]byte{31: 9}) },
		"another key":      func(c *RecordsConfig) { c.SquashKey[0]++ },
		"no folder":        func(c *RecordsConfig) { c.Dir = "" },
		"a small quota":    func(c *RecordsConfig) { c.Quotas.User.Day = 1 },
	} {
		book := n.book(1)
		spoil(&book)
		book.Recount = true
		if _, err := OpenRecords(book); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	n.keepOnce(t, "unchanged", n.book(1), 0)
}

// TestRecordsArePrivate: nobody else on the machine reads a party's records, also where
// an earlier process left them open.
func TestRecordsArePrivate(t *testing.T) {
	n := newNetwork(t, 91)
	book := n.book(1)
	book.FS, book.Dir = nil, filepath.Join(t.TempDir(), "data", "records")
	for range 2 {
		r, err := OpenRecords(book)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if info, err := os.Stat(book.Dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("mode is %v: %v", info.Mode(), err)
		}
		if err := os.Chmod(book.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLimitIsNotCounted: what is refused at the limit does not go into the log's count,
// with which the store is compared.
func TestLimitIsNotCounted(t *testing.T) {
	n := newNetwork(t, 85)
	n.parties[1].limit = 3
	n.answer(t, 1, n.request([]fhe.Handle{n.value(fhe.Uint8, 7)}, nil))
	if _, err := n.parties[1].UserDecrypt(t.Context(), n.request([]fhe.Handle{n.value(fhe.Uint8, 8)}, nil)); code(err) != threshold.LimitReached {
		t.Fatal(err)
	}
	n.records[1].Close()
	n.keepOnce(t, "after the limit", n.book(1), 2)
}

// TestQuotaEdge: of many requests at once as many are answered as the quota has room
// for, and a crash gives none of it back.
func TestQuotaEdge(t *testing.T) {
	n := newNetwork(t, 86)
	q := n.request([]fhe.Handle{n.value(fhe.Uint256, 1), n.value(fhe.Uint256, 2)}, nil)
	blocks := len(n.partials(t, 1, q.Handles))
	quotas := Quotas{User: Quota{Day: maxBlocks}, Caller: Quota{Day: 10 * maxBlocks}}
	room := maxBlocks / blocks
	p := n.limit(t, quotas)
	refused := make(chan error, 2*room)
	var asking sync.WaitGroup
	for range cap(refused) {
		asking.Go(func() {
			if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
				refused <- err
			}
		})
	}
	asking.Wait()
	if got := len(refused); got != cap(refused)-room {
		t.Errorf("%d of %d are refused, there is room for %d", got, cap(refused), room)
	}
	n.disks[1] = n.disks[1].CrashClone(vfs.CrashCloneCfg{})
	if _, err := n.limit(t, quotas).UserDecrypt(as(t, 1), q); code(err) != threshold.QuotaExceeded {
		t.Errorf("after a crash: %v", err)
	}
}
