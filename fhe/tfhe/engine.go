package tfhe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// MaxBatch is the largest number of bootstraps that one worker runs together,
// reading the evaluation key once for all.
const MaxBatch = 16

// ErrClosed reports a bootstrap on a closed Engine.
var ErrClosed = errors.New("bootstrap engine is closed")

// Engine runs bootstraps on a fixed number of workers. Jobs of concurrent
// Bootstrap calls meet in one queue: a worker takes its share of what waits,
// so a full machine works on full batches and a lone job starts at once. A
// result depends on its job alone.
type Engine struct {
	params    *Params
	keySwitch *KeySwitchKey
	bootstrap *BootstrapKey
	count     atomic.Uint64
	workers   sync.WaitGroup

	mu struct {
		sync.Mutex
		queue  []task
		idle   int
		closed bool
	}
	wake *sync.Cond // something queued, or closed; uses mu
}

var _ Bootstrapper = (*Engine)(nil)

// task is a job and the call that waits for it.
type task struct {
	job  *Job
	call *call
}

// call is one Bootstrap call in progress.
type call struct {
	left atomic.Int64
	done chan struct{}
}

// finish counts n tasks as run or given up.
func (c *call) finish(n int) {
	if c.left.Add(-int64(n)) == 0 {
		close(c.done)
	}
}

// NewEngine expands key and starts workers, GOMAXPROCS of them if workers is
// not positive. It allocates 90 MB for Default, and 1 MB per worker. Close
// releases the workers.
func NewEngine(key *EvaluationKey, workers int) *Engine {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	e := &Engine{params: key.params, keySwitch: key.KeySwitchKey(), bootstrap: key.BootstrapKey()}
	e.start(workers)
	return e
}

func (e *Engine) start(workers int) {
	e.wake = sync.NewCond(&e.mu)
	for range workers {
		e.workers.Go(e.work)
	}
}

// Params returns the parameter set of the engine's key.
func (e *Engine) Params() *Params { return e.params }

// KeySwitchKey returns the key-switching key, which other bootstraps of the
// same network share.
func (e *Engine) KeySwitchKey() *KeySwitchKey { return e.keySwitch }

// Bootstraps counts the jobs that ran since the engine started.
func (e *Engine) Bootstraps() uint64 { return e.count.Load() }

// Bootstrap runs jobs and returns when all are done. If ctx ends first, it
// gives up those that no worker has begun, waits for the others and returns
// ctx's error; the destinations are then undefined.
func (e *Engine) Bootstrap(ctx context.Context, jobs []Job) error {
	for i := range jobs {
		if err := e.params.checkJob(&jobs[i]); err != nil {
			return fmt.Errorf("bootstrap job %d: %w", i, err)
		}
	}
	if err := ctx.Err(); err != nil || len(jobs) == 0 {
		return err
	}
	c := &call{done: make(chan struct{})}
	c.left.Store(int64(len(jobs)))
	if err := e.enqueue(c, jobs); err != nil {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		e.giveUp(c)
		<-c.done
		return ctx.Err()
	}
}

func (p *Params) checkJob(j *Job) error {
	switch {
	case len(j.Src) != p.BigDim()+1:
		return fmt.Errorf("source has %d words, want %d", len(j.Src), p.BigDim()+1)
	case j.LUT == nil || len(j.LUT.Poly) != p.PolySize:
		return fmt.Errorf("look-up table has not %d coefficients", p.PolySize)
	case j.LUT.Outputs < 1 || len(j.Dst) != j.LUT.Outputs:
		return fmt.Errorf("%d destinations for %d outputs", len(j.Dst), j.LUT.Outputs)
	}
	for i, dst := range j.Dst {
		if len(dst) != p.BigDim()+1 {
			return fmt.Errorf("destination %d has %d words, want %d", i, len(dst), p.BigDim()+1)
		}
	}
	return nil
}

func (e *Engine) enqueue(c *call, jobs []Job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.closed {
		return ErrClosed
	}
	for i := range jobs {
		e.mu.queue = append(e.mu.queue, task{&jobs[i], c})
	}
	e.wake.Broadcast()
	return nil
}

// giveUp takes the waiting tasks of c out of the queue.
func (e *Engine) giveUp(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.mu.queue[:0]
	for _, t := range e.mu.queue {
		if t.call != c {
			kept = append(kept, t)
		}
	}
	dropped := len(e.mu.queue) - len(kept)
	clear(e.mu.queue[len(kept):])
	e.mu.queue = kept
	if dropped > 0 {
		c.finish(dropped)
	}
}

// work is one worker: it runs shares of the queue until the engine closes and
// the queue is empty.
func (e *Engine) work() {
	b := newBatch(e.params)
	for e.take(b) {
		b.run(e.keySwitch, e.bootstrap)
		e.count.Add(uint64(len(b.tasks)))
		for _, t := range b.tasks {
			t.call.finish(1)
		}
		clear(b.tasks)
	}
}

// take waits for tasks and moves an even share of them, one for each idle
// worker, to b. It returns false when the engine is closed and drained.
func (e *Engine) take(b *batch) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.idle++
	for len(e.mu.queue) == 0 && !e.mu.closed {
		e.wake.Wait()
	}
	share := (len(e.mu.queue) + e.mu.idle - 1) / e.mu.idle
	e.mu.idle--
	share = min(share, MaxBatch)
	b.tasks = append(b.tasks[:0], e.mu.queue[:share]...)
	rest := copy(e.mu.queue, e.mu.queue[share:])
	clear(e.mu.queue[rest:])
	e.mu.queue = e.mu.queue[:rest]
	return share > 0
}

// Close waits for the queued jobs and stops the workers. Later Bootstrap
// calls return ErrClosed.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.mu.closed = true
	e.wake.Broadcast()
	e.mu.Unlock()
	e.workers.Wait()
	return nil
}
