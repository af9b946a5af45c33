package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"fhevm/node"
	"fhevm/node/network"
)

// shared is the number of transfers that workers compute while a clock runs.
const shared = 120

// cluster measures a node whose work is done by processes of one core each: one of
// them, two, and four where the machine has as many cores.
func (o *options) cluster(ctx context.Context, f network.Folder, r *recorder) error {
	one, err := workersTime(ctx, f, 1)
	if err != nil {
		return err
	}
	if err := r.add(fmt.Sprintf("cluster: %d transfers, one worker of one core", shared), one.Seconds(), "s", 0); err != nil {
		return err
	}
	for n := 2; n <= min(4, runtime.NumCPU()); n *= 2 {
		took, err := workersTime(ctx, f, n)
		if err != nil {
			return err
		}
		if err := r.add(fmt.Sprintf("cluster: %d workers of one core, against one", n), one.Seconds()/took.Seconds(), "x", 0.9*float64(n)); err != nil {
			return err
		}
	}
	return nil
}

// workersTime is how long a number of workers take for the transfers. They pause until
// all are on the chain, so that they compete with nothing but what the node does for
// them.
func workersTime(ctx context.Context, f network.Folder, n int) (took time.Duration, err error) {
	l, err := startLoad(ctx, node.Config{Network: f, Cluster: node.ClusterConfig{Listen: "127.0.0.1:0", Only: true}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	workers, err := startWorkers(ctx, l.node.Info().Cluster, n)
	defer workers.stop()
	if err != nil {
		return 0, err
	}
	if err := l.prepare(ctx); err != nil {
		return 0, err
	}
	plan, err := l.plan(ctx, mathrand.New(mathrand.NewPCG(3, 0)), shared)
	if err != nil {
		return 0, err
	}
	workers.signal(syscall.SIGSTOP)
	for i, p := range plan {
		if err := l.send(ctx, p); err != nil {
			return 0, fmt.Errorf("transfer %d: %w", i, err)
		}
	}
	start := time.Now()
	workers.signal(syscall.SIGCONT)
	if err := l.node.Drain(ctx); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

// workers are processes of this program.
type workers []*exec.Cmd

func startWorkers(ctx context.Context, c *node.InfoCluster, n int) (w workers, err error) {
	for range n {
		if err := w.start(ctx, []string{"GOMAXPROCS=1"}, "-worker", c.URL, "-token", c.TokenFile); err != nil {
			return w, fmt.Errorf("start a worker: %w", err)
		}
	}
	return w, nil
}

// start starts one more process, and returns when it says that it is ready.
func (w *workers) start(ctx context.Context, environment []string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	*w = append(*w, cmd)
	_, err = bufio.NewReader(out).ReadString('\n')
	return err
}

func (w workers) signal(s os.Signal) {
	for _, cmd := range w {
		_ = cmd.Process.Signal(s) // one that has ended is noticed by its silence
	}
}

func (w workers) stop() {
	w.signal(syscall.SIGCONT)
	w.signal(os.Interrupt)
	for _, cmd := range w {
		_ = cmd.Wait()
	}
}

// work is the life of such a process.
func (o *options) work(ctx context.Context, f network.Folder) error {
	return node.RunWorker(ctx, node.WorkerConfig{
		Network: f, URL: o.worker, TokenFile: o.token, Ready: func(name string) { fmt.Println(name, "is ready") },
	})
}
