package cluster

import (
	"context"
	"testing"
	"time"

	"fhevm/coprocessor/cluster/strait"
	"fhevm/coprocessor/internal/logtest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go/jetstream"
)

// lose takes all that NATS keeps, as a server does that comes back with an empty disk.
func lose(t *testing.T, url string) {
	t.Helper()
	js, err := jetstream.New(connect(t, url, "disaster"))
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(within(t))
	for name := range names.Name() {
		if err := js.DeleteStream(within(t), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestLostQueue: queue and blobs are gone while nothing is asked for, or while workers
// compute. Leader and workers go on with empty ones.
func TestLostQueue(t *testing.T) {
	log := program(210)
	want := alone(t, log)
	for name, lost := range map[string]func(*head, string, *slow){
		"idle": func(h *head, url string, e *slow) {
			close(e.gate)
			h.feed(t, log.Blocks[:2]...)
			h.drain(t)
			lose(t, url)
			h.feed(t, log.Blocks[2:]...)
		},
		"at work": func(h *head, url string, e *slow) {
			h.feed(t, log.Blocks...)
			receive(t, e.seen)
			lose(t, url)
			close(e.gate)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
			work(t, s.URL(), e)
			h := lead(t, s.URL(), vfs.NewMem())
			lost(h, s.URL(), e)
			h.drain(t)
			h.check(t, log, want)
			h.stop()
		})
	}
}

// TestLostRequest cuts the connection while a new leader waits for the answer to its first
// request, which the server never gets. The leader asks again.
func TestLostRequest(t *testing.T) {
	x := newStrait(t, startServer(t).URL())
	nc := connect(t, through(x), "leader")
	if err := AwaitConnection(within(t), nc, through(x)); err != nil {
		t.Fatal(err)
	}
	x.Halt(strait.Out)
	sent := nc.Stats().OutMsgs
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	led := make(chan error, 1)
	go func() {
		l, err := NewLeader(ctx, LeaderConfig{Domain: logtest.Domain, Conn: nc, Blobs: blobsOf(t, nc), Timing: quick, Logger: discard})
		if err == nil {
			err = l.Close()
		}
		led <- err
	}()
	for nc.Stats().OutMsgs == sent {
		time.Sleep(time.Millisecond)
	}
	x.Cut()
	x.Calm()
	if err := receive(t, led); err != nil {
		t.Error(err)
	}
}
