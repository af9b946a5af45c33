package coprocessor

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// saturating is the work, in bootstraps, under which a machine is not known to
	// be full: a few operations that wait for each other say nothing about its rate.
	saturating = 2048
	// memoryOfRate is how far back the rate of a full machine looks, as the time
	// constant of an exponential mean.
	memoryOfRate = 30 * time.Second
	// leastMeasured is for how long a machine is full before its rate is known. A
	// worker that has just come counts a task when it is done, seconds later.
	leastMeasured = 15 * time.Second
	// longestDelay stands for every longer one.
	longestDelay = 365 * 24 * time.Hour
)

// workload is what loaded computations take, in bootstraps of the cost table, and
// how fast the machine does it. Both sides of the quotient being estimates of the
// same kind, their bias cancels out.
type workload struct {
	now func() time.Time

	mu     sync.Mutex
	queued int64   // not done
	done   float64 // while the machine was full, fading
	full   float64 // seconds for which it was, fading alike
	at     time.Time
}

// advance accounts for the time since the last change. The caller holds mu.
func (w *workload) advance() {
	now := w.now()
	if w.queued >= saturating && now.After(w.at) {
		elapsed := now.Sub(w.at).Seconds()
		fade := math.Exp(-elapsed / memoryOfRate.Seconds())
		w.done, w.full = w.done*fade, w.full*fade+elapsed
	}
	w.at = now
}

// add queues n bootstraps; a negative n withdraws them undone.
func (w *workload) add(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	w.queued += n
}

// finish counts n queued bootstraps as done.
func (w *workload) finish(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if w.queued >= saturating {
		w.done += float64(n)
	}
	w.queued -= n
}

// estimate returns the queued bootstraps, the rate of a full machine per second,
// 0 while it is unknown, and for how long the queue lasts at that rate.
func (w *workload) estimate() (queued int64, rate float64, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if w.full < leastMeasured.Seconds() {
		return w.queued, 0, 0
	}
	rate = max(w.done, 1) / w.full // a machine that does nothing is not of unknown rate
	seconds := min(float64(w.queued)/rate, longestDelay.Seconds())
	return w.queued, rate, time.Duration(seconds * float64(time.Second))
}

// progress is how far one computation is.
type progress struct {
	workload   *workload
	left       atomic.Int64
	bootstraps atomic.Uint64
}

// begin queues a computation of an estimated cost.
func (w *workload) begin(cost int64) *progress {
	p := &progress{workload: w}
	p.left.Store(cost)
	w.add(cost)
	return p
}

// add counts n bootstraps that ran, as far as the estimate goes.
func (p *progress) add(n int) {
	p.bootstraps.Add(uint64(n))
	for {
		left := p.left.Load()
		taken := min(left, int64(n))
		if p.left.CompareAndSwap(left, left-taken) {
			p.workload.finish(taken)
			return
		}
	}
}

// end takes what the estimate had too much out of the queue: as done if the
// computation succeeded, here or elsewhere.
func (p *progress) end(succeeded bool) {
	left := p.left.Swap(0)
	if succeeded {
		p.workload.finish(left)
	} else {
		p.workload.add(-left)
	}
}
