package e2e

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fhevm/coprocessor/cluster/strait"
)

// fleet is a node whose work others do: workers, each behind a network of its own that
// can fail.
type fleet struct {
	*node
	data    string
	args    []string
	workers []*process
	straits []*strait.Strait
}

// startFleet runs a node that leaves its work to workers where it can.
func startFleet(t *testing.T, workers int, args ...string) *fleet {
	t.Helper()
	f := &fleet{data: t.TempDir(), args: args}
	f.lead(t)
	for range workers {
		f.add()
	}
	return f
}

// lead starts the node. The workers, whose networks lead to it from now on, need not
// start again.
func (f *fleet) lead(t *testing.T) {
	t.Helper()
	f.node = startDev(t, append([]string{"--data", f.data, "--metrics", "127.0.0.1:0", "--cluster", "--cluster-only", "--cluster-listen", "127.0.0.1:0"}, f.args...)...)
	for _, s := range f.straits {
		s.Lead(f.address())
	}
}

// restart kills the node and starts it again.
func (f *fleet) restart() {
	f.t.Helper()
	f.kill()
	f.lead(f.t)
}

func (f *fleet) address() string { return strings.TrimPrefix(f.info.Cluster.URL, "nats://") }

// add starts another worker.
func (f *fleet) add() {
	f.t.Helper()
	s, err := strait.New(f.address())
	f.must(err)
	f.t.Cleanup(func() { s.Close() })
	f.straits = append(f.straits, s)
	f.workers = append(f.workers, f.startWorker(s))
}

// startWorker runs a worker on one bootstrap at a time.
func (f *fleet) startWorker(s *strait.Strait) *process {
	f.t.Helper()
	return start(f.t, "--log", "info", "worker", "--cluster", "nats://"+s.Addr(), "--token", f.info.Cluster.TokenFile, "--workers", "1")
}

// replace kills a worker and starts another in its place.
func (f *fleet) replace(i int) {
	f.t.Helper()
	f.workers[i].kill()
	f.workers[i] = f.startWorker(f.straits[i])
}

// isolate lets nothing through between a worker and the node.
func (f *fleet) isolate(i int) {
	f.straits[i].Halt(strait.Out)
	f.straits[i].Halt(strait.Home)
}

// calm ends what lasts of all disturbances.
func (f *fleet) calm() {
	for i, s := range f.straits {
		s.Calm()
		resume(f.workers[i])
	}
}

// resume continues a process that was stopped, if it is there.
func resume(p *process) { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// gone counts the workers that the node has found silent for too long.
func (f *fleet) gone() int { return strings.Count(f.output(), "a worker is gone") }

// metric is the present value of a metric of the node.
func (f *fleet) metric(name string) float64 {
	f.t.Helper()
	resp, err := http.Get(f.info.Metrics)
	f.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	f.must(err)
	_, after, _ := strings.Cut(string(b), "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")
	v, err := strconv.ParseFloat(value, 64)
	f.must(err)
	return v
}
