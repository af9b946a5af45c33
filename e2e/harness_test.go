// Package e2e runs whole networks as real processes of the built program, with
// real keys, and talks to them only as wallets, tools and operators do.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is what make build makes.
const program = "../bin/fhevm-node"

func TestMain(m *testing.M) {
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "e2e tests run the built program: %v: run make build first\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// limit is a context that ends shortly before the test's time does, so that
// what hangs is reported with the logs of its processes, and no process stays.
func limit(t *testing.T) context.Context {
	end, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), end.Add(-10*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// process is a running program, mostly fhevm-node. It is killed when the test ends, and what it
// printed is shown if the test failed.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	log  string        // file with all output
	done chan struct{} // closed when it has exited
}

// start runs fhevm-node with the given arguments in the background.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return launch(t, program, args...)
}

// launch runs a program in the background.
func launch(t *testing.T, program string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "log-")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{t: t, name: filepath.Base(program) + " " + strings.Join(args, " "), log: log.Name(), done: make(chan struct{})}
	p.cmd = exec.CommandContext(limit(t), program, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.finish)
	return p
}

func (p *process) finish() {
	p.kill()
	if p.t.Failed() {
		p.t.Logf("%s: %s\n%s", p.name, p.cmd.ProcessState, p.output())
	}
}

// kill ends the process without giving it a chance to tidy up.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and checks that it ends well.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	<-p.done
	if !p.cmd.ProcessState.Success() {
		p.t.Errorf("%s: %s after SIGTERM", p.name, p.cmd.ProcessState)
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// await waits until the condition holds, for as long as the process runs.
func (p *process) await(what string, condition func() bool) {
	p.t.Helper()
	for !condition() {
		select {
		case <-p.done:
			p.t.Fatalf("%s ended while the test waited for %s", p.name, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// step runs a part of a test and says how long it took.
func (p *process) step(name string, run func()) {
	p.t.Helper()
	start := time.Now()
	run()
	p.t.Logf("%s (%.1f s)", name, time.Since(start).Seconds())
}

// run runs fhevm-node to its end and returns what it printed on standard output
// and on standard error.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	var out, problems strings.Builder
	cmd := exec.CommandContext(limit(t), program, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

// mustRun is run for commands that must succeed.
func mustRun(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, err := run(t, args...)
	if err != nil {
		t.Fatalf("fhevm-node %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}
