package cluster

import (
	"context"
	"time"

	"fhevm/coprocessor"

	"github.com/nats-io/nats.go"
)

// result takes a worker's message. The worker may forget the task when it has the
// answer.
func (l *Leader) result(msg *nats.Msg) {
	m, err := parseMessage(msg.Data)
	if err != nil {
		l.cfg.Logger.Error("a worker's message is refused", "error", err)
		return
	}
	l.mu.Lock()
	p, done := l.pending[m.Task], (*parcel)(nil)
	if p == nil {
		done, _ = l.done.Get(m.Task)
	} else {
		select {
		case p.messages <- m:
		default: // more than enough have come
		}
	}
	l.mu.Unlock()
	if done != nil {
		l.compare(done, m)
	}
	if err := msg.Respond(nil); err != nil {
		l.cfg.Logger.Warn("a worker is not answered", "worker", m.Worker, "error", err)
	}
}

// compare passes on a report that came too late to be taken.
func (l *Leader) compare(p *parcel, m *message) {
	if m.Kind != reported || len(m.Results) != len(p.Task.Jobs) {
		return
	}
	late := coprocessor.LateReport{Task: p.Task, First: p.first, Report: &coprocessor.Report{Worker: m.Worker, Results: m.Results}}
	select {
	case l.late <- late:
	default:
		l.cfg.Logger.Warn("a second report of a task is not compared: too many come", "worker", m.Worker)
	}
}

// hear notes that a worker is there, or leaves.
func (l *Leader) hear(b []byte) {
	a, err := parseAnnouncement(b)
	if err != nil {
		l.cfg.Logger.Error("an announcement is refused", "error", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.workers[a.Worker]
	switch {
	case a.Room == 0 && w != nil:
		l.cfg.Logger.Info("a worker stops", "worker", a.Worker)
		l.drop(a.Worker)
	case a.Room == 0:
	case w == nil:
		l.cfg.Logger.Info("a worker is here", "worker", a.Worker, "tasks", a.Room)
		l.workers[a.Worker] = &member{int(a.Room), time.Now()}
		select {
		case l.changed <- struct{}{}:
		default:
		}
	default:
		w.room, w.seen = int(a.Room), time.Now()
	}
}

// watch drops workers that are silent.
func (l *Leader) watch(ctx context.Context) {
	for sleep(ctx, l.cfg.Timing.Announce) {
		l.mu.Lock()
		for name, w := range l.workers {
			if time.Since(w.seen) > l.cfg.Timing.Gone {
				l.cfg.Logger.Warn("a worker is gone: it is silent", "worker", name)
				l.drop(name)
			}
		}
		l.mu.Unlock()
	}
}

// drop forgets a worker, and gives up tasks that nobody is left for. mu is held.
func (l *Leader) drop(name string) {
	delete(l.workers, name)
	for id, p := range l.pending {
		if !l.able(p) {
			close(p.gone)
			delete(l.pending, id)
		}
	}
}
