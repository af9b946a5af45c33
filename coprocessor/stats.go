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
}

// Stats returns the present numbers.
func (c *Coprocessor) Stats() Stats {
	t := &c.totals
	return Stats{
		Missing:    c.store.Missing(),
		Queued:     int(t.queued.Load()),
		Running:    int(t.running.Load()),
		Done:       t.done.Load(),
		Failed:     t.failed.Load(),
		Damaged:    t.damaged.Load(),
		Pruned:     t.pruned.Load(),
		Bootstraps: t.bootstraps.Load(),
	}
}

type totals struct {
	queued, running          atomic.Int64
	done, failed, bootstraps atomic.Uint64
	damaged, pruned          atomic.Uint64
}

func (t *totals) set(queued, running int) {
	t.queued.Store(int64(queued))
	t.running.Store(int64(running))
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
