package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// zeros is arithmetic that makes every ciphertext an encryption of nothing, so that
// the node's own work can be tested without keys.
type zeros struct{}

func (zeros) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	for _, j := range jobs {
		for _, dst := range j.Dst {
			dst.Trivial(0)
		}
	}
	return nil
}

func (zeros) Pack(blocks []tfhe.LWE) (*tfhe.Packed, error) {
	return &tfhe.Packed{Mask: make([]uint16, tfhe.Default.PackedMaskWords(len(blocks))), Bodies: make([]uint16, len(blocks))}, nil
}

// gatedEvaluator computes zeros, products only when the gate is open, and refuses
// to negate.
type gatedEvaluator struct {
	*radix.Evaluator
	gate chan struct{}
}

func newGatedEvaluator() gatedEvaluator {
	return gatedEvaluator{radix.NewEvaluator(tfhe.Default, zeros{}), make(chan struct{})}
}

func (e gatedEvaluator) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	switch op {
	case fhe.Neg:
		return nil, errors.New("the test refuses")
	case fhe.Mul:
		select {
		case <-e.gate:
			return []*radix.Ciphertext{operands[0].Encrypted}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return e.Evaluator.Eval(ctx, op, t, operands...)
}

func (gatedEvaluator) Random(context.Context, [32]byte, fhe.Type, *uint256.Int) (*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

func (gatedEvaluator) Pack(values ...*radix.Ciphertext) (*radix.Packed, error) {
	return radix.Pack(zeros{}, values...)
}

func (e gatedEvaluator) Unpack(ctx context.Context, p *radix.Packed, i int, _ fhe.Digest) (*radix.Ciphertext, error) {
	return e.Evaluator.Unpack(ctx, p, i)
}

// handClock is a clock that a test moves.
type handClock struct{ nanoseconds atomic.Int64 }

func (c *handClock) now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *handClock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// machine is a node without keys and committee whose coprocessor runs. Its log is
// what the test appends, not what its chain says.
type machine struct {
	*Node
	own       *chain.Node
	blocks    sealedBlocks
	evaluator gatedEvaluator
	clock     *handClock
	entries   []fhe.Entry
	next      uint64 // block
}

func newMachine(t *testing.T, cfg Config) *machine {
	t.Helper()
	m := &machine{Node: newNode(cfg), evaluator: newGatedEvaluator(), clock: new(handClock)}
	m.network = testNetwork()
	m.epochs = newEpochs("", m.network, nil)
	var err error
	if m.own, err = chain.Open(chain.Config{Genesis: m.network.Genesis(), Admit: m.admission.admit}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.own.Close() })
	m.chain, m.feed = m.own, chain.NewFeed(&m.blocks)
	m.coprocessor, err = coprocessor.Open(coprocessor.Config{
		Domain: m.Domain(), Dir: "db", FS: vfs.NewMem(), Evaluator: m.evaluator, Now: m.clock.now,
		Trace: m.computed, Settled: m.metrics.settled, Squash: m.squashDone,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.api = newAPI(m.Node, nil)
	if err := errors.Join(m.own.Register(m.methods()...), m.openMetrics()); err != nil {
		t.Fatal(err)
	}
	ran, followed := make(chan error, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ran <- m.coprocessor.Run(context.Background()) }()
	go func() { followed <- m.follow(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-followed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := errors.Join(m.coprocessor.Close(), <-ran); err != nil && !errors.Is(err, coprocessor.ErrClosed) {
			t.Error(err)
		}
	})
	return m
}

// sealedBlocks are the blocks of a test's chain.
type sealedBlocks struct {
	mu      sync.Mutex
	list    []fhe.Batch
	changed chan struct{}
}

// Changed implements chain.Blocks.
func (s *sealedBlocks) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// Last implements chain.Blocks. Before the first block there is nothing to follow.
func (s *sealedBlocks) Last(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return 0, chain.ErrUndone
	}
	return uint64(len(s.list)) - 1, nil
}

// Hash implements chain.Blocks.
func (s *sealedBlocks) Hash(_ context.Context, number uint64) (fhe.Digest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[number].Hash, nil
}

// Batch implements chain.Blocks.
func (s *sealedBlocks) Batch(ctx context.Context, number uint64) (b fhe.Batch, parent fhe.Digest, err error) {
	if number > 0 {
		parent, err = s.Hash(ctx, number-1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[number], parent, err
}

func (s *sealedBlocks) add(b fhe.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, b)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// dial connects to the machine's JSON-RPC over a WebSocket.
func (m *machine) dial(t *testing.T) *rpc.Client {
	t.Helper()
	if m.rpc == "" {
		address, err := m.own.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m.rpc = "ws://" + address
	}
	c, err := rpc.Dial(m.rpc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// order adds an operation to the next block.
func (m *machine) order(op fhe.Op, typ fhe.Type, operands ...fhe.Operand) fhe.Handle {
	d := fhe.Derivation{Domain: m.Domain(), Op: op, Type: typ, Operands: operands}
	first := d.Results()[0]
	m.entries = append(m.entries, fhe.Entry{Operation: &fhe.Operation{Result: first.Handle, Digest: first.Digest, Derivation: d}})
	return first.Handle
}

// number is a handle of a public number.
func (m *machine) number(v uint64) fhe.Handle {
	return m.order(fhe.Trivial, fhe.Uint64, fhe.ClearOperand(uint256.NewInt(v)))
}

func stored(h fhe.Handle) fhe.Operand { return fhe.Operand{Kind: fhe.Stored, Word: h} }

// product waits for the gate.
func (m *machine) product(v uint64) fhe.Handle {
	x := m.number(v)
	return m.order(fhe.Mul, fhe.Uint64, stored(x), stored(x))
}

// seal appends a block that wants handles.
func (m *machine) seal(t *testing.T, wanted ...fhe.Handle) {
	t.Helper()
	for _, h := range wanted {
		m.entries = append(m.entries, fhe.Entry{Wanted: &h})
	}
	b := fhe.Batch{Number: m.next, Hash: fhe.Digest{byte(m.next)}, Time: 1, Entries: m.entries}
	m.blocks.add(b)
	if err := m.feed.Reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.entries, m.next = nil, m.next+1
}

// drain waits until all that is wanted is done.
func (m *machine) drain(t *testing.T) {
	t.Helper()
	m.until(t, 0)
}

// until waits until a number of wants is missing; the limit only ends a test that
// hangs.
func (m *machine) until(t *testing.T, missing int) {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		changed := m.coprocessor.Changed()
		if m.Stats().Missing == missing {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%+v", m.Stats())
		}
	}
}
