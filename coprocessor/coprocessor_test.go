package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

func TestValidate(t *testing.T) {
	_, err := Open(Config{Domain: fhe.Domain{Version: 9}, Workers: -1})
	for _, want := range []string{"protocol version is 9", "store directory is missing", "evaluator is missing", "-1 workers"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

// TestWait covers every state of a handle.
func TestWait(t *testing.T) {
	gate := make(chan struct{})
	e := newSpy(newPlainEvaluator())
	m := start(t, vfs.NewMem(), gated{e, gate})
	l := logtest.New()
	wanted, dead := l.Trivial(fhe.Uint8, 1), l.Trivial(fhe.Uint8, 2)
	l.Want(wanted)
	if err := m.Wait(t.Context(), wanted); !errors.Is(err, ErrUnknown) {
		t.Errorf("before the block: %v", err)
	}
	m.feed(t, l.Seal(0))
	if err := m.Wait(t.Context(), dead); !errors.Is(err, ErrUnwanted) {
		t.Errorf("of a value nobody wants: %v", err)
	}
	if _, err := m.Ciphertext(t.Context(), wanted); !errors.Is(err, ErrPending) {
		t.Errorf("before it is computed: %v", err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Wait(impatient, wanted); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context at its end: %v", err)
	}
	if err := m.Drain(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context at its end: %v", err)
	}
	waiting := make(chan error)
	for range 5 {
		go func() { waiting <- m.Wait(t.Context(), wanted) }()
	}
	close(gate)
	for range 5 {
		if err := <-waiting; err != nil {
			t.Error(err)
		}
	}
	status, err := m.Status(dead)
	if err != nil || fmt.Sprintf("%s %s %d", status.State, status.Kind, status.Block) != "unwanted trivialEncrypt 1" {
		t.Errorf("status %+v, %v", status, err)
	}
	m.stop(t)
}

// gated evaluates when its gate is open.
type gated struct {
	*spy
	gate chan struct{}
}

func (g gated) Eval(ctx context.Context, op fhe.Op, typ fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	select {
	case <-g.gate:
		return g.spy.Eval(ctx, op, typ, operands...)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestClose ends a coprocessor in the middle of everything: calls return, and
// nothing unfinished is recorded.
func TestClose(t *testing.T) {
	disk := vfs.NewMem()
	never := make(chan struct{})
	m := start(t, disk, gated{newSpy(newPlainEvaluator()), never}, func(c *Config) { c.Squasher = &hashSquasher{gate: never} })
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 1)
	l.Want(x)
	m.feed(t, l.Seal(0))
	if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Errorf("second Run: %v", err)
	}
	var calls sync.WaitGroup
	for _, call := range []func() error{
		func() error { return m.Wait(t.Context(), x) },
		func() error { return m.Drain(t.Context()) },
		func() error { _, err := m.Squashed(t.Context(), x); return err },
	} {
		calls.Go(func() {
			if err := call(); !errors.Is(err, ErrClosed) {
				t.Errorf("a call during Close returned %v", err)
			}
		})
	}
	m.stop(t)
	calls.Wait()
	for _, err := range []error{m.Close(), m.Append(fhe.Batch{}), m.Revert(0), m.Run(t.Context()), m.Wait(t.Context(), x)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("a call after Close returned %v", err)
		}
	}
	m = start(t, disk, newPlainEvaluator())
	if err := m.Wait(t.Context(), x); err != nil {
		t.Error(err)
	}
	m.stop(t)
}

// TestRunEnds stops Run by its context and runs again.
func TestRunEnds(t *testing.T) {
	log := program(80)
	c, err := Open(Config{Domain: logtest.Domain, Dir: "db", FS: vfs.NewMem(), Evaluator: newPlainEvaluator(), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range log.Blocks {
		if err := c.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	stats := c.Stats()
	if stats.Missing == 0 || stats.Done != 0 {
		t.Fatalf("before Run: %+v", stats)
	}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- c.Run(ctx) }()
		cancel()
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
	}
	m := run(c)
	m.drain(t)
	checkPlaintexts(t, m, log, m.digests(t, log.Blocks))
	m.stop(t)
}

// TestOldestFirst loads a long chain wanted by an early block and many single
// operations wanted by a late one: the chain goes first whenever it can.
func TestOldestFirst(t *testing.T) {
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 1)
	for range 5 {
		x = l.Operation(fhe.Neg, fhe.Uint8, false, 0, x)
	}
	l.Want(x)
	first := l.Seal(0)
	for v := range uint64(20) {
		l.Want(l.Trivial(fhe.Uint8, v+2))
	}
	s, err := store.Open(vfs.NewMem(), "db", logtest.Domain, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	second := l.Seal(0)
	for _, b := range []*fhe.Batch{&first, &second} {
		if err := s.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := s.Pending(store.Position{}, 100)
	if err != nil || len(roots) != 21 {
		t.Fatal(len(roots), err)
	}
	g := newGraph(s, &workload{now: time.Now})
	for i := range roots {
		if ok, err := g.load(roots[len(roots)-1-i]); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	for i := range 26 {
		j := g.next(anyClass, math.MaxInt64)
		if j == nil || (i < 6) != (j.order.Block == 1) {
			t.Fatalf("job %d is %+v", i, j)
		}
		g.succeed(j)
	}
	if g.next(anyClass, math.MaxInt64) != nil || len(g.jobs) != 0 {
		t.Fatal("jobs are left over")
	}
}

// TestLongChain loads a chain far deeper than a recursion should go.
func TestLongChain(t *testing.T) {
	const length = 20000
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 1)
	for range length {
		x = l.Operation(fhe.Neg, fhe.Uint8, false, 0, x)
	}
	l.Want(x)
	s, err := store.Open(vfs.NewMem(), "db", logtest.Domain, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := l.Seal(0)
	if err := s.Append(&b); err != nil {
		t.Fatal(err)
	}
	roots, err := s.Pending(store.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(s, &workload{now: time.Now})
	if ok, err := g.load(roots[0]); !ok || err != nil || len(g.jobs) != length+1 || len(g.home)+len(g.away) != 1 {
		t.Fatalf("%d jobs, %d ready, %v", len(g.jobs), len(g.home)+len(g.away), err)
	}
	j := g.next(anyClass, math.MaxInt64)
	j.failure = &store.Failure{Reason: "test"}
	if failed := g.fail(j); len(failed) != length+1 || len(g.jobs) != 0 {
		t.Fatalf("%d jobs failed", len(failed))
	}
}
