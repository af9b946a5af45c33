package tfhe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// MaxBatch is the largest number of bootstraps that one worker runs together,
// reading the evaluation key once for all.
const MaxBatch = 16

// ErrClosed reports a bootstrap on a closed Engine.
var ErrClosed = errors.New("bootstrap engine is closed")

// ErrKey reports that the machine lacks the key that a job needs, or could not
// load it: this says nothing about the job.
var ErrKey = errors.New("bootstrapping key is not available")

// Engine runs bootstraps on a fixed number of workers. Jobs of concurrent
// Bootstrap calls meet in one queue: a worker takes its share of what waits
// under one key, so a full machine works on full batches and a lone job starts
// at once. A result depends on its job alone.
type Engine struct {
	params    *Params
	keySwitch *KeySwitchKey
	packing   *PackingKey
	keys      [kinds]*lazyKey
	counts    [MaxBatch]atomic.Uint64 // of batches, by their size less one
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

// task is a job, the key that it rotates under, and the call that waits for it.
type task struct {
	job  *Job
	key  *BootstrapKey
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
// not positive. It allocates 127 MB for Default, and 1 MB per worker. Close
// releases the workers. Kinds of jobs other than Compute and Unpack need keys
// from Provide.
func NewEngine(key *EvaluationKey, workers int) *Engine {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	e := &Engine{params: key.params, keySwitch: key.KeySwitchKey(), packing: key.PackingKey()}
	bootstrap := key.BootstrapKey()
	for _, kind := range []Kind{Compute, Unpack} {
		e.Provide(kind, func() (*BootstrapKey, error) { return bootstrap, nil })
	}
	e.start(workers)
	return e
}

// Provide makes the engine take jobs of a further kind. It calls load when the
// first of them comes, and again for the next ones for as long as load fails,
// which fails them with ErrKey. Provide must return before jobs of the kind come.
func (e *Engine) Provide(kind Kind, load func() (*BootstrapKey, error)) {
	e.keys[kind] = &lazyKey{load: load}
}

// key returns the bootstrapping key for jobs of a kind.
func (e *Engine) key(kind Kind) (*BootstrapKey, error) {
	if kind >= kinds || e.keys[kind] == nil {
		return nil, fmt.Errorf("%w: the engine has none for %s", ErrKey, kind)
	}
	key, err := e.keys[kind].get()
	if err != nil {
		return nil, fmt.Errorf("%w: load that for %s: %w", ErrKey, kind, err)
	}
	return key, nil
}

// lazyKey is loaded by the first call of get that succeeds.
type lazyKey struct {
	load func() (*BootstrapKey, error)
	mu   sync.Mutex
	key  *BootstrapKey
}

func (l *lazyKey) get() (key *BootstrapKey, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key == nil {
		l.key, err = l.load()
	}
	return l.key, err
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
func (e *Engine) Bootstraps() (n uint64) {
	for i, batches := range e.Batches() {
		n += uint64(i+1) * batches
	}
	return n
}

// Batches counts the batches that ran since the engine started: element i those
// of i+1 jobs.
func (e *Engine) Batches() (counts [MaxBatch]uint64) {
	for i := range counts {
		counts[i] = e.counts[i].Load()
	}
	return counts
}

// Waiting is the number of jobs that no worker has begun.
func (e *Engine) Waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.mu.queue)
}

// Bootstrap runs jobs and returns when all are done. If ctx ends first, it
// gives up those that no worker has begun, waits for the others and returns
// ctx's error; the destinations are then undefined.
func (e *Engine) Bootstrap(ctx context.Context, jobs []Job) error {
	if err := e.params.CheckDigits(); err != nil {
		return err
	}
	c := &call{done: make(chan struct{})}
	tasks := make([]task, len(jobs))
	for i := range jobs {
		var err error
		if tasks[i], err = e.task(&jobs[i], c); err != nil {
			return fmt.Errorf("bootstrap job %d: %w", i, err)
		}
	}
	if err := ctx.Err(); err != nil || len(jobs) == 0 {
		return err
	}
	c.left.Store(int64(len(jobs)))
	if err := e.enqueue(tasks); err != nil {
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

// task finds the key for j and checks j against it.
func (e *Engine) task(j *Job, c *call) (task, error) {
	key, err := e.key(j.Kind)
	if err != nil {
		return task{}, err
	}
	return task{j, key, c}, key.checkJob(j)
}

func (k *BootstrapKey) checkJob(j *Job) error {
	p := k.params
	switch {
	case j.Kind == Compute && len(j.Src) != p.BigDim()+1:
		return fmt.Errorf("source has %d words, want %d", len(j.Src), p.BigDim()+1)
	case j.Kind != Compute && len(j.Exponents) != len(k.bits)+1:
		return fmt.Errorf("%d exponents, want %d", len(j.Exponents), len(k.bits)+1)
	case j.LUT == nil || len(j.LUT.Poly) != p.PolySize:
		return fmt.Errorf("look-up table has not %d coefficients", p.PolySize)
	case len(j.Dst) < 1 || len(j.Dst) > j.LUT.Outputs:
		return fmt.Errorf("%d destinations for %d outputs", len(j.Dst), j.LUT.Outputs)
	}
	for i, dst := range j.Dst {
		if len(dst) != p.BigDim()+1 {
			return fmt.Errorf("destination %d has %d words, want %d", i, len(dst), p.BigDim()+1)
		}
	}
	return nil
}

func (e *Engine) enqueue(tasks []task) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.closed {
		return ErrClosed
	}
	e.mu.queue = append(e.mu.queue, tasks...)
	e.wake.Broadcast()
	return nil
}

// giveUp takes the waiting tasks of c out of the queue.
func (e *Engine) giveUp(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := len(e.mu.queue)
	e.mu.queue = slices.DeleteFunc(e.mu.queue, func(t task) bool { return t.call == c })
	if dropped := waiting - len(e.mu.queue); dropped > 0 {
		c.finish(dropped)
	}
}

// work is one worker: it runs shares of the queue until the engine closes and
// the queue is empty. Callers whose jobs a batch ended may have more to do: they go
// first, so that the next batch is not the first one's alone.
func (e *Engine) work() {
	b := newBatch(e.params)
	for e.take(b) {
		b.run(e.keySwitch)
		e.counts[len(b.tasks)-1].Add(1)
		for _, t := range b.tasks {
			t.call.finish(1)
		}
		clear(b.tasks)
		runtime.Gosched()
	}
}

// take waits for tasks and moves an even share of them, one for each idle
// worker, to b: the first that waits and others under the same key. If then none
// wait, idle workers' time is b's too, for its key switch. It returns false when
// the engine is closed and drained.
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
	b.tasks = b.tasks[:0]
	e.mu.queue = slices.DeleteFunc(e.mu.queue, func(t task) bool {
		taken := len(b.tasks) < share && (len(b.tasks) == 0 || t.key == b.tasks[0].key)
		if taken {
			b.tasks = append(b.tasks, t)
		}
		return taken
	})
	b.workers = 1
	if len(e.mu.queue) == 0 {
		b.workers += e.mu.idle
	}
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
