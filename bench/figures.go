package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"fhevm/node/network"
)

// figure is one row that can be measured at any time.
type figure struct {
	name, unit string
	target     float64 // what is promised of the value; 0: nothing
	measure    measurement
}

// engine measures the chosen figures of the engine. Those that fail do not keep
// the others from being measured.
func (o *options) engine(ctx context.Context, f network.Folder, r *recorder) error {
	m, err := newMachine(f)
	if err != nil {
		return err
	}
	defer m.engine.Close()
	var failed []error
	for _, fig := range m.figures() {
		if !o.only.has(fig.name) {
			continue
		}
		value, err := fig.measure(ctx)
		if err == nil {
			err = r.add(fig.name, value, fig.unit, fig.target)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", fig.name, err))
		}
	}
	return errors.Join(failed...)
}

// figures lists all rows of the engine.
func (m *machine) figures() []figure {
	list := append(m.memoryFigures(), m.blockFigures()...)
	for _, o := range operations {
		w := &workload{machine: m, operation: o}
		list = append(list,
			figure{o.name + " latency", "ms", 0, w.latency},
			figure{o.name + " throughput", "op/s", 0, w.throughput})
	}
	return list
}

// workload is an operation with its operands.
type workload struct {
	*machine
	operation
	run        func() error
	bootstraps uint64 // of one run; 0 until counted
}

// prepare makes the operands, and counts the bootstraps of a first run.
func (w *workload) prepare(ctx context.Context) (err error) {
	if w.run != nil {
		return nil
	}
	if w.run, err = w.machine.prepare(ctx, w.operation); err != nil {
		return err
	}
	before := w.engine.Bootstraps()
	err = w.run()
	w.bootstraps = w.engine.Bootstraps() - before
	return err
}

// sample is how long short operations are repeated.
const sample = 300 * time.Millisecond

// latency is the time of one lone run on all cores, in milliseconds.
func (w *workload) latency(ctx context.Context) (float64, error) {
	if err := w.prepare(ctx); err != nil {
		return 0, err
	}
	return repeat(w.run)
}

// repeat is the median time of runs of f, in milliseconds.
func repeat(f func() error) (float64, error) {
	var times []time.Duration
	for start := time.Now(); len(times) == 0 || time.Since(start) < sample; {
		lap := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(lap))
	}
	return ms(median(times)), nil
}

// median sorts list.
func median[T cmp.Ordered](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

// throughput is how many runs end in a second while many run at a time: 4096
// bootstraps' worth, but between 2 and 32.
func (w *workload) throughput(ctx context.Context) (float64, error) {
	if err := w.prepare(ctx); err != nil {
		return 0, err
	}
	n := min(max(4096/int(max(w.bootstraps, 1)), 2), 32)
	var all sync.WaitGroup
	errs := make([]error, n)
	start := time.Now()
	for i := range n {
		all.Go(func() { errs[i] = w.run() })
	}
	all.Wait()
	return float64(n) / time.Since(start).Seconds(), cmp.Or(errs...)
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
