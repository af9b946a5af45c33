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
	Damaged    uint64 // records that were found damaged, to be computed again
	Pruned     uint64 // records that were dropped, to be computed again when they are needed
	Bootstraps uint64 // of finished computations, if NewEvaluator made the evaluator

	Workers          int           // of the cluster that are there
	Away             int           // tasks that they have
	CrossChecked     uint64        // tasks that were computed twice on purpose
	LateReports      uint64        // of tasks that another report had finished
	Disagreements    uint64        // results on which machines disagreed: each needs a person
	QueuedBootstraps int64         // of the queued computations, by the cost table
	Rate             float64       // of a full machine, bootstraps a second; 0 while it is unknown
	Delay            time.Duration // until the queue is done at that rate; 0 while it is unknown

	Memory int64 // of the evaluations in flight and what they left for others, estimated, in bytes
	Cached int64 // of unpacked and squashed values at hand, in bytes
}

// Stats returns the present numbers.
func (c *Coprocessor) Stats() Stats {
	t := &c.totals
	workers := 0
	if c.cfg.Cluster != nil {
		workers = c.cfg.Cluster.Workers()
	}
	s := Stats{
		Missing:    c.store.Missing(),
		Queued:     int(t.queued.Load()),
		Running:    int(t.running.Load()),
		Done:       t.done.Load(),
		Failed:     t.failed.Load(),
		Damaged:    t.damaged.Load(),
		Pruned:     t.pruned.Load(),
		Bootstraps: t.bootstraps.Load(),
		Memory:     c.calculator.memory.size(),
		Cached:     c.calculator.recent.size() + c.atHand.size(),

		Workers:       workers,
		Away:          int(t.away.Load()),
		CrossChecked:  t.checked.Load(),
		LateReports:   t.late.Load(),
		Disagreements: t.disagreements.Load(),
	}
	s.QueuedBootstraps, s.Rate, s.Delay = c.workload.estimate()
	return s
}

type totals struct {
	queued, running, away    atomic.Int64
	done, failed, bootstraps atomic.Uint64
	checked, late            atomic.Uint64
	disagreements            atomic.Uint64
	damaged, pruned          atomic.Uint64
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

// metered returns a context whose bootstraps are told to count.
func metered(ctx context.Context, count func(n int)) context.Context {
	return context.WithValue(ctx, meterKey{}, count)
}

// meter counts the bootstraps of each computation.
type meter struct{ tfhe.Bootstrapper }

func (m meter) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	err := m.Bootstrapper.Bootstrap(ctx, jobs)
	if count, ok := ctx.Value(meterKey{}).(func(int)); ok && err == nil {
		count(len(jobs))
	}
	return err
}
