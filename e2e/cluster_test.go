package e2e

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
)

// startLeader runs a node that leaves its work to workers where it can.
func startLeader(t *testing.T, data string, args ...string) *node {
	t.Helper()
	return startDev(t, append([]string{"--data", data, "--cluster", "--cluster-only", "--cluster-listen", "127.0.0.1:0"}, args...)...)
}

// startWorker runs a worker of a node's cluster on one bootstrap at a time.
func startWorker(n *node, args ...string) *process {
	n.t.Helper()
	c := n.info.Cluster
	return start(n.t, append([]string{"--log", "info", "worker", "--cluster", c.URL, "--token", c.TokenFile, "--workers", "1"}, args...)...)
}

// TestCluster kills workers at moments that a seed draws, each followed by a new one,
// and once the leader. The ciphertexts are those of a node that works alone.
func TestCluster(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 0))
	calm := &token{startDev(t)}
	txs, end := history(calm)
	handles := calm.play(txs)
	want := calm.settled(handles)
	calm.stop()

	data := t.TempDir()
	n := startLeader(t, data, "--cross-check", "0.2")
	workers := []*process{startWorker(n), startWorker(n), startWorker(n)}
	got := n.play(txs[:len(txs)/2])
	n.await("workers to compute", func() bool { return n.health().Bootstraps >= 10 })
	replace(n, workers, chance)
	n.kill()
	for _, w := range workers {
		w.kill()
	}

	n = startLeader(t, data)
	workers = []*process{startWorker(n), startWorker(n), startWorker(n)}
	got = append(got, n.play(txs[len(txs)/2:])...)
	for range 2 {
		time.Sleep(time.Duration(chance.IntN(500)) * time.Millisecond) // nothing waits for it: the moment is what varies
		replace(n, workers, chance)
	}
	if !slices.Equal(got, handles) {
		t.Fatalf("the same transactions make other handles:\n%v\n%v", got, handles)
	}
	n.compare(n.settled(handles), want)
	if want.digests() < 20 {
		t.Errorf("only %d ciphertexts were compared", want.digests())
	}
	(&token{n}).check(end)
	for _, w := range workers {
		w.stop()
	}
}

// replace kills a worker and starts another in its place.
func replace(n *node, workers []*process, chance *rand.Rand) {
	i := chance.IntN(len(workers))
	workers[i].kill()
	workers[i] = startWorker(n)
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
