package cluster

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestPrograms runs random programs on clusters of several sizes, where the leader
// computes too and where it does not.
func TestPrograms(t *testing.T) {
	for seed := range uint64(6) {
		log := program(seed)
		want := alone(t, log)
		s := startServer(t)
		only := seed%2 == 0
		h := lead(t, s.URL(), vfs.NewMem(), func(c *coprocessor.Config) { c.ClusterOnly, c.CrossCheck = only, 0.5 })
		var hands []*hand
		for range 1 + seed%3 {
			hands = append(hands, work(t, s.URL(), newEvaluator()))
		}
		h.feed(t, log.Blocks...)
		h.drain(t)
		h.check(t, log, want)
		h.stop()
		tasks := uint64(0)
		for _, w := range hands {
			w.stop(t)
			tasks += w.Done()
		}
		if only && tasks < 5 {
			t.Errorf("seed %d: the workers did %d tasks", seed, tasks)
		}
	}
}

// TestWorkersComeAndGo kills a worker in the middle of every task that it takes,
// and has another come each time.
func TestWorkersComeAndGo(t *testing.T) {
	log := program(100)
	want := alone(t, log)
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	h.feed(t, log.Blocks...)
	for range 4 {
		caught := make(chan struct{})
		w := work(t, s.URL(), &trap{Evaluator: newEvaluator(), caught: caught})
		receive(t, caught)
		w.kill()
	}
	work(t, s.URL(), newEvaluator())
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}

// trap never ends its second evaluation.
type trap struct {
	coprocessor.Evaluator
	n      atomic.Int32
	caught chan struct{}
}

func (e *trap) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	if n := e.n.Add(1); n >= 2 {
		if n == 2 {
			close(e.caught)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return e.Evaluator.Eval(ctx, op, t, operands...)
}

// slow takes longer than a delivery lasts.
type slow struct {
	coprocessor.Evaluator
	gate chan struct{}
	seen chan struct{}
	once sync.Once
}

func (e *slow) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	e.once.Do(func() { close(e.seen) })
	select {
	case <-e.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return e.Evaluator.Eval(ctx, op, t, operands...)
}

// single writes a log of one transaction on an input, and returns what it wants.
func single(want ...int) (*logtest.Log, []fhe.Handle) {
	l := logtest.New()
	list := plaintest.List([]fhe.Type{fhe.Uint8, fhe.Uint8}, []uint64{7, 9})
	in := l.Input(list, 7, 9)
	sum := l.Operation(fhe.Add, fhe.Uint8, false, 0, in[0], in[1])
	product := l.Operation(fhe.Mul, fhe.Uint8, false, 0, sum, in[1])
	l.Transaction()
	after := l.Operation(fhe.Neg, fhe.Uint8, false, 0, product)
	l.Want(product, after)
	l.Seal(0)
	return l, []fhe.Handle{sum, product, after}
}

// TestSlowWorker has a task last much longer than a delivery: nobody else gets it. A
// machine that halts for as long as a delivery lasts makes a worker look dead, so that
// deliveries last longer and longer here until nothing of the kind happens.
func TestSlowWorker(t *testing.T) {
	timing := quick
	for ; deliversTwice(t, timing); timing.Ack *= 5 {
		if timing.Ack > 3*time.Second {
			t.Fatal("a task that is being computed was delivered again")
		}
	}
}

func deliversTwice(t *testing.T, timing Timing) bool {
	log, _ := single()
	want := alone(t, log)
	s := startServer(t)
	h := leadWith(t, s.URL(), vfs.NewMem(), nil, timing)
	timed := func(c *WorkerConfig) { c.Timing = timing }
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	w := work(t, s.URL(), e, timed)
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	// A worker beside it is asked ten times for as long as a delivery lasts.
	other := work(t, s.URL(), newEvaluator(), timed)
	until(t, h, func() bool { return h.leader.Workers() == 2 })
	twice := false
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), timing.Ack)
		_, err := other.next(ctx)
		cancel()
		twice = twice || err == nil
	}
	twice = twice || other.Done() > 0
	close(e.gate)
	h.drain(t)
	h.check(t, log, want)
	if w.Done() == 0 && !twice {
		t.Error("the slow worker's work was not taken")
	}
	h.stop()
	return twice
}

// until waits for a condition that other goroutines bring about.
func until(t testing.TB, h *head, met func() bool) {
	t.Helper()
	ctx := within(t)
	for !met() {
		if !sleep(ctx, quick.Announce/10) {
			t.Fatalf("never: %+v", h.Stats())
		}
	}
}

// liar computes the negation wrongly.
type liar struct{ coprocessor.Evaluator }

func (e liar) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	if op == fhe.Mul {
		op = fhe.Add
	}
	return e.Evaluator.Eval(ctx, op, t, operands...)
}

// TestLie checks every task: a worker that lies is found out, by the leader or by
// another worker, and what it lied about fails, with all that needs it.
func TestLie(t *testing.T) {
	for _, only := range []bool{false, true} {
		log, h3 := single()
		s := startServer(t)
		h := lead(t, s.URL(), vfs.NewMem(), func(c *coprocessor.Config) { c.ClusterOnly, c.CrossCheck = only, 1 })
		lying := work(t, s.URL(), liar{newEvaluator()})
		names := []string{lying.name, "this node"}
		if only {
			names[1] = work(t, s.URL(), newEvaluator()).name
			until(t, h, func() bool { return h.leader.Workers() == 2 })
		}
		until(t, h, func() bool { return h.leader.Workers() > 0 })
		h.feed(t, log.Blocks...)
		h.drain(t)
		for i, handle := range h3[1:] {
			st, err := h.Status(handle)
			if err != nil || st.State != coprocessor.Failed || !strings.Contains(st.Failure.Reason, names[0]) || !strings.Contains(st.Failure.Reason, names[1]) ||
				strings.Count(st.Failure.Reason, "digest 0x") != 2 {
				t.Errorf("handle %d: %+v %v, %v", i, st, st.Failure, err)
			}
		}
		if n := h.Stats().Disagreements; n != 1 {
			t.Errorf("%d disagreements, want 1", n)
		}
		h.stop()
	}
}

// broken has no key.
type broken struct{ coprocessor.Evaluator }

func (broken) Eval(context.Context, fhe.Op, fhe.Type, ...radix.Operand) ([]*radix.Ciphertext, error) {
	return nil, tfhe.ErrKey
}

// TestMachineFault has a worker without its key return what it took, and stop.
func TestMachineFault(t *testing.T) {
	log, _ := single()
	want := alone(t, log)
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	w := work(t, s.URL(), broken{newEvaluator()})
	h.feed(t, log.Blocks...)
	if err := receive(t, w.ran); !errors.Is(err, tfhe.ErrKey) {
		t.Errorf("the worker ended with %v", err)
	}
	work(t, s.URL(), newEvaluator())
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}

// refusing fails at one operation.
type refusing struct{ coprocessor.Evaluator }

func (e refusing) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	if op == fhe.Mul {
		return nil, errors.New("unlucky number")
	}
	return e.Evaluator.Eval(ctx, op, t, operands...)
}

// TestFailure records a failure of the computation as if it had been computed here.
func TestFailure(t *testing.T) {
	log, handles := single()
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	work(t, s.URL(), refusing{newEvaluator()})
	h.feed(t, log.Blocks...)
	h.drain(t)
	for _, handle := range handles[1:] {
		st, err := h.Status(handle)
		if err != nil || st.State != coprocessor.Failed || st.Failure.Reason != "unlucky number" || st.Failure.Handle != handles[1] {
			t.Errorf("%+v %v, %v", st, st.Failure, err)
		}
	}
	h.stop()
}

// TestStop ends a worker in the middle of a task: the task is another's at once.
func TestStop(t *testing.T) {
	log, _ := single()
	want := alone(t, log)
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	w := work(t, s.URL(), e)
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	w.stop(t)
	work(t, s.URL(), newEvaluator())
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}

// TestForeignTask sends a worker a task of another chain.
func TestForeignTask(t *testing.T) {
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	w := work(t, s.URL(), newEvaluator(), func(c *WorkerConfig) { c.Tasks = 1 })
	other := logtest.Domain
	other.ChainID++
	log, _ := single()
	want := alone(t, log)
	enc, err := (&errand{Task: &coprocessor.Task{Domain: other}}).encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.leader.js.Publish(within(t), subject(logtest.Domain, "tasks"), enc); err != nil {
		t.Fatal(err)
	}
	h.feed(t, log.Blocks...)
	h.drain(t)
	h.check(t, log, want)
	if info, err := h.leader.stream.Info(within(t)); err != nil || info.State.Msgs != 0 {
		until(t, h, func() bool { info, err := h.leader.stream.Info(t.Context()); return err == nil && info.State.Msgs == 0 })
	}
	h.stop()
	w.stop(t)
}
