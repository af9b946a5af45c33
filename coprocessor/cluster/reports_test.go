package cluster

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fhevm/coprocessor"
	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLateLie has a task delivered twice: the second report, which comes when the
// first was taken, lies. The result is stopped although it was there.
func TestLateLie(t *testing.T) {
	log, handles := single()
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	w := work(t, s.URL(), newEvaluator())
	h.feed(t, log.Blocks...)
	h.drain(t)
	nc := connect(t, s.URL(), "liar")
	told := 0
	h.leader.mu.Lock()
	for _, id := range h.leader.done.Keys() {
		p, _ := h.leader.done.Peek(id)
		m := message{Task: id, Worker: "liar", Results: make([]coprocessor.TaskResult, len(p.Task.Jobs))}
		for i, n := range p.Task.Jobs {
			m.Results[i].Digest = fhe.Digest{1}
			if n.Op == fhe.Mul {
				told++
			}
		}
		if told > 0 {
			if err := nc.Publish(subject(logtest.Domain, "results"), m.encode()); err != nil {
				t.Error(err)
			}
			break
		}
	}
	h.leader.mu.Unlock()
	if told == 0 {
		t.Fatal("no task had the product")
	}
	until(t, h, func() bool { return h.Stats().Disagreements > 0 })
	until(t, h, func() bool { st, err := h.Status(handles[1]); return err != nil || st.State == coprocessor.Failed })
	st, err := h.Status(handles[1])
	if err != nil || !strings.Contains(st.Failure.Reason, w.name) || !strings.Contains(st.Failure.Reason, "liar") {
		t.Errorf("%+v, %v", st.Failure, err)
	}
	late := log.Operation(fhe.Not, fhe.Uint8, false, 0, handles[1])
	log.Want(late)
	h.feed(t, log.Seal(0))
	h.drain(t)
	if st, err := h.Status(late); err != nil || st.State != coprocessor.Failed {
		t.Errorf("what is computed from it goes on: %+v, %v", st, err)
	}
	h.stop()
}

// TestLateContradictsFailure has a worker report a failure, and another a digest for
// the same computation, when the first was taken: that is an alarm.
func TestLateContradictsFailure(t *testing.T) {
	log, handles := single()
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	w := work(t, s.URL(), refusing{newEvaluator()})
	h.feed(t, log.Blocks...)
	h.drain(t)
	nc := connect(t, s.URL(), "honest")
	h.leader.mu.Lock()
	for _, id := range h.leader.done.Keys() {
		p, _ := h.leader.done.Peek(id)
		m := message{Task: id, Worker: "honest", Results: make([]coprocessor.TaskResult, len(p.Task.Jobs))}
		for i, n := range p.Task.Jobs {
			if n.Op == fhe.Mul {
				m.Results[i].Digest = fhe.Digest{1}
			} else {
				m.Results[i] = p.first.Results[i]
			}
		}
		if err := nc.Publish(subject(logtest.Domain, "results"), m.encode()); err != nil {
			t.Error(err)
		}
	}
	h.leader.mu.Unlock()
	until(t, h, func() bool { return h.Stats().Disagreements == 1 })
	until(t, h, func() bool {
		st, err := h.Status(handles[1])
		return err == nil && st.Failure != nil && strings.Contains(st.Failure.Reason, w.name) && strings.Contains(st.Failure.Reason, "honest")
	})
	h.stop()
}

// TestLateContradictsLeader has the leader compute what a worker left, and fail; a
// worker's digest for it comes then: that is an alarm too.
func TestLateContradictsLeader(t *testing.T) {
	log, handles := single()
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem(), func(c *coprocessor.Config) { c.ClusterOnly, c.Evaluator = false, refusing{newEvaluator()} })
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	w := work(t, s.URL(), e)
	until(t, h, func() bool { return h.leader.Workers() == 1 })
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	w.stop(t)
	h.drain(t)
	if st, err := h.Status(handles[1]); err != nil || st.Failure == nil || st.Failure.Reason != "unlucky number" {
		t.Fatalf("the leader computes what is left: %+v, %v", st, err)
	}
	nc := connect(t, s.URL(), "honest")
	h.leader.mu.Lock()
	for _, id := range h.leader.done.Keys() {
		p, _ := h.leader.done.Peek(id)
		m := message{Task: id, Worker: "honest", Results: make([]coprocessor.TaskResult, len(p.Task.Jobs))}
		for i, n := range p.Task.Jobs {
			st, err := h.Status(n.Handle)
			if m.Results[i].Digest = st.Digest; st.State == coprocessor.Failed {
				m.Results[i].Digest = fhe.Digest{1}
			}
			if err != nil {
				t.Error(err)
			}
		}
		if err := nc.Publish(subject(logtest.Domain, "results"), m.encode()); err != nil {
			t.Error(err)
		}
	}
	h.leader.mu.Unlock()
	until(t, h, func() bool { return h.Stats().Disagreements == 1 })
	until(t, h, func() bool {
		st, err := h.Status(handles[1])
		return err == nil && st.Failure != nil && strings.Contains(st.Failure.Reason, "this node") && strings.Contains(st.Failure.Reason, "honest")
	})
	h.stop()
}

// TestEarlyContradictsLeader has a worker's digest come while the leader still computes
// what the worker had left: it is compared when the leader is done, and has failed.
func TestEarlyContradictsLeader(t *testing.T) {
	log, handles := single()
	log.Want(slices.Collect(maps.Keys(log.Values))...)
	log.Seal(0)
	want := alone(t, log)
	s := startServer(t)
	own := &slow{Evaluator: refusing{newEvaluator()}, gate: make(chan struct{}), seen: make(chan struct{})}
	h := lead(t, s.URL(), vfs.NewMem(), func(c *coprocessor.Config) { c.ClusterOnly, c.Evaluator = false, own })
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	w := work(t, s.URL(), e)
	until(t, h, func() bool { return h.leader.Workers() == 1 })
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	w.stop(t)
	receive(t, own.seen)
	nc := connect(t, s.URL(), "honest")
	for _, id := range h.leader.done.Keys() {
		p, _ := h.leader.done.Peek(id)
		m := message{Task: id, Worker: "honest", Results: make([]coprocessor.TaskResult, len(p.Task.Jobs))}
		for i, n := range p.Task.Jobs {
			m.Results[i].Digest = want[n.Handle]
		}
		if _, err := nc.RequestWithContext(within(t), subject(logtest.Domain, "results"), m.encode()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, h, func() bool { return len(h.leader.late) == 0 })
	close(own.gate)
	h.drain(t)
	st, err := h.Status(handles[1])
	if err != nil || st.Failure == nil || !strings.Contains(st.Failure.Reason, "unlucky number") || !strings.Contains(st.Failure.Reason, "honest") || !strings.Contains(st.Failure.Reason, "this node") {
		t.Errorf("%+v %v, %v", st, st.Failure, err)
	}
	if n := h.Stats().Disagreements; n != 1 {
		t.Errorf("%d disagreements, want 1", n)
	}
	h.stop()
}

// TestPoison has a task kill every worker that takes it: it is given up. Deliveries
// that a busy machine loses count too, so that it may meet fewer than it could.
func TestPoison(t *testing.T) {
	const deliveries = 3
	log, handles := single()
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem())
	h.feed(t, log.Blocks...)
	// One stays that never takes anything, so that the leader does not give up hope.
	idle := announcement{"idle", 1}
	stop, keeps := context.WithCancel(t.Context())
	defer keeps()
	nc := connect(t, s.URL(), "idle")
	go func() {
		for sleep(stop, quick.Announce) {
			_ = nc.Publish(subject(logtest.Domain, "workers"), idle.encode())
		}
	}()
	drained := make(chan error, 1)
	go func() { drained <- h.Drain(within(t)) }()
	for victims := 0; ; victims++ {
		caught := make(chan struct{})
		w := work(t, s.URL(), &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: caught}, func(c *WorkerConfig) { c.Tasks, c.Deliveries = 1, deliveries })
		select {
		case <-caught:
			w.kill()
			continue
		case err := <-drained:
			if err != nil || victims > deliveries {
				t.Errorf("%d workers took it: %v", victims, err)
			}
		}
		break
	}
	st, err := h.Status(handles[1])
	if err != nil || st.State != coprocessor.Failed || !regexp.MustCompile(`given up after ([3-9]|\d\d+) deliveries`).MatchString(st.Failure.Reason) {
		t.Errorf("%+v %v, %v", st, st.Failure, err)
	}
	h.stop()
}

// TestNoWorkers computes here what the last worker left behind.
func TestNoWorkers(t *testing.T) {
	log, _ := single()
	want := alone(t, log)
	s := startServer(t)
	h := lead(t, s.URL(), vfs.NewMem(), func(c *coprocessor.Config) { c.ClusterOnly = false })
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	w := work(t, s.URL(), e)
	until(t, h, func() bool { return h.leader.Workers() == 1 })
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	w.kill()
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}

// TestLeaderRestarts stops the leader while workers compute for it. The next one
// has the queue that its store says, and takes what the workers have.
func TestLeaderRestarts(t *testing.T) {
	log := program(200)
	want := alone(t, log)
	s := startServer(t)
	disk := vfs.NewMem()
	e := &slow{Evaluator: newEvaluator(), gate: make(chan struct{}), seen: make(chan struct{})}
	work(t, s.URL(), e)
	h := lead(t, s.URL(), disk)
	h.feed(t, log.Blocks...)
	receive(t, e.seen)
	h.stop()
	h = lead(t, s.URL(), disk)
	close(e.gate)
	work(t, s.URL(), newEvaluator())
	h.drain(t)
	h.check(t, log, want)
	h.stop()
}
