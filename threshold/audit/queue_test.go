package audit

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/fhe"
)

// slowDisk counts the syncs of files, and holds the one that a test arms.
type slowDisk struct {
	*vfs.MemFS
	syncs atomic.Int32
	held  chan struct{} // a sync has come
	gate  chan struct{} // it may end
}

func (d *slowDisk) hold(op errorfs.Op) error {
	if op.Kind == errorfs.OpFileSync {
		d.syncs.Add(1)
		select {
		case d.held <- struct{}{}:
			<-d.gate
		default:
		}
	}
	return nil
}

// TestTogether: records that come while the disk is at work are written at once, as many
// as a crash may leave unfinished.
func TestTogether(t *testing.T) {
	disk := &slowDisk{MemFS: vfs.NewMem(), held: make(chan struct{}), gate: make(chan struct{})}
	l := open(t, errorfs.Wrap(disk.MemFS, errorfs.InjectorFunc(disk.hold)), 0)
	if err := l.Append(sample(0)); err != nil { // begins the file
		t.Fatal(err)
	}
	body, err := (&Record{Decision: sample(1)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	const many = 30
	perWrite := maxFrame / (len(body) + frameExtra)
	var appending sync.WaitGroup
	add := func(i int) {
		if err := l.Append(sample(i)); err != nil {
			t.Error(err)
		}
	}
	before := disk.syncs.Load()
	appending.Go(func() { add(1) })
	<-disk.held
	for i := range many {
		appending.Go(func() { add(3*i + 1) })
	}
	for l.queue.length() < many {
		runtime.Gosched()
	}
	close(disk.gate)
	appending.Wait()
	if got, want := int(disk.syncs.Load()-before), 1+(many+perWrite-1)/perWrite; got != want {
		t.Errorf("%d syncs for 1 and %d records, want %d", got, many, want)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Read(disk.MemFS, "log", nil)
	if err != nil || s.Head != l.Head() || s.Head.Seq != 2+many+1 { // the last signs
		t.Errorf("%+v, %v", s, err)
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// TestTogetherOnDisk: whoever is told that a record is on disk finds it there after a
// crash, whatever others write at the time.
func TestTogetherOnDisk(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := open(t, disk, 3000)
	var appending sync.WaitGroup
	for who := range 8 {
		appending.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(who), 1))
			for i := range 20 {
				d := sample(1)
				d.Request = fhe.Digest{byte(who), byte(i), 7}
				if err := l.Append(d); err != nil {
					t.Error(err)
				}
				crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				if !has(t, crashed, d.Request) {
					t.Errorf("record %d of %d is not on disk", i, who)
				}
			}
		})
	}
	appending.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, fs vfs.FS, request fhe.Digest) (found bool) {
	_, err := Read(fs, "log", func(r *Record, _ Position) error {
		found = found || r.Decision != nil && r.Decision.Request == request
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
