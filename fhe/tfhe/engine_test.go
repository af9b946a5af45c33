package tfhe

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"fhevm/accel/vec"
)

// Results must not depend on how jobs are batched, who else is in the queue,
// or whether a destination is the source.
func TestBatchingIndependence(t *testing.T) {
	k := keys()
	const n = 6
	together := knownJobs(n)
	k.bootstrap(t, together)
	want := digestOf(together)

	t.Run("one by one", func(t *testing.T) {
		jobs := knownJobs(n)
		for i := range jobs {
			k.bootstrap(t, jobs[i:i+1])
		}
		if digestOf(jobs) != want {
			t.Error("results differ from those of one batch")
		}
	})
	t.Run("concurrent and in place", func(t *testing.T) {
		jobs := knownJobs(n)
		var wg sync.WaitGroup
		for i := range jobs {
			wg.Go(func() {
				jobs[i].Dst[0] = jobs[i].Src
				k.bootstrap(t, jobs[i:i+1])
			})
		}
		wg.Wait()
		if digestOf(jobs) != want {
			t.Error("results differ from those of one batch")
		}
	})
}

// An engine refuses sets whose digits package vec does not multiply exactly. Bits
// of digits are enough exactly where the digits' bound is vec's.
func TestUnsupportedDigits(t *testing.T) {
	if bound := 1 << (maxDigitBits - 1); bound != vec.MaxCoefficient {
		t.Errorf("digits of %d bits reach %d, vec allows %d", maxDigitBits, bound, vec.MaxCoefficient)
	}
	for name, spoil := range map[string]func(p *Params){
		"key switch base":   func(p *Params) { p.KeySwitchBaseLog, p.KeySwitchLevel = 4, 4 },
		"packing base":      func(p *Params) { p.PackBaseLog = 3 },
		"no bits":           func(p *Params) { p.KeySwitchBaseLog = 0 },
		"key switch levels": func(p *Params) { p.KeySwitchLevel = 6 },
	} {
		p := Default
		spoil(&p)
		e := &Engine{params: &p, keys: keys().engine.keys}
		if err := e.Bootstrap(t.Context(), knownJobs(1)); err == nil {
			t.Errorf("%s: bootstrapped", name)
		}
		if _, err := e.Pack([]LWE{Default.NewLWE()}); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
}

func TestBootstrapCounts(t *testing.T) {
	k := keys()
	before := k.engine.Bootstraps()
	k.bootstrap(t, knownJobs(3))
	k.bootstrap(t, nil)
	if got := k.engine.Bootstraps() - before; got != 3 {
		t.Errorf("counted %d bootstraps, want 3", got)
	}
}

func TestBadJobs(t *testing.T) {
	k := keys()
	good := knownJobs(1)[0]
	for name, spoil := range map[string]func(j *Job){
		"unknown kind":        func(j *Job) { j.Kind = kinds },
		"kind without a key":  func(j *Job) { *j = Job{Kind: Unpack, Exponents: make([]uint32, 1025), LUT: j.LUT, Dst: j.Dst} },
		"exponents alone":     func(j *Job) { j.Exponents, j.Src = make([]uint32, Default.LWEDim+1), nil },
		"short source":        func(j *Job) { j.Src = j.Src[1:] },
		"no table":            func(j *Job) { j.LUT = nil },
		"short table":         func(j *Job) { j.LUT = &LUT{Poly: j.LUT.Poly[1:], Outputs: 1} },
		"no output":           func(j *Job) { j.LUT = &LUT{Poly: j.LUT.Poly}; j.Dst = nil },
		"missing destination": func(j *Job) { j.Dst = nil },
		"second destination":  func(j *Job) { j.Dst = []LWE{j.Dst[0], j.Dst[0]} },
		"short destination":   func(j *Job) { j.Dst = []LWE{j.Dst[0][1:]} },
	} {
		j := good
		spoil(&j)
		if err := k.engine.Bootstrap(t.Context(), []Job{good, j}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestBatchesRefill: callers that bootstrap one job after the other come together in
// batches, and stay so.
func TestBatchesRefill(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	k := keys().engine
	e := &Engine{params: k.params, keySwitch: k.keySwitch, keys: k.keys}
	e.start(1)
	defer e.Close()
	const callers, layers = 4, 8
	var all sync.WaitGroup
	for range callers {
		jobs := knownJobs(layers)
		all.Go(func() {
			for i := range jobs {
				if err := e.Bootstrap(t.Context(), jobs[i:i+1]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	batches := uint64(0)
	for _, n := range e.Batches() {
		batches += n
	}
	if batches > 2*layers {
		t.Errorf("%d batches for %d jobs of each of %d callers", batches, layers, callers)
	}
}

// idleEngine has a queue and no workers.
func idleEngine() *Engine {
	e := &Engine{params: &Default}
	e.Provide(Compute, func() (*BootstrapKey, error) { return &BootstrapKey{params: &Default}, nil })
	e.start(0)
	return e
}

func TestCancelGivesUpWaitingJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := idleEngine()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		go func() { results <- e.Bootstrap(ctx, knownJobs(3)) }()
		synctest.Wait()
		other := &call{done: make(chan struct{})}
		other.left.Store(1)
		if err := e.enqueue([]task{{call: other}}); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled Bootstrap returned %v", err)
		}
		if len(e.mu.queue) != 1 || e.mu.queue[0].call != other {
			t.Errorf("queue holds %d tasks, want the other call's", len(e.mu.queue))
		}
	})
}

// A worker takes an even share of the queue, at most MaxBatch.
func TestShares(t *testing.T) {
	for _, c := range []struct{ queued, idleOthers, want int }{
		{1, 0, 1}, {1, 7, 1}, {5, 1, 3}, {20, 1, 10}, {40, 1, 16}, {100, 0, 16}, {16, 0, 16},
	} {
		e := idleEngine()
		if err := e.enqueue(make([]task, c.queued)); err != nil {
			t.Fatal(err)
		}
		e.mu.idle = c.idleOthers
		b := &batch{}
		if !e.take(b) || len(b.tasks) != c.want || len(e.mu.queue) != c.queued-c.want {
			t.Errorf("%d queued, %d other idle workers: took %d, want %d", c.queued, c.idleOthers, len(b.tasks), c.want)
		}
	}
}

// A worker takes tasks of one key, in their order, and leaves others in theirs.
func TestBatchesHaveOneKey(t *testing.T) {
	a, b := new(BootstrapKey), new(BootstrapKey)
	jobs := make([]Job, 6)
	e := idleEngine()
	var queue []task
	for i, k := range []*BootstrapKey{b, a, b, a, a, b} {
		queue = append(queue, task{job: &jobs[i], key: k})
	}
	if err := e.enqueue(queue); err != nil {
		t.Fatal(err)
	}
	batch := &batch{}
	for _, want := range [][]int{{0, 2, 5}, {1, 3, 4}} {
		e.take(batch)
		var got []int
		for _, taken := range batch.tasks {
			got = append(got, slices.IndexFunc(queue, func(q task) bool { return q.job == taken.job }))
		}
		if !slices.Equal(got, want) {
			t.Errorf("a batch has tasks %d, want %d", got, want)
		}
	}
}

// A key is loaded for the first job that needs it, and once. An error is not
// kept: the next job tries again.
func TestProvide(t *testing.T) {
	k := keys()
	e := &Engine{params: &Default, keySwitch: k.engine.keySwitch, keys: k.engine.keys}
	e.start(1)
	defer e.Close()
	bootstrap, _ := k.engine.key(Compute)
	loads, broken := 0, errors.New("broken")
	e.Provide(Unpack, func() (*BootstrapKey, error) {
		if loads++; loads < 3 {
			return nil, broken
		}
		return bootstrap, nil
	})
	for want := 1; want < 3; want++ {
		err := e.Bootstrap(t.Context(), []Job{{Kind: Unpack}})
		if !errors.Is(err, broken) || !errors.Is(err, ErrKey) || loads != want {
			t.Errorf("error %v after %d loads, want %d", err, loads, want)
		}
	}
	want := knownJobs(2)
	k.bootstrap(t, want)
	got := knownJobs(2)
	for i := range got {
		got[i].Kind, got[i].Exponents = Unpack, k.exponents(got[i].Src)
	}
	if err := e.Bootstrap(t.Context(), got); err != nil || digestOf(got) != digestOf(want) {
		t.Errorf("exponents give other results than their ciphertexts: %v", err)
	}
	if loads != 3 {
		t.Errorf("%d loads, want 3", loads)
	}
	if err := e.Bootstrap(t.Context(), []Job{{Kind: Random}}); !errors.Is(err, ErrKey) {
		t.Errorf("a job of a kind without a key: %v", err)
	}
}

// exponents switches key and modulus of c.
func (k *testKeys) exponents(c LWE) []uint32 {
	out := make([]uint32, Default.LWEDim+1)
	k.engine.keySwitch.KeySwitch([][]uint32{out}, []LWE{c}, Default.NewDigits(1))
	Default.ModSwitch(out, out)
	return out
}

func TestClosedEngine(t *testing.T) {
	k := keys()
	e := &Engine{params: &Default, keySwitch: k.engine.keySwitch, keys: k.engine.keys}
	e.start(1)
	jobs := knownJobs(1)
	if err := e.Bootstrap(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Bootstrap(t.Context(), jobs); !errors.Is(err, ErrClosed) {
		t.Errorf("closed engine returned %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.engine.Bootstrap(ended, jobs); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context gave %v", err)
	}
}

func BenchmarkBootstrap(b *testing.B) {
	k := keys()
	for _, n := range []int{1, 16, 32} {
		jobs := knownJobs(n)
		b.Run(map[int]string{1: "1", 16: "16", 32: "32"}[n], func(b *testing.B) {
			for b.Loop() {
				if err := k.engine.Bootstrap(b.Context(), jobs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "bootstraps/s")
		})
	}
}
