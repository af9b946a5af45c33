package e2e

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fhevm/fhe"
)

// TestCluster kills workers and the node at moments that a seed draws, stops a worker
// until another has its tasks, and cuts one off. The ciphertexts are those of a node that
// works alone.
func TestCluster(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 0))
	calm := &token{startDev(t)}
	txs, end := history(calm)
	handles := calm.play(txs)
	want := calm.settled(handles)
	calm.stop()

	f := startFleet(t, 1, "--cross-check", "0.2")
	got := f.play(txs[:len(txs)/2])
	f.outpace()
	missed := f.gone()
	f.isolate(1)
	got = append(got, f.play(txs[len(txs)/2:])...)
	f.await("the node to miss who is cut off", func() bool { return f.gone() > missed })
	f.restart()
	f.calm()
	for range 2 {
		time.Sleep(time.Duration(chance.IntN(500)) * time.Millisecond) // nothing waits for it: the moment is what varies
		f.replace(chance.IntN(len(f.workers)))
	}
	if !slices.Equal(got, handles) {
		t.Fatalf("the same transactions make other handles:\n%v\n%v", got, handles)
	}
	f.compare(f.settled(handles), want)
	if want.digests() < 20 {
		t.Errorf("only %d ciphertexts were compared", want.digests())
	}
	if n := f.metric("fhevm_disagreements_total"); n != 0 {
		t.Errorf("%v disagreements", n)
	}
	(&token{f.node}).check(end)
	for _, w := range f.workers {
		w.stop()
	}
}

// outpace stops the only worker in the middle of its tasks until others have done some
// of them. What it reports then comes late.
func (f *fleet) outpace() {
	f.t.Helper()
	f.await("the worker to compute", func() bool { return f.health().Bootstraps >= 10 })
	f.workers[0].signal(syscall.SIGSTOP)
	f.add()
	f.add()
	f.await("the node to miss who is stopped", func() bool { return f.gone() > 0 })
	done := f.health().Bootstraps
	f.await("the others to compute", func() bool { return f.health().Bootstraps > done })
	resume(f.workers[0])
	f.await("a late report", func() bool { return f.metric("fhevm_cluster_late_reports_total") > 0 })
}

func (n *node) compare(got, want state) {
	n.t.Helper()
	for _, h := range slices.SortedFunc(maps.Keys(want), func(a, b fhe.Handle) int { return slices.Compare(a[:], b[:]) }) {
		if !reflect.DeepEqual(got[h], want[h]) {
			n.t.Errorf("in the cluster handle is\n%+v, alone\n%+v", got[h], want[h])
		}
	}
}

// TestWorkerRefuses starts workers that cannot do what they should.
func TestWorkerRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "token")
	for want, args := range map[string][]string{
		"cluster token":           {"--cluster", "nats://127.0.0.1:1", "--token", missing},
		`Required flag "cluster"`: {"--token", missing}, // the help goes to standard output
	} {
		_, stderr, err := run(t, append([]string{"worker"}, args...)...)
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("%v: %v, %s", args, err, stderr)
		}
	}
}
