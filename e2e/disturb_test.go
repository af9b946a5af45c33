//go:build soak

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fhevm/coprocessor/cluster/strait"
)

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
