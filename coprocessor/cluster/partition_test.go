package cluster

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/cluster/strait"
	"fhevm/coprocessor/internal/logtest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func newStrait(t testing.TB, url string) *strait.Strait {
	t.Helper()
	s, err := strait.New(strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func through(s *strait.Strait) string { return "nats://" + s.Addr() }

// TestPartition has the workers' and the leader's connections break and stall at
// random. All work gets done, and is the same.
func TestPartition(t *testing.T) {
	for seed := range uint64(2) {
		partitions(t, seed)
	}
}

func partitions(t *testing.T, seed uint64) {
	log := program(400 + seed)
	want := alone(t, log)
	s := startServer(t)
	var straits []*strait.Strait
	for range 4 {
		straits = append(straits, newStrait(t, s.URL()))
	}
	h := lead(t, through(straits[0]), vfs.NewMem())
	for _, x := range straits[1:] {
		work(t, through(x), newEvaluator())
	}
	var storms sync.WaitGroup
	storms.Go(func() { storm(rand.New(rand.NewPCG(seed, 9)), straits) })
	h.feed(t, log.Blocks...)
	h.drain(t)
	storms.Wait()
	h.check(t, log, want)
	if n := h.Stats().Disagreements; n > 0 {
		t.Errorf("seed %d: %d disagreements", seed, n)
	}
	h.stop()
}

// storm disturbs one strait after the other, and then lets them calm down.
func storm(r *rand.Rand, straits []*strait.Strait) {
	for range 12 {
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond) // the moment is what varies: nothing waits for it
		x := straits[r.IntN(len(straits))]
		switch r.IntN(6) {
		case 0, 1:
			x.Cut()
			continue
		case 2:
			x.Reset()
			continue
		case 3:
			x.Halt(strait.Direction(r.IntN(2)))
		case 4:
			x.Slow(time.Duration(r.IntN(50)) * time.Millisecond)
		default:
			x.Halt(strait.Out)
			x.Halt(strait.Home)
		}
		time.AfterFunc(time.Duration(r.IntN(600))*time.Millisecond, x.Calm)
	}
	for _, x := range straits {
		x.Calm()
	}
}

// TestLateReport cuts a worker off for as long as another takes for its task. The report
// that it has then is compared, and agrees.
func TestLateReport(t *testing.T) {
	log, _ := single()
	want := alone(t, log)
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	x := newStrait(t, s.URL())
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	work(t, through(x), e)
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	x.Halt(strait.Out)
	work(t, s.URL(), newEvaluator())
	h.drain(t)
	close(e.gate)
	x.Calm()
	until(t, h, func() bool { return h.Stats().LateReports > 0 })
	h.check(t, log, want)
	if n := h.Stats().Disagreements; n > 0 {
		t.Errorf("%d disagreements", n)
	}
	h.stop()
}

// TestLeaderLosesPower cuts the leader's power, or kills it, again and again while workers
// compute for it: the next one has a disk on which what was not synced is gone.
func TestLeaderLosesPower(t *testing.T) {
	for seed := range uint64(2) {
		powerCuts(t, seed)
	}
}

func powerCuts(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 17))
	log := program(600 + seed)
	want := alone(t, log)
	s := startServer(t)
	for range 2 {
		work(t, s.URL(), newEvaluator())
	}
	disk := vfs.NewCrashableMem()
	follow(t, coprocessor.Config{Domain: logtest.Domain, Dir: "db", FS: disk, Evaluator: newEvaluator()}).Close()
	for range 4 {
		h := lead(t, s.URL(), disk)
		next := cursor(t, h)
		h.feed(t, log.Blocks[next:]...)
		time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond) // the moment is what varies: nothing waits for it
		kept := vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * r.IntN(2), RNG: rand.New(rand.NewPCG(0, 0))}
		left := disk.CrashClone(kept)
		h.stop()
		disk = left
	}
	h := lead(t, s.URL(), disk)
	h.feed(t, log.Blocks[cursor(t, h):]...)
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}

func cursor(t testing.TB, h *head) uint64 {
	t.Helper()
	c, _, err := h.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	return c.Number
}
