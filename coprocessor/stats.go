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

	QueuedBootstraps int64         // of the queued computations, by the cost table
	Rate             float64       // of a full machine, bootstraps a second; 0 while it is unknown
	Delay            time.Duration // until the queue is done at that rate; 0 while it is unknown

	Memory int64 // of the evaluations in flight, estimated, in bytes
	Cached int64 // of unpacked values at hand, in bytes
}

// Stats returns the present numbers.
func (c *Coprocessor) Stats() Stats {
	t := &c.totals
	s := Stats{
		Missing:    c.store.Missing(),
		Queued:     int(t.queued.Load()),
		Running:    int(t.running.Load()),
		Done:       t.done.Load(),
		Failed:     t.failed.Load(),
		Bootstraps: t.bootstraps.Load(),
		Memory:     t.memory.Load(),
		Cached:     c.recent.size(),
	}
	s.QueuedBootstraps, s.Rate, s.Delay = c.workload.estimate()
	return s
}

type totals struct {
	queued, running, memory  atomic.Int64
	done, failed, bootstraps atomic.Uint64
}

func (t *totals) set(queued, running int, memory int64) {
	t.queued.Store(int64(queued))
	t.running.Store(int64(running))
	t.memory.Store(memory)
}

// Trace describes a finished computation.
type Trace struct {
	Handle     fhe.Handle // the first with this content; of an input list, one of its values
	Kind       string     // name of the operation, or "input"
	Duration   time.Duration
	Bootstraps uint64         // if NewEvaluator made the evaluator
	Failure    *store.Failure // nil on success
}

type meterKey struct{}

// metered returns a context whose bootstraps count as p's.
func metered(ctx context.Context, p *progress) context.Context {
	return context.WithValue(ctx, meterKey{}, p)
}

// meter counts the bootstraps of each computation.
type meter struct{ tfhe.Bootstrapper }

func (m meter) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	err := m.Bootstrapper.Bootstrap(ctx, jobs)
	if p, ok := ctx.Value(meterKey{}).(*progress); ok && err == nil {
		p.add(len(jobs))
	}
	return err
}
