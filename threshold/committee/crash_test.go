package committee

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/permit"
)

// told is what others know of a party: what its records must not forget.
type told struct {
	answers, counts map[uint64]uint64 // by epoch
	bound           map[asked]bool
	ceiling         uint64 // of epoch 1; 0 before it has one
}

func newTold() *told {
	return &told{answers: map[uint64]uint64{}, counts: map[uint64]uint64{}, bound: map[asked]bool{}}
}

func (k *told) clone() *told {
	return &told{maps.Clone(k.answers), maps.Clone(k.counts), maps.Clone(k.bound), k.ceiling}
}

// hear adds an answer of an epoch, whose count is known.
func (k *told) hear(epoch, count uint64, handles []fhe.Handle) {
	k.answers[epoch]++
	k.counts[epoch] = count
	for _, h := range handles {
		k.bound[asked{epoch, h}] = true
	}
}

// bindings are all of a store's, by epoch and handle.
func bindings(t *testing.T, s *store) map[asked]fhe.Digest {
	t.Helper()
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'d'}, UpperBound: []byte{'d' + 1}})
	if err != nil {
		t.Fatal(err)
	}
	out := map[asked]fhe.Digest{}
	for rows.First(); rows.Valid(); rows.Next() {
		key := rows.Key()[1:]
		out[asked{binary.BigEndian.Uint64(key), fhe.Handle(key[8:])}] = fhe.Digest(rows.Value())
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// mustKnow opens what a crash left, and demands that it knows what was told, and binds
// to nothing but what the party bound in the end.
func (n *network) mustKnow(t *testing.T, crash string, disk *vfs.MemFS, k *told, whole map[asked]fhe.Digest) {
	t.Helper()
	book := n.book(1)
	book.FS = disk
	r, err := OpenRecords(book)
	if err != nil {
		t.Fatalf("%s: %v", crash, err)
	}
	counts, err := r.store.counts()
	if err != nil {
		t.Fatal(err)
	}
	for epoch, told := range k.counts {
		if counts[epoch] < told {
			t.Errorf("%s: epoch %d counts %d, %d were told", crash, epoch, counts[epoch], told)
		}
	}
	_, follows := counts[2]
	ceiling, handed, err := r.store.handed(threshold.Epoch{Number: 1})
	if err != nil || k.ceiling != 0 && ceiling != k.ceiling || follows && !handed {
		t.Errorf("%s: epoch 1 stops at %d (%v), want %d; epoch 2 begun: %v, %v", crash, ceiling, handed, k.ceiling, follows, err)
	}
	bound := bindings(t, r.store)
	for a := range k.bound {
		if _, ok := bound[a]; !ok {
			t.Errorf("%s: handle %s of epoch %d is not bound", crash, a.handle, a.epoch)
		}
	}
	for a, d := range bound {
		if whole[a] != d {
			t.Errorf("%s: handle %s of epoch %d is bound to other bytes", crash, a.handle, a.epoch)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := audit.Read(disk, r.cfg.auditDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, want := range k.answers {
		if got := s.Outcomes[audit.Outcome{Epoch: epoch, Method: audit.User}]; got < want {
			t.Errorf("%s: the log has %d answers of epoch %d, %d left", crash, got, epoch, want)
		}
	}
}

// TestCrashAnywhere kills a party before each operation on its disk, with all, some or
// nothing lost of what was not synced. Its records open again, and know of each answer
// that had left: counts and bindings of both epochs, and at what the first one stops.
func TestCrashAnywhere(t *testing.T) {
	n := newNetwork(t, 81)
	rng := rand.New(rand.NewPCG(81, 1))
	disk := vfs.NewCrashableMem()
	type crash struct {
		name string
		disk *vfs.MemFS
		told *told
	}
	var crashes []crash
	known := newTold()
	var mu sync.Mutex // the database writes by itself
	n.disks[1] = disk
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			kept := []int{0, 100}
			if strings.Contains(op.Path, "audit") { // the database relies on a folder's entries to stay in order
				kept = append(kept, rng.IntN(101))
			}
			for _, percent := range kept {
				lost := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}
				crashes = append(crashes, crash{fmt.Sprintf("crash %d, before %v %s", len(crashes), op.Kind, op.Path), disk.CrashClone(lost), known.clone()})
			}
		}
		return nil
	}))
	answer := func(p *Party, q *permit.Request) {
		n.inForce(p.cfg.Secret.Committee)
		n.answer(t, 1, q)
		count := p.Standing().Openings
		mu.Lock()
		defer mu.Unlock()
		known.hear(p.epoch.Number, count, q.Handles)
	}
	one := func(v uint64) *permit.Request { return n.request([]fhe.Handle{n.value(fhe.Uint8, v)}, nil) }
	live := func(requests ...*permit.Request) {
		old := n.reopen(t, func(c *RecordsConfig) { c.FS, c.Quotas = fs, DefaultQuotas })
		answer(old, one(6))
		p := n.next(t, old.Standing().Openings+5)
		limit := old.Standing().Limit
		mu.Lock()
		known.ceiling = limit
		mu.Unlock()
		for _, q := range requests {
			answer(p, q)
		}
	}
	first := one(7)
	live(first, first, n.request([]fhe.Handle{n.value(fhe.Uint16, 8), n.value(fhe.Bool, 1)}, nil))
	live(one(9))
	whole := bindings(t, n.records[1].store)
	n.records[1].Close()
	if len(crashes) < 50 || len(whole) != 6 || len(known.bound) != 6 || known.ceiling != 2+lease {
		t.Errorf("only %d operations on the disk, %d handles are bound, %+v", len(crashes), len(whole), known)
	}
	for _, c := range crashes {
		n.mustKnow(t, c.name, c.disk, c.told, whole)
	}
}

// TestCrashAmongMany is TestCrashAnywhere with requests at once: the store may then be
// ahead of the log by several decisions.
func TestCrashAmongMany(t *testing.T) {
	n := newNetwork(t, 82)
	type crash struct {
		disk *vfs.MemFS
		told *told
	}
	var crashes []crash
	known := newTold()
	var mu sync.Mutex
	disk := n.disks[1]
	p := n.reopen(t, func(c *RecordsConfig) {
		c.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncTo || op.Kind == errorfs.OpFileSyncData {
				crashes = append(crashes, crash{disk.CrashClone(vfs.CrashCloneCfg{}), known.clone()})
			}
			return nil
		}))
	})
	const each = 2 // squashed blocks
	var asking sync.WaitGroup
	for i := range 8 {
		q := n.request([]fhe.Handle{n.value(fhe.Uint8, uint64(i))}, nil)
		asking.Go(func() {
			if _, err := p.UserDecrypt(t.Context(), q); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			known.hear(1, known.counts[1]+each, q.Handles)
		})
	}
	asking.Wait()
	whole := bindings(t, n.records[1].store)
	if got := p.Standing().Openings; len(whole) != 8 || got != 8*each {
		t.Errorf("%d handles are bound, %d blocks opened", len(whole), got)
	}
	n.records[1].Close()
	for i, c := range crashes {
		n.mustKnow(t, fmt.Sprintf("crash %d", i), c.disk, c.told, whole)
	}
}
