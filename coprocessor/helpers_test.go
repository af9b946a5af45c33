package coprocessor

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
)

var discard = slog.New(slog.DiscardHandler)

func newPlainEvaluator() Evaluator {
	return plaintest.NewEvaluator(meter{plaintest.Plaintexts{Params: &tfhe.Default}})
}

func plaintext(t testing.TB, ct *radix.Ciphertext) uint64 {
	t.Helper()
	return plaintest.Value(t, ct)
}

// program writes a random program on 8-bit values and booleans.
func program(seed uint64) *logtest.Log {
	r := rand.New(rand.NewPCG(seed, 0))
	return logtest.Random(r, logtest.Shape{Blocks: 5, Operations: 10, Wants: 4, Types: []fhe.Type{fhe.Uint8, fhe.Bool}, Inputs: plaintest.RandomList})
}

// spy records which computations an evaluator is asked for, and may refuse some.
type spy struct {
	Evaluator
	mu     sync.Mutex
	calls  map[string]int // operation, "input" or "unpack" -> number of calls
	refuse func(op fhe.Op, clear *uint256.Int) error
	broken error // of Unpack, if not nil
}

func newSpy(e Evaluator) *spy { return &spy{Evaluator: e, calls: make(map[string]int)} }

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[what]++
}

// total is the number of computations: unpacking is part of one.
func (s *spy) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, c := range s.calls {
		if what != "unpack" {
			n += c
		}
	}
	return n
}

func (s *spy) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	s.note(op.String())
	if s.refuse != nil {
		if err := s.refuse(op, operands[len(operands)-1].Clear); err != nil {
			return nil, err
		}
	}
	return s.Evaluator.Eval(ctx, op, t, operands...)
}

func (s *spy) Unpack(ctx context.Context, p *radix.Packed, i int, content fhe.Digest) (*radix.Ciphertext, error) {
	s.note("unpack")
	if s.broken != nil {
		return nil, s.broken
	}
	return s.Evaluator.Unpack(ctx, p, i, content)
}

func (s *spy) Expand(ctx context.Context, list *fhe.InputList) ([]*radix.Ciphertext, error) {
	s.note("input")
	return s.Evaluator.Expand(ctx, list)
}

// hashSquasher stands in for the squash, whose key takes a gigabyte, in tests
// of sharing and caching: a pure function of the block.
type hashSquasher struct {
	key     fhe.Digest
	calls   sync.Mutex
	squashs int
	gate    chan struct{} // nil, or must be closed before a squash ends
	begun   chan struct{} // if not nil, told of each squash that began
	stopped chan struct{} // if not nil, told of each squash that ended early
}

func (h *hashSquasher) KeyID() fhe.Digest { return h.key }

func (h *hashSquasher) Squash(ctx context.Context, blocks []tfhe.LWE) ([]*squash.Ciphertext, error) {
	h.calls.Lock()
	h.squashs++
	h.calls.Unlock()
	if h.begun != nil {
		h.begun <- struct{}{}
	}
	if h.gate != nil {
		select {
		case <-h.gate:
		case <-ctx.Done():
			if h.stopped != nil {
				h.stopped <- struct{}{}
			}
			return nil, ctx.Err()
		}
	}
	out := make([]*squash.Ciphertext, len(blocks))
	for i, b := range blocks {
		out[i] = new(squash.Ciphertext)
		out[i].Residues[0][0] = b[len(b)-1]>>20 ^ uint64(h.key[0])
		out[i].Residues[0][1] = b[0] >> 20
	}
	return out, nil
}

// machine is a coprocessor whose Run is in progress.
type machine struct {
	*Coprocessor
	ran chan error // the result of Run
}

// start opens a coprocessor on fs and runs it until the test ends.
func start(t testing.TB, fs vfs.FS, e Evaluator, change ...func(*Config)) *machine {
	t.Helper()
	return run(prepare(t, fs, e, change...))
}

// startWith runs a coprocessor that has blocks before it begins.
func startWith(t testing.TB, blocks []fhe.Batch, e Evaluator) *machine {
	t.Helper()
	c := prepare(t, vfs.NewMem(), e)
	(&machine{Coprocessor: c}).feed(t, blocks...)
	return run(c)
}

func prepare(t testing.TB, fs vfs.FS, e Evaluator, change ...func(*Config)) *Coprocessor {
	t.Helper()
	cfg := Config{Domain: logtest.Domain, Dir: "db", FS: fs, Evaluator: e}
	for _, f := range change {
		f(&cfg)
	}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run begins the Run of c.
func run(c *Coprocessor) *machine {
	m := &machine{c, make(chan error, 1)}
	go func() { m.ran <- c.Run(context.Background()) }()
	for !c.isRunning() {
		runtime.Gosched()
	}
	return m
}

func (c *Coprocessor) isRunning() bool {
	c.use.Lock()
	defer c.use.Unlock()
	return c.use.running
}

// stop closes a coprocessor that must have run without fault.
func (m *machine) stop(t testing.TB) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-m.ran; err != nil {
		t.Fatal(err)
	}
}

func (m *machine) feed(t testing.TB, blocks ...fhe.Batch) {
	t.Helper()
	for _, b := range blocks {
		if err := m.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

// drain waits for all work; the limit only ends a test that hangs.
func (m *machine) drain(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- m.Drain(ctx) }()
	select {
	case err := <-drained:
		if err != nil {
			t.Fatalf("%v; %+v", err, m.Stats())
		}
	case err := <-m.ran:
		m.ran <- err
		t.Fatalf("Run ended: %v", err)
	}
}

// rest waits until nothing runs, which must give back all memory.
func (m *machine) rest(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); m.Stats().Running > 0 || m.Stats().Memory != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("at rest: %+v", m.Stats())
		}
	}
}

// digests returns the digest of every wanted handle, which must be ready.
func (m *machine) digests(t testing.TB, blocks []fhe.Batch) map[fhe.Handle]fhe.Digest {
	t.Helper()
	out := make(map[fhe.Handle]fhe.Digest)
	for _, b := range blocks {
		for _, e := range b.Entries {
			if e.Wanted == nil {
				continue
			}
			status, err := m.Status(*e.Wanted)
			if err != nil || status.State != Ready {
				t.Fatalf("%s is %s: %v, %v", e.Wanted, status.State, status.Failure, err)
			}
			out[*e.Wanted] = status.Digest
		}
	}
	return out
}

// calls counts those that wait for a content.
func (w *waiters) calls() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.on {
		n += x.calls
	}
	return n
}
