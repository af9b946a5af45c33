package node

import (
	"context"
	"errors"
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
	evaluator gatedEvaluator
	clock     *handClock
	entries   []fhe.Entry
	next      uint64 // block
}

func newMachine(t *testing.T, cfg Config) *machine {
	t.Helper()
	m := &machine{Node: newNode(cfg), evaluator: newGatedEvaluator(), clock: new(handClock)}
	m.network = testNetwork()
	var err error
	if m.chain, err = chain.Open(chain.Config{Genesis: m.network.Genesis(), Admit: m.admission.admit}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.chain.Close() })
	m.feed = m.chain.Feed()
	m.coprocessor, err = coprocessor.Open(coprocessor.Config{
		Domain: m.Domain(), Dir: "db", FS: vfs.NewMem(), Evaluator: m.evaluator, Now: m.clock.now,
		Trace: m.computed, Settled: m.metrics.settled, Squash: m.squashDone,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.api = newAPI(m.Node, nil)
	if err := errors.Join(m.serveMethods(), m.openMetrics()); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- m.coprocessor.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := errors.Join(m.coprocessor.Close(), <-ran); err != nil && !errors.Is(err, coprocessor.ErrClosed) {
			t.Error(err)
		}
	})
	return m
}

// dial connects to the machine's JSON-RPC over a WebSocket.
func (m *machine) dial(t *testing.T) *rpc.Client {
	t.Helper()
	if m.rpcAddress == "" {
		var err error
		if m.rpcAddress, err = m.chain.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := rpc.Dial("ws://" + m.rpcAddress)
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
	if err := m.coprocessor.Append(b); err != nil {
		t.Fatal(err)
	}
	m.appended(&b)
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
	limit := time.After(time.Minute)
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
