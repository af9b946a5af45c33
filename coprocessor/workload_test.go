package coprocessor

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// handClock is a clock that a test moves.
type handClock struct{ nanoseconds atomic.Int64 }

func (c *handClock) now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *handClock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// TestRate: the rate is that of a full machine, and follows it when it changes.
func TestRate(t *testing.T) {
	clock := new(handClock)
	w := &workload{now: clock.now}
	check := func(when string, queued int64, rate float64, delay time.Duration) {
		t.Helper()
		q, r, d := w.estimate()
		if q != queued || math.Abs(r-rate) > rate/100 || (d-delay).Abs() > delay/50 {
			t.Errorf("%s: %d queued, %.1f a second, %v; want %d, %.1f, %v", when, q, r, d, queued, rate, delay)
		}
	}
	w.add(100)
	clock.advance(time.Hour)
	w.finish(100)
	check("a small job says nothing", 0, 0, 0)
	w.add(1_000_000)
	check("before a second of work", 1_000_000, 0, 0)
	spend := func(seconds, perSecond int64) {
		for range seconds {
			clock.advance(time.Second)
			w.finish(perSecond)
		}
	}
	spend(60, 1000)
	check("full", 940_000, 1000, 940*time.Second)
	w.add(-440_000)
	check("after a failure took its consumers along", 500_000, 1000, 500*time.Second)
	spend(300, 100)
	check("slower", 470_000, 100, 4700*time.Second)
	w.add(-470_000)
	clock.advance(time.Hour)
	check("idle", 0, 100, 0)
}

// TestStuck: a machine that does nothing has the longest delay, not none.
func TestStuck(t *testing.T) {
	clock := new(handClock)
	w := &workload{now: clock.now}
	w.add(1 << 60)
	clock.advance(time.Minute)
	if _, _, delay := w.estimate(); delay != longestDelay {
		t.Errorf("delay %v", delay)
	}
}

// TestProgress: whatever a computation really takes, its estimate leaves the queue.
func TestProgress(t *testing.T) {
	w := &workload{now: new(handClock).now}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		p := w.begin(r.Int64N(1000))
		for range r.IntN(4) {
			p.add(r.IntN(500))
		}
		p.end(r.IntN(2) == 0)
		if queued, _, _ := w.estimate(); queued != 0 {
			t.Fatalf("%d bootstraps are queued for nothing", queued)
		}
	}
}

// TestAbandon: what a Run leaves undone is not queued when it has ended, and is
// again when the next one begins.
func TestAbandon(t *testing.T) {
	e := &flooded{Evaluator: newPlainEvaluator(), begun: make(chan struct{}), finish: make(chan struct{})}
	c := prepare(t, vfs.NewMem(), e)
	l := logtest.New()
	x := l.Trivial(fhe.Uint32, 1)
	l.Want(l.Operation(fhe.Mul, fhe.Uint32, false, 0, x, x))
	if err := c.Append(l.Seal(0)); err != nil {
		t.Fatal(err)
	}
	one := int64(fhe.Form{Op: fhe.Mul, Type: fhe.Uint32}.Cost().Bootstraps)
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- c.Run(ctx) }()
		<-e.begun
		if s := c.Stats(); s.QueuedBootstraps != one {
			t.Errorf("%d bootstraps are queued, want %d", s.QueuedBootstraps, one)
		}
		stop()
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
		if s := c.Stats(); s.QueuedBootstraps != 0 || s.Memory != 0 {
			t.Errorf("after Run %+v", s)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCache: the bytes of what is kept stay under the limit.
func TestCache(t *testing.T) {
	const limit = 100 * blockSize
	c := newCache(limit, sizeOf)
	id := func(i int) store.ID { return store.ID{byte(i)} }
	for i, blocks := range []int{40, 40, 20, 101, 60, 60} {
		c.add(id(i), &radix.Ciphertext{Blocks: make([]tfhe.LWE, blocks)})
		if c.size() > limit {
			t.Fatalf("%d bytes are kept, limit %d", c.size(), limit)
		}
	}
	if _, kept := c.get(id(3)); kept {
		t.Error("a value larger than the cache is kept")
	}
	if _, kept := c.get(id(5)); !kept || c.size() != 60*blockSize {
		t.Errorf("the last value is kept: %v; %d bytes", kept, c.size())
	}
	c.add(id(5), &radix.Ciphertext{Blocks: make([]tfhe.LWE, 30)})
	if c.size() != 30*blockSize {
		t.Errorf("a value that came twice counts %d bytes", c.size())
	}
}

// layers is a bootstrapper that looks at the widest layer only.
type layers struct{ widest int }

func (l *layers) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	width := 0
	for _, j := range jobs {
		width += 1 + len(j.Dst)
	}
	l.widest = max(l.widest, width)
	return nil
}

// TestHeldBlocks compares the estimates of memory with the circuits.
func TestHeldBlocks(t *testing.T) {
	small := tfhe.Params{GLWEDim: 1, PolySize: 2 * tfhe.PlaintextModulus} // all that circuits depend on
	r := rand.New(rand.NewPCG(3, 4))
	for _, f := range fhe.Forms() {
		row, _ := f.Op.Operator()
		product := f.Op == fhe.Mul || f.Op == fhe.TryMul
		switch {
		case f.Clear != 0, row.Shape == fhe.Draw, row.Shape == fhe.Table:
			continue
		case f.Type != fhe.Uint8 && f.Type != fhe.Uint64 && !(product && f.Type == fhe.Uint256):
			continue
		}
		d := fhe.Derivation{Op: f.Op, Type: f.Type}
		var l layers
		var operands []radix.Operand
		in := 0
		for _, typ := range row.Signature(f.Type, int(f.Count)) {
			if row.Shape == fhe.Convert {
				typ = f.From
			}
			ct := &radix.Ciphertext{Type: typ}
			for range typ.Blocks() {
				b := small.NewLWE()
				b[0] = r.Uint64() | 1
				ct.Blocks = append(ct.Blocks, b)
			}
			in += len(ct.Blocks)
			operands = append(operands, radix.Encrypted(ct))
			d.Operands = append(d.Operands, fhe.Operand{Kind: fhe.Stored, Word: fhe.NewHandle(fhe.Digest{}, fhe.Computed, 1, typ, 0)})
		}
		if _, err := radix.NewEvaluator(small, &l).Eval(t.Context(), f.Op, f.Type, operands...); err != nil {
			t.Fatal(f, err)
		}
		if held := heldBlocks(&d); held < int64(in+l.widest) {
			t.Errorf("%s holds %d blocks, estimated are %d", f, in+l.widest, held)
		}
	}
}

// flooded is an evaluator whose products end when the test says so.
type flooded struct {
	Evaluator
	running, most atomic.Int64
	begun, finish chan struct{}
}

func (f *flooded) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	if op != fhe.Mul {
		return f.Evaluator.Eval(ctx, op, t, operands...)
	}
	n := f.running.Add(1)
	defer f.running.Add(-1)
	for most := f.most.Load(); n > most && !f.most.CompareAndSwap(most, n); most = f.most.Load() {
	}
	f.begun <- struct{}{}
	select {
	case <-f.finish:
		return []*radix.Ciphertext{operands[0].Encrypted}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestFlood orders more than fits into memory from a slow machine: evaluations
// in flight and values at hand stay in their bounds, the delay shows what waits,
// and all of it is done in the end.
func TestFlood(t *testing.T) {
	const products = 100
	clock := new(handClock)
	e := &flooded{Evaluator: newPlainEvaluator(), begun: make(chan struct{}), finish: make(chan struct{})}
	m := start(t, vfs.NewMem(), e, func(c *Config) { c.Memory, c.Now = minMemory, clock.now })
	defer m.stop(t)
	l := logtest.New()
	var wanted []fhe.Handle
	for i := range uint64(products) {
		x := l.Trivial(fhe.Uint32, i)
		wanted = append(wanted, l.Operation(fhe.Mul, fhe.Uint32, false, 0, x, x))
	}
	l.Want(wanted...)
	m.feed(t, l.Seal(0))
	one := fhe.Form{Op: fhe.Mul, Type: fhe.Uint32}.Cost().Bootstraps
	fits := minMemory / (704 * blockSize) // see heldBlocks
	for range fits {
		<-e.begun
	}
	clock.advance(time.Minute)
	s := m.Stats()
	if s.QueuedBootstraps != int64(products*one) || s.Delay < time.Hour {
		t.Errorf("nothing is done, and %d bootstraps are queued for %v; want %d", s.QueuedBootstraps, s.Delay, products*one)
	}
	for range products - fits {
		e.finish <- struct{}{}
		clock.advance(time.Second)
		<-e.begun
		if s := m.Stats(); s.Memory > minMemory {
			t.Fatalf("%d bytes are in flight in %d evaluations", s.Memory, s.Running)
		}
	}
	close(e.finish)
	m.drain(t)
	if most := e.most.Load(); most != int64(fits) {
		t.Errorf("%d evaluations ran at a time, want %d", most, fits)
	}
	for _, h := range wanted {
		if _, err := m.Ciphertext(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	s = m.Stats()
	if s.QueuedBootstraps != 0 || s.Delay != 0 || s.Rate == 0 || s.Cached == 0 || s.Cached > minMemory/cacheShare {
		t.Errorf("in the end %+v", s)
	}
}
