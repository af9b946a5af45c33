package coprocessor

import (
	"context"
	"sync"

	"fhevm/coprocessor/store"
)

// broadcast wakes everybody who waits for a condition to be looked at again.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next notify closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) notify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// waiters are the calls that wait for contents.
type waiters struct {
	mu sync.Mutex
	on map[store.ID]*waiter
}

// waiter is shared by all calls that wait for one content.
type waiter struct {
	calls int
	done  chan struct{}
}

// join registers a call; it must look for the result after that, and leave.
func (w *waiters) join(id store.ID) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		w.on = make(map[store.ID]*waiter)
	}
	x := w.on[id]
	if x == nil {
		x = &waiter{done: make(chan struct{})}
		w.on[id] = x
	}
	x.calls++
	return x
}

func (w *waiters) leave(id store.ID, x *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x.calls--; x.calls == 0 && w.on[id] == x {
		delete(w.on, id)
	}
}

// notify wakes the calls that wait for one of ids.
func (w *waiters) notify(ids []store.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if x := w.on[id]; x != nil {
			close(x.done)
			delete(w.on, id)
		}
	}
}

func (w *waiters) notifyAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.on {
		close(x.done)
	}
	clear(w.on)
}

// sleep waits for changed, the end of ctx or Close.
func (c *Coprocessor) sleep(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing.Done():
		return ErrClosed
	}
}

// Drain waits until nothing that is wanted is missing: every wanted handle
// that the log defines is ready or has failed.
func (c *Coprocessor) Drain(ctx context.Context) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	for {
		changed := c.moved.next()
		if c.store.Missing() == 0 {
			return nil
		}
		if err := c.sleep(ctx, changed); err != nil {
			return err
		}
	}
}
