package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// disturb does something to the node, a worker or its network, and says what. Some of it
// lasts for a while beyond.
func (f *fleet) disturb(chance *rand.Rand) string {
	f.t.Helper()
	i := chance.IntN(len(f.workers))
	w, s := f.workers[i], f.straits[i]
	while := time.Duration(chance.IntN(12_000)) * time.Millisecond // the leases of tasks last 5 s
	switch chance.IntN(10) {
	case 0, 1:
		f.replace(i)
		return "a worker killed"
	case 2:
		return f.crash(chance)
	case 3:
		resume(w)
		w.signal(syscall.SIGTERM)
		<-w.done
		f.workers[i] = f.startWorker(s)
		return "a worker ended"
	case 4:
		f.signal(syscall.SIGSTOP)
		time.Sleep(while / 2)
		resume(f.process)
		return "the node stopped for " + (while / 2).String()
	case 5:
		w.signal(syscall.SIGSTOP)
		time.AfterFunc(while, func() { resume(w) })
		return "a worker stopped for " + while.String()
	}
	return f.disturbNetwork(chance, s, while)
}

func (f *fleet) disturbNetwork(chance *rand.Rand, s *strait.Strait, while time.Duration) string {
	what := "a network halted"
	switch chance.IntN(5) {
	case 0:
		s.Cut()
		return "a connection cut"
	case 1:
		s.Reset()
		return "a connection reset"
	case 2:
		what = "a network halted in one direction"
		s.Halt(strait.Direction(chance.IntN(2)))
	case 3:
		s.Halt(strait.Out)
		s.Halt(strait.Home)
	default:
		what = "a network slow"
		s.Slow(time.Duration(chance.IntN(500)) * time.Millisecond)
	}
	time.AfterFunc(while, s.Calm)
	return what + " for " + while.String()
}

// crash kills the node, looks at what is left of its store, may damage that and has it
// repaired, and starts the node again.
func (f *fleet) crash(chance *rand.Rand) string {
	f.t.Helper()
	f.kill()
	mustRun(f.t, "store", "verify", "--data", f.data)
	what := "the node killed"
	if chance.IntN(2) == 0 {
		what += f.damage(chance)
	}
	f.lead(f.t)
	return what
}

// damage spoils a file of the store, if it has one. What cannot be repaired is moved away,
// as the command says then.
func (f *fleet) damage(chance *rand.Rand) string {
	f.t.Helper()
	name := pick(f.t, chance, filepath.Join(f.data, "coprocessor", "*.sst"), filepath.Join(f.data, "coprocessor", "*.blob"))
	if name == "" {
		return ""
	}
	b, err := os.ReadFile(name)
	f.must(err)
	for at, n := chance.IntN(len(b)), 16; n > 0 && at < len(b); at, n = at+1, n-1 {
		b[at] ^= 0x55
	}
	f.must(os.WriteFile(name, b, 0o600))
	what := fmt.Sprintf(" and %s spoiled", filepath.Base(name))
	if _, stderr, err := run(f.t, "store", "verify", "--repair", "--data", f.data); err != nil {
		if !strings.Contains(stderr, "move the folder away") {
			f.t.Errorf("repair of %s: %v\n%s", name, err, stderr)
		}
		f.must(os.RemoveAll(filepath.Join(f.data, "coprocessor")))
		what += " beyond repair"
	}
	return what
}

// pick is one of the files that match patterns, "" if there are none.
func pick(t *testing.T, chance *rand.Rand, patterns ...string) string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) == 0 {
		return ""
	}
	return all[chance.IntN(len(all))]
}
