package coprocessor

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"log/slog"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
)

var discard = slog.New(slog.DiscardHandler)

// plaintexts is the plaintext model of a bootstrap: the phase of a ciphertext is
// its body, and the mask only tells ciphertexts apart. The tests of order,
// crashes and faults run the real circuits on it.
type plaintexts struct{ p *tfhe.Params }

func (b plaintexts) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	for _, j := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Which of the 2N rotations the phase asks for, rounded.
		shift := 64 - bits.TrailingZeros(uint(2*b.p.PolySize))
		at := int((j.Src[len(j.Src)-1] + 1<<(shift-1)) >> shift)
		mask := noiseOf(j)
		for i, dst := range j.Dst {
			k := (at + i*b.p.PolySize/j.LUT.Outputs) % (2 * b.p.PolySize)
			v := j.LUT.Poly[k%b.p.PolySize]
			if k >= b.p.PolySize {
				v = -v
			}
			dst.Trivial(v)
			dst[0], dst[1] = mask, uint64(i)
		}
	}
	return nil
}

// noiseOf is a mask that only the same bootstrap of the same ciphertext has.
func noiseOf(j tfhe.Job) uint64 {
	h := fnv.New64a()
	binary.Write(h, binary.BigEndian, []uint64(j.Src))
	binary.Write(h, binary.BigEndian, j.LUT.Poly)
	return h.Sum64() | 1
}

func plainEvaluator() *radix.Evaluator {
	return radix.NewEvaluator(tfhe.Default, Meter(plaintexts{&tfhe.Default}))
}

// plaintext decrypts what plaintexts made.
func plaintext(t testing.TB, ct *radix.Ciphertext) (v uint64) {
	t.Helper()
	for i, block := range ct.Blocks {
		m := block[len(block)-1] / tfhe.Delta
		if m >= 1<<fhe.MessageBits {
			t.Fatalf("block %d holds %d", i, m)
		}
		v |= m << (fhe.MessageBits * i)
	}
	return v
}

// plainList writes an input list for plaintexts.
func plainList(types []fhe.Type, values []uint64) *fhe.InputList {
	list := &fhe.InputList{Binding: fhe.Binding{Domain: logtest.Domain}, Types: types, Mask: make([]uint64, 2048)}
	for i, typ := range types {
		for s := range typ.Slots() {
			list.Bodies = append(list.Bodies, values[i]>>(4*s)&15*tfhe.Delta)
		}
	}
	for i := range list.Mask {
		list.Mask[i] = uint64(i)*0x9e3779b97f4a7c15 | 1
	}
	return list
}

func randomList(r *rand.Rand) (*fhe.InputList, []uint64) {
	values := []uint64{r.Uint64N(256), r.Uint64N(2)}
	return plainList([]fhe.Type{fhe.Uint8, fhe.Bool}, values), values
}

// program writes a random program on 8-bit values and booleans.
func program(seed uint64) *logtest.Log {
	r := rand.New(rand.NewPCG(seed, 0))
	return logtest.Random(r, logtest.Shape{Blocks: 5, Operations: 10, Wants: 4, Types: []fhe.Type{fhe.Uint8, fhe.Bool}, Inputs: randomList})
}

// spy records which computations an evaluator is asked for, and may refuse some.
type spy struct {
	Evaluator
	mu     sync.Mutex
	calls  map[string]int // operation or "input" -> number of calls
	refuse func(op fhe.Op, clear *uint256.Int) error
}

func newSpy(e Evaluator) *spy { return &spy{Evaluator: e, calls: make(map[string]int)} }

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[what]++
}

func (s *spy) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		n += c
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
	cfg := Config{Domain: logtest.Domain, Dir: "db", FS: fs, Evaluator: e}
	for _, f := range change {
		f(&cfg)
	}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run(c)
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := m.Drain(ctx); err != nil {
		t.Fatalf("%v; %+v", err, m.Stats())
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
