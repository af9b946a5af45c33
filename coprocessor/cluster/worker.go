package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// MaxTasks bounds the tasks that a worker computes at a time.
const MaxTasks = 1 << 10

// WorkerConfig says what a worker works with.
type WorkerConfig struct {
	Domain     fhe.Domain
	Name       string     // unlike every other worker's; at most 64 bytes
	Conn       *nats.Conn // it stays the caller's
	Blobs      Blobs
	Calculator *coprocessor.Calculator
	Tasks      int           // at a time, so that their bootstraps share batches
	Deliveries int           // DefaultDeliveries if 0
	Timing     Timing        // DefaultTiming if zero
	Grace      time.Duration // for the tasks at hand when it is to stop
	Logger     *slog.Logger
}

// Worker computes tasks.
type Worker struct {
	cfg  WorkerConfig
	js   jetstream.JetStream
	done atomic.Uint64
}

// NewWorker checks cfg; Run does the work.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming
	}
	if cfg.Deliveries == 0 {
		cfg.Deliveries = DefaultDeliveries
	}
	if cfg.Name == "" || len(cfg.Name) > maxName {
		return nil, fmt.Errorf("a worker's name has 1 to %d bytes", maxName)
	}
	if cfg.Tasks < 1 || cfg.Tasks > MaxTasks {
		return nil, fmt.Errorf("%d tasks at a time, want 1 to %d", cfg.Tasks, MaxTasks)
	}
	js, err := jetstream.New(cfg.Conn)
	return &Worker{cfg: cfg, js: js}, err
}

// Done is the number of tasks that were computed and reported.
func (w *Worker) Done() uint64 { return w.done.Load() }

// Run computes tasks until ctx ends: it takes no more then, and returns those that
// it has not finished within the grace. Its error is the machine's, which cannot
// compute.
func (w *Worker) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var takers sync.WaitGroup
	for range w.cfg.Tasks {
		takers.Go(func() {
			if err := w.take(ctx, work); err != nil {
				stop(err)
			}
		})
	}
	announcing := make(chan struct{})
	go func() {
		defer close(announcing)
		w.announce(ctx)
	}()
	<-ctx.Done()
	<-announcing
	grace := time.AfterFunc(w.cfg.Grace, end)
	defer grace.Stop()
	takers.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// announce says that the worker is here, and in the end that it leaves.
func (w *Worker) announce(ctx context.Context) {
	say := func(room int) {
		a := announcement{w.cfg.Name, uint16(room)}
		_ = w.cfg.Conn.Publish(subject(w.cfg.Domain, "workers"), a.encode()) // what is lost is said again
	}
	for ok := true; ok; ok = sleep(ctx, w.cfg.Timing.Announce) {
		say(w.cfg.Tasks)
	}
	say(0)
	_ = w.cfg.Conn.FlushTimeout(w.cfg.Timing.Announce)
}

// take computes one task after the other.
func (w *Worker) take(ctx, work context.Context) error {
	for ctx.Err() == nil {
		msg, err := w.next(ctx)
		if err != nil {
			sleep(ctx, w.cfg.Timing.Announce/4)
			continue
		}
		if err := w.handle(ctx, work, msg); err != nil {
			return err
		}
	}
	return nil
}

// next waits for a task. Until a leader has made the queue there is none.
func (w *Worker) next(ctx context.Context) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*w.cfg.Timing.Ack)
	defer cancel()
	c, err := w.js.Consumer(ctx, queueName(w.cfg.Domain), consumerName)
	if err != nil {
		return nil, err
	}
	return c.Next(jetstream.FetchContext(ctx))
}

// handle computes a task and reports on it. Its error ends the worker.
func (w *Worker) handle(stopping, work context.Context, msg jetstream.Msg) error {
	ctx, cancel := context.WithCancel(work)
	defer cancel()
	go w.hold(ctx, msg)
	m := &message{Task: fhe.Keccak(msg.Data()), Worker: w.cfg.Name}
	fault := w.compute(ctx, msg, m)
	if errors.Is(fault, errForeign) {
		w.cfg.Logger.Error("a task is refused", "error", fault)
		return msg.Term()
	}
	if fault != nil {
		m.Kind, m.Reason = returned, fault.Error()
	}
	w.report(stopping, msg, m)
	if errors.Is(fault, tfhe.ErrKey) || errors.Is(fault, tfhe.ErrClosed) {
		return fault
	}
	return nil
}

// hold tells the queue that the task is still being computed.
func (w *Worker) hold(ctx context.Context, msg jetstream.Msg) {
	for sleep(ctx, w.cfg.Timing.Ack/3) {
		_ = msg.InProgress() // another machine may get the task if this is lost: that does no harm
	}
}

// compute fills in what became of a task. Its error is the machine's.
func (w *Worker) compute(ctx context.Context, msg jetstream.Msg, m *message) error {
	e, err := parseErrand(msg.Data(), w.cfg.Domain)
	if err != nil {
		return err
	}
	meta, err := msg.Metadata()
	switch {
	case err != nil:
		return err
	case e.Not == w.cfg.Name:
		return errors.New("it needs another worker")
	case int(meta.NumDelivered) > w.cfg.Deliveries:
		m.Kind, m.Deliveries = poisoned, uint16(min(meta.NumDelivered-1, 1<<16-1))
		return nil
	}
	began := time.Now()
	r, err := w.cfg.Calculator.Compute(ctx, e.Task, w.fetch)
	if err != nil {
		return err
	}
	for i := range r.Results {
		if r.Results[i].Packed == nil {
			continue
		}
		if err := w.insist(ctx, func() error { return put(ctx, w.cfg.Blobs, r.Results[i].Packed) }); err != nil {
			return err
		}
	}
	m.Kind, m.Results = reported, r.Results
	w.cfg.Logger.Debug("computed a task", "jobs", len(r.Results), "duration", time.Since(began))
	return nil
}

func (w *Worker) fetch(ctx context.Context, digest fhe.Digest) (b []byte, err error) {
	err = w.insist(ctx, func() (err error) {
		b, err = get(ctx, w.cfg.Blobs, digest)
		return err
	})
	return b, err
}

// insist tries again what blobs fail at for a moment.
func (w *Worker) insist(ctx context.Context, try func() error) error {
	for wait := w.cfg.Timing.Announce / 8; ; wait *= 2 {
		err := try()
		if err == nil || wait > 4*w.cfg.Timing.Ack || !sleep(ctx, wait) {
			return err
		}
	}
}

// report tells the leader and, when that has heard, the queue. A worker that is to
// stop does not wait for a leader.
func (w *Worker) report(stopping context.Context, msg jetstream.Msg, m *message) {
	enc := m.encode()
	for {
		_, err := w.cfg.Conn.Request(subject(w.cfg.Domain, "results"), enc, w.cfg.Timing.Announce)
		if err == nil {
			break
		}
		if stopping.Err() != nil || !sleep(stopping, w.cfg.Timing.Announce/4) {
			_ = msg.Nak()
			return
		}
		_ = msg.InProgress()
	}
	if m.Kind == reported {
		if n := w.done.Add(1); n == 1 || n%100 == 0 {
			w.cfg.Logger.Info("tasks done", "tasks", n)
		}
	}
	_ = msg.Ack() // if this is lost, the report is made once more
}
