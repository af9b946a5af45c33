package coprocessor

import (
	"context"
	"sync/atomic"
	"time"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Stats counts work. Totals count from Open.
type Stats struct {
	Missing    int    // wants whose ciphertext is missing
	Queued     int    // computations that are loaded and not finished
	Running    int    // evaluations in flight
	Done       uint64 // computations that succeeded
	Failed     uint64 // computations that failed, also for a failed operand
	Bootstraps uint64 // of finished computations, if NewEvaluator made the evaluator

	Workers       int    // of the cluster that are there
	Away          int    // tasks that they have
	CrossChecked  uint64 // tasks that were computed twice on purpose
	Disagreements uint64 // results on which machines disagreed: each needs a person
}

// Stats returns the present numbers.
func (c *Coprocessor) Stats() Stats {
	t := &c.totals
	workers := 0
	if c.cfg.Cluster != nil {
		workers = c.cfg.Cluster.Workers()
	}
	return Stats{
		Missing:    c.store.Missing(),
		Queued:     int(t.queued.Load()),
		Running:    int(t.running.Load()),
		Done:       t.done.Load(),
		Failed:     t.failed.Load(),
		Bootstraps: t.bootstraps.Load(),

		Workers:       workers,
		Away:          int(t.away.Load()),
		CrossChecked:  t.checked.Load(),
		Disagreements: t.disagreements.Load(),
	}
}

type totals struct {
	queued, running, away    atomic.Int64
	done, failed, bootstraps atomic.Uint64
	checked, disagreements   atomic.Uint64
}

func (t *totals) set(queued, running, away int) {
	t.queued.Store(int64(queued))
	t.running.Store(int64(running))
	t.away.Store(int64(away))
}

// Trace describes a finished computation.
type Trace struct {
	Handle     fhe.Handle // the first with this content; of an input list, one of its values
	Kind       string     // name of the operation, or "input"
	Duration   time.Duration
	Bootstraps uint64         // if NewEvaluator made the evaluator
	Failure    *store.Failure // nil on success
	Worker     string         // of the cluster; empty for this machine
}

type meterKey struct{}

// metered returns a context whose bootstraps the counter counts.
func metered(ctx context.Context) (context.Context, *atomic.Uint64) {
	n := new(atomic.Uint64)
	return context.WithValue(ctx, meterKey{}, n), n
}

// meter counts the bootstraps of each computation.
type meter struct{ tfhe.Bootstrapper }

func (m meter) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	if n, ok := ctx.Value(meterKey{}).(*atomic.Uint64); ok {
		n.Add(uint64(len(jobs)))
	}
	return m.Bootstrapper.Bootstrap(ctx, jobs)
}
