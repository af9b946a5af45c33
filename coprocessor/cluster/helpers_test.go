package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"
)

var discard = slog.New(slog.DiscardHandler)

// quick makes a cluster notice in milliseconds what takes seconds otherwise, but
// that a worker of a busy machine is silent.
var quick = Timing{Announce: 20 * time.Millisecond, Gone: 3 * time.Second, Ack: 150 * time.Millisecond}

const token = "let me in"

// newEvaluator computes on plaintexts.
func newEvaluator() coprocessor.Evaluator {
	return plaintest.NewEvaluator(plaintest.Plaintexts{Params: &tfhe.Default})
}

// program writes a random program on 8-bit values and booleans.
func program(seed uint64) *logtest.Log {
	r := rand.New(rand.NewPCG(seed, 0))
	return logtest.Random(r, logtest.Shape{Blocks: 5, Operations: 12, Wants: 5, Types: []fhe.Type{fhe.Uint8, fhe.Bool}, Inputs: plaintest.RandomList})
}

// within is the limit that only ends a test that hangs.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// receive waits for what other goroutines send, or for the end that they announce.
func receive[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-within(t).Done():
		t.Fatal("nothing comes")
	}
	return v
}

func startServer(t testing.TB) *Server {
	t.Helper()
	s, err := StartServer(ServerConfig{Listen: "127.0.0.1:0", Dir: t.TempDir(), Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func connect(t testing.TB, url, name string) *nats.Conn {
	t.Helper()
	nc, err := Connect(Access{URL: url, Token: token, Name: name}, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func blobsOf(t testing.TB, nc *nats.Conn) Blobs {
	t.Helper()
	b, err := NewNATSBlobs(nc, logtest.Domain)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// head is a coprocessor that follows a log and leads a cluster.
type head struct {
	*coprocessor.Coprocessor
	leader *Leader
	stop   func()
}

func lead(t testing.TB, url string, disk vfs.FS, change ...func(*coprocessor.Config)) *head {
	t.Helper()
	return leadWith(t, url, disk, nil, quick, change...)
}

func leadWith(t testing.TB, url string, disk vfs.FS, blobs Blobs, timing Timing, change ...func(*coprocessor.Config)) *head {
	t.Helper()
	nc := connect(t, url, "leader")
	if blobs == nil {
		blobs = blobsOf(t, nc)
	}
	leader, err := NewLeader(within(t), LeaderConfig{Domain: logtest.Domain, Conn: nc, Blobs: blobs, Timing: timing, Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	cfg := coprocessor.Config{Domain: logtest.Domain, Dir: "db", FS: disk, Evaluator: newEvaluator(), Cluster: leader, ClusterOnly: true}
	for _, f := range change {
		f(&cfg)
	}
	h := &head{follow(t, cfg), leader, nil}
	ran := make(chan error, 1)
	go func() { ran <- h.Run(context.Background()) }()
	h.stop = func() {
		t.Helper()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := receive(t, ran); err != nil && !errors.Is(err, coprocessor.ErrClosed) { // or it had not begun
			t.Error(err)
		}
		if err := leader.Close(); err != nil {
			t.Error(err)
		}
	}
	return h
}

func follow(t testing.TB, cfg coprocessor.Config) *coprocessor.Coprocessor {
	t.Helper()
	c, err := coprocessor.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *head) feed(t testing.TB, blocks ...fhe.Batch) {
	t.Helper()
	for _, b := range blocks {
		if err := h.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *head) drain(t testing.TB) {
	t.Helper()
	if err := h.Drain(within(t)); err != nil {
		t.Fatalf("%v; %+v", err, h.Stats())
	}
}

// digests returns the digest of every wanted handle, which must be ready.
func digests(t testing.TB, c *coprocessor.Coprocessor, blocks []fhe.Batch) map[fhe.Handle]fhe.Digest {
	t.Helper()
	out := make(map[fhe.Handle]fhe.Digest)
	for _, b := range blocks {
		for _, e := range b.Entries {
			if e.Wanted == nil {
				continue
			}
			s, err := c.Status(*e.Wanted)
			if err != nil || s.State != coprocessor.Ready {
				t.Fatalf("%s is %s: %v, %v", e.Wanted, s.State, s.Failure, err)
			}
			out[*e.Wanted] = s.Digest
		}
	}
	return out
}

// alone is what one machine without a cluster makes of a log.
func alone(t testing.TB, log *logtest.Log) map[fhe.Handle]fhe.Digest {
	t.Helper()
	c := follow(t, coprocessor.Config{Domain: logtest.Domain, Dir: "db", FS: vfs.NewMem(), Evaluator: newEvaluator()})
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	h := &head{Coprocessor: c}
	h.feed(t, log.Blocks...)
	h.drain(t)
	out := digests(t, c, log.Blocks)
	for wanted := range out {
		ct, err := c.Ciphertext(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		if got := plaintest.Value(t, ct); got != log.Values[wanted] {
			t.Fatalf("%s of %s is %d, want %d", log.Kinds[wanted], wanted, got, log.Values[wanted])
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, ran); err != nil {
		t.Error(err)
	}
	return out
}

func (h *head) check(t testing.TB, log *logtest.Log, want map[fhe.Handle]fhe.Digest) {
	t.Helper()
	if got := digests(t, h.Coprocessor, log.Blocks); !maps.Equal(got, want) {
		t.Error("the cluster makes other ciphertexts than one machine")
	}
}

var names atomic.Uint64

// hand is a running worker.
type hand struct {
	*Worker
	name string
	conn *nats.Conn
	ran  chan error
	end  context.CancelFunc
}

// work starts a worker.
func work(t testing.TB, url string, e coprocessor.Evaluator, change ...func(*WorkerConfig)) *hand {
	t.Helper()
	h := &hand{name: fmt.Sprint("worker-", names.Add(1)), ran: make(chan error, 1)}
	h.conn = connect(t, url, h.name)
	ctx, end := context.WithCancel(context.Background())
	h.end = end
	calculator := coprocessor.NewCalculator(ctx, e, 0, 0)
	cfg := WorkerConfig{
		Domain: logtest.Domain, Name: h.name, Conn: h.conn, Blobs: blobsOf(t, h.conn), Calculator: calculator, Tasks: 3,
		Deliveries: 1000, Timing: quick, Logger: discard, // on a busy machine a task comes often
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if h.Worker, err = NewWorker(cfg); err != nil {
		t.Fatal(err)
	}
	go func() { h.ran <- h.Run(ctx) }()
	t.Cleanup(end)
	return h
}

// stop asks the worker to end and waits for that.
func (h *hand) stop(t testing.TB) {
	t.Helper()
	h.end()
	if err := receive(t, h.ran); err != nil {
		t.Error(err)
	}
}

// kill cuts the worker off without a word, as a power cut does.
func (h *hand) kill() {
	h.conn.Close()
	h.end()
}
