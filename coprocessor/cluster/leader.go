package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fhevm/coprocessor"
	"fhevm/fhe"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Timing of a cluster. A worker that is silent for longer than it should be is not
// there any more, and what it had is another's.
type Timing struct {
	Announce time.Duration // between a worker's signs of life
	Gone     time.Duration // of silence, after which a worker is not there
	Ack      time.Duration // in which a worker must say that it still computes a task
}

// DefaultTiming is what nodes use.
var DefaultTiming = Timing{Announce: time.Second, Gone: 5 * time.Second, Ack: 5 * time.Second}

// DefaultDeliveries is how often a task is handed to workers that do not report on
// it, before it is given up.
const DefaultDeliveries = 20

// maxRemembered is the number of finished tasks whose second reports are compared
// with the first.
const maxRemembered = 1 << 12

// LeaderConfig says what a leader works with.
type LeaderConfig struct {
	Domain fhe.Domain
	Conn   *nats.Conn // it stays the caller's
	Blobs  Blobs
	Timing Timing // DefaultTiming if zero
	Logger *slog.Logger
}

// Leader is the coprocessor's side of a cluster.
type Leader struct {
	cfg     LeaderConfig
	js      jetstream.JetStream
	stream  jetstream.Stream
	subs    []*nats.Subscription
	stop    context.CancelFunc
	stopped sync.WaitGroup
	changed chan struct{}
	late    chan coprocessor.LateReport

	restoring sync.Mutex

	mu      sync.Mutex
	workers map[string]*member
	pending map[fhe.Digest]*parcel
	done    *lru.Cache[fhe.Digest, *parcel]
}

var _ coprocessor.Cluster = (*Leader)(nil)

// member is a worker that is there.
type member struct {
	room int
	seen time.Time
}

// parcel is a task that a caller of Compute waits for, or waited.
type parcel struct {
	errand
	messages chan *message
	gone     chan struct{}       // closed when nobody can compute it
	first    *coprocessor.Report // that was taken, without packed results
}

// NewLeader empties the domain's queue and takes it over.
func NewLeader(ctx context.Context, cfg LeaderConfig) (*Leader, error) {
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming
	}
	done, err := lru.New[fhe.Digest, *parcel](maxRemembered)
	if err != nil {
		return nil, err
	}
	l := &Leader{
		cfg: cfg, done: done, changed: make(chan struct{}, 1), late: make(chan coprocessor.LateReport, 64),
		workers: make(map[string]*member), pending: make(map[fhe.Digest]*parcel),
	}
	if l.js, err = jetstream.New(cfg.Conn); err != nil {
		return nil, err
	}
	if l.stream, err = l.openQueue(ctx); err != nil {
		return nil, fmt.Errorf("open the cluster's queue at %s: %w", cfg.Conn.ConnectedUrlRedacted(), err)
	}
	ctx, l.stop = context.WithCancel(context.Background())
	for what, handle := range map[string]nats.MsgHandler{
		"results": l.result,
		"workers": func(m *nats.Msg) { l.hear(m.Data) },
	} {
		sub, err := cfg.Conn.Subscribe(subject(cfg.Domain, what), handle)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.subs = append(l.subs, sub)
	}
	l.stopped.Go(func() { l.watch(ctx) })
	return l, nil
}

// queueName is that of the stream; its consumer is called workers.
func queueName(d fhe.Domain) string { return "fhevm-" + label(d) + "-tasks" }

const consumerName = "workers"

// openQueue makes stream and consumer, without what an earlier leader left there. A request
// that is lost with its connection gets no answer, so each attempt has its own limit.
func (l *Leader) openQueue(ctx context.Context) (jetstream.Stream, error) {
	for limit := l.cfg.Timing.Ack; ; limit *= 2 {
		attempt, cancel := context.WithTimeout(ctx, limit)
		stream, err := l.makeQueue(attempt)
		cancel()
		lost := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrReconnectBufExceeded)
		if !lost || !sleep(ctx, l.cfg.Timing.Announce/4) {
			return stream, err
		}
	}
}

func (l *Leader) makeQueue(ctx context.Context) (jetstream.Stream, error) {
	stream, err := l.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: queueName(l.cfg.Domain), Subjects: []string{subject(l.cfg.Domain, "tasks")}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, MaxMsgSize: maxMessage + 1<<10,
	})
	if err != nil {
		return nil, err
	}
	if err := stream.Purge(ctx); err != nil {
		return nil, err
	}
	_, err = stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: consumerName, AckPolicy: jetstream.AckExplicitPolicy, AckWait: l.cfg.Timing.Ack, MaxDeliver: -1, MaxAckPending: -1,
	})
	return stream, err
}

// restoreQueue makes the queue anew if NATS has lost it, for the first of the callers
// that notice: a later one would purge what that has published.
func (l *Leader) restoreQueue(ctx context.Context) error {
	l.restoring.Lock()
	defer l.restoring.Unlock()
	_, err := l.js.Stream(ctx, queueName(l.cfg.Domain))
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	l.cfg.Logger.Warn("NATS has lost the cluster's queue: it is made anew")
	_, err = l.openQueue(ctx)
	return err
}

// Close leaves the queue as it is.
func (l *Leader) Close() error {
	var errs []error
	for _, s := range l.subs {
		if err := s.Unsubscribe(); !errors.Is(err, nats.ErrConnectionClosed) {
			errs = append(errs, err)
		}
	}
	l.stop()
	l.stopped.Wait()
	return errors.Join(errs...)
}

// Room is the number of tasks that the present workers take at a time.
func (l *Leader) Room() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.workers {
		n += w.room
	}
	return n
}

// Workers is the number of workers that are there.
func (l *Leader) Workers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.workers)
}

// Changed is sent to when a worker has come.
func (l *Leader) Changed() <-chan struct{} { return l.changed }

// Late gives second reports.
func (l *Leader) Late() <-chan coprocessor.LateReport { return l.late }

// Compute implements coprocessor.Cluster.
func (l *Leader) Compute(ctx context.Context, t *coprocessor.Task, fetch coprocessor.Fetch, not string) (*coprocessor.Report, error) {
	p := &parcel{errand: errand{Not: not, Task: t}, messages: make(chan *message, 8), gone: make(chan struct{})}
	enc, err := p.encode()
	if err != nil {
		return nil, err
	}
	id := fhe.Keccak(enc)
	if !l.expect(id, p) {
		return nil, coprocessor.ErrNoWorker
	}
	defer l.forget(id, p)
	for {
		if err := l.supply(ctx, t, fetch); err != nil { // each time: values may vanish
			return nil, l.offline(ctx, err)
		}
		seq, err := l.publish(ctx, enc)
		if err != nil {
			return nil, l.offline(ctx, err)
		}
		r, err := l.await(ctx, p, seq)
		if err != nil {
			l.withdraw(seq)
		}
		if r != nil || err != nil {
			return r, err
		}
		if !sleep(ctx, l.cfg.Timing.Announce/4) {
			return nil, ctx.Err()
		}
	}
}

// offline gives a task back because NATS or the blobs cannot be reached, after a
// while: they are asked again then.
func (l *Leader) offline(ctx context.Context, err error) error {
	if !sleep(ctx, l.cfg.Timing.Announce) {
		return ctx.Err()
	}
	l.cfg.Logger.Warn("the cluster takes no task", "error", err)
	return coprocessor.ErrNoWorker
}

// supply puts all that a task takes.
func (l *Leader) supply(ctx context.Context, t *coprocessor.Task, fetch coprocessor.Fetch) error {
	for _, digest := range needs(t) {
		b, err := fetch(ctx, digest)
		if err != nil {
			return err
		}
		if err := put(ctx, l.cfg.Blobs, b); err != nil {
			return fmt.Errorf("put blob %s: %w", digest, err)
		}
	}
	return nil
}

// needs are the digests of what a task takes, each once.
func needs(t *coprocessor.Task) []fhe.Digest {
	all := make(map[fhe.Digest]bool)
	for _, in := range t.Inputs {
		all[in.Digest] = true
	}
	for _, n := range t.Jobs {
		if n.List != (fhe.Digest{}) {
			all[n.List] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// expect waits for messages about p, unless nobody is there to compute it.
func (l *Leader) expect(id fhe.Digest, p *parcel) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.able(p) || l.pending[id] != nil {
		return false
	}
	l.pending[id] = p
	return true
}

// able reports whether a worker may compute p. mu is held.
func (l *Leader) able(p *parcel) bool {
	for name := range l.workers {
		if name != p.Not {
			return true
		}
	}
	return false
}

// forget ends the wait. Reports that came behind the first are late.
func (l *Leader) forget(id fhe.Digest, p *parcel) {
	l.mu.Lock()
	delete(l.pending, id)
	l.done.Add(id, p)
	l.mu.Unlock()
	for {
		select {
		case m := <-p.messages:
			l.compare(p, m)
		default:
			return
		}
	}
}

// publish returns the place of a task in the queue. A task that comes into it twice
// is computed twice, and does no harm.
func (l *Leader) publish(ctx context.Context, enc []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timing.Ack)
	defer cancel()
	ack, err := l.js.Publish(ctx, subject(l.cfg.Domain, "tasks"), enc, jetstream.WithRetryAttempts(0))
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		err = errors.Join(err, l.restoreQueue(ctx)) // the task is published when it comes again
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// withdraw takes a task that was given up out of the queue. Where that cannot be
// reached the task is computed for nothing.
func (l *Leader) withdraw(seq uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Timing.Announce)
	defer cancel()
	_ = l.stream.DeleteMsg(ctx, seq)
}

// await waits for a report. It returns none, and no error, if the task is to be
// published again.
func (l *Leader) await(ctx context.Context, p *parcel, seq uint64) (*coprocessor.Report, error) {
	check := time.NewTicker(2 * l.cfg.Timing.Ack)
	defer check.Stop()
	for {
		select {
		case m := <-p.messages:
			return l.open(ctx, p, m)
		case <-p.gone:
			return nil, coprocessor.ErrNoWorker
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-check.C:
			_, err := l.stream.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
				l.cfg.Logger.Warn("the queue has lost a task", "task", seq)
				return nil, nil
			}
		}
	}
}

// open turns a message into a report, with the blobs that it names.
func (l *Leader) open(ctx context.Context, p *parcel, m *message) (*coprocessor.Report, error) {
	switch {
	case m.Kind == poisoned:
		return nil, &coprocessor.PoisonError{Deliveries: int(m.Deliveries)}
	case m.Kind == returned:
		l.cfg.Logger.Info("a worker returned a task", "worker", m.Worker, "reason", m.Reason)
		return nil, nil
	case m.Worker == p.Not || len(m.Results) != len(p.Task.Jobs):
		l.cfg.Logger.Error("a worker's report is refused", "worker", m.Worker)
		return nil, nil
	}
	r := &coprocessor.Report{Worker: m.Worker, Results: m.Results}
	for i := range r.Results {
		if r.Results[i].Digest == (fhe.Digest{}) {
			continue
		}
		var err error
		if r.Results[i].Packed, err = get(ctx, l.cfg.Blobs, r.Results[i].Digest); err != nil {
			l.cfg.Logger.Error("a worker's result cannot be read", "worker", m.Worker, "error", err)
			return nil, nil
		}
	}
	p.first = &coprocessor.Report{Worker: m.Worker, Results: slices.Clone(m.Results)}
	for i := range p.first.Results {
		p.first.Results[i].Packed = nil
	}
	return r, nil
}
