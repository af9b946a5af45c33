package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/cluster"
	"fhevm/fhe"
	"fhevm/node/network"

	"github.com/nats-io/nats.go"
)

// WorkerConfig says for which cluster a worker computes.
type WorkerConfig struct {
	Network   network.Folder // public.key, evaluation.key, random.key and network.json
	URL       string         // of the cluster's NATS server
	TokenFile string
	CA        string // file with the certificates to trust; default those of the system
	Blobs     string // as the leader's
	Name      string // for people; default: the host's, made unlike others
	Workers   int    // bootstraps at a time, default all processors
	Tasks     int    // at a time, default tasksPerProcessor for each bootstrap at a time
	Memory    int64  // bytes for evaluations in flight, default DefaultMemory, see coprocessor.Config
	Logger    *slog.Logger
	Ready     func(name string) // optional: called when it is connected
}

const (
	// tasksPerProcessor fill the batches of bootstraps: a layer of one task has
	// few.
	tasksPerProcessor = 4
	// workerGrace is for the tasks at hand when a worker is to stop.
	workerGrace = 10 * time.Second
)

// RunWorker computes a cluster's tasks until ctx ends.
func RunWorker(ctx context.Context, cfg WorkerConfig) (err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := coprocessor.CheckMemory(cfg.Memory); err != nil {
		return err
	}
	if cfg.Workers < 0 || cfg.Tasks < 0 {
		return fmt.Errorf("%d bootstraps and %d tasks at a time: want positive numbers, or 0 for the default", cfg.Workers, cfg.Tasks)
	}
	token, err := cluster.ReadToken(cfg.TokenFile)
	if err != nil {
		return err
	}
	d, err := cfg.Network.Description()
	if err != nil {
		return err
	}
	a, err := openArithmetic(cfg.Network, d, cfg.Workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	name := workerName(cfg.Name)
	conn, err := cluster.Connect(cluster.Access{URL: cfg.URL, Token: token, CA: cfg.CA, Name: name}, cfg.Logger)
	if err != nil {
		return err
	}
	defer conn.Close()
	w, err := newWorker(cfg, name, d.Domain(), a.evaluator, conn)
	if err != nil {
		return err
	}
	if cluster.AwaitConnection(ctx, conn, cfg.URL) == nil && cfg.Ready != nil { // else ctx has ended, and Run ends too
		cfg.Ready(name)
	}
	err = w.Run(ctx)
	cfg.Logger.Info("worker stops", "tasks", w.Done())
	return err
}

func newWorker(cfg WorkerConfig, name string, domain fhe.Domain, e coprocessor.Evaluator, conn *nats.Conn) (*cluster.Worker, error) {
	blobs, err := openBlobs(cfg.Blobs, conn, domain)
	if err != nil {
		return nil, err
	}
	// Run's context ends all that the calculator does.
	calculator := coprocessor.NewCalculator(context.Background(), e, 0, cfg.Memory)
	return cluster.NewWorker(cluster.WorkerConfig{
		Domain: domain, Name: name, Conn: conn, Blobs: blobs, Calculator: calculator,
		Tasks: tasksFor(cfg), Grace: workerGrace, Logger: cfg.Logger,
	})
}

func tasksFor(cfg WorkerConfig) int {
	if cfg.Tasks > 0 {
		return cfg.Tasks
	}
	processors := cfg.Workers
	if processors <= 0 {
		processors = runtime.GOMAXPROCS(0)
	}
	return min(tasksPerProcessor*processors, cluster.MaxTasks)
}

// workerName is unlike every other: two of one name would be taken for one.
func workerName(name string) string {
	if name == "" {
		name, _ = os.Hostname()
	}
	return fmt.Sprintf("%.40s-%s", name, rand.Text()[:8])
}
