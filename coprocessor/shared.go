package coprocessor

import (
	"context"
	"sync"

	"fhevm/coprocessor/store"
)

// shared is work on contents, done once for all calls that wait for it.
type shared[T any] struct {
	limit int // contents that are worked on or wait for it; 0: any number

	mu sync.Mutex
	on map[store.ID]*sharedWork[T]
}

type sharedWork[T any] struct {
	calls  int
	cancel context.CancelFunc // ends the work
	done   chan struct{}      // closed when result and err are set
	result T
	err    error
}

// do runs work on a content, or joins a call that does. The work ends early
// with closing, or when the last call that waits for it has gone.
func (s *shared[T]) do(ctx, closing context.Context, id store.ID, work func(context.Context, store.ID) (T, error)) (T, error) {
	var none T
	x := s.join(ctx, closing, id, work)
	if x == nil {
		return none, ErrBusy
	}
	defer s.leave(id, x)
	select {
	case <-x.done:
		if x.err != nil && closing.Err() != nil {
			return none, ErrClosed
		}
		return x.result, x.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// join adds a call to the work on a content and begins it if need be. It
// returns nil if too much waits.
func (s *shared[T]) join(ctx, closing context.Context, id store.ID, work func(context.Context, store.ID) (T, error)) *sharedWork[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.on[id]
	switch {
	case x != nil:
	case s.limit > 0 && len(s.on) >= s.limit:
		return nil
	default:
		x = s.begin(ctx, closing, id, work)
	}
	x.calls++
	return x
}

// begin starts the work, which outlives the call that begins it but counts its
// bootstraps there.
func (s *shared[T]) begin(ctx, closing context.Context, id store.ID, work func(context.Context, store.ID) (T, error)) *sharedWork[T] {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	x := &sharedWork[T]{cancel: cancel, done: make(chan struct{})}
	if s.on == nil {
		s.on = make(map[store.ID]*sharedWork[T])
	}
	s.on[id] = x
	go func() {
		defer context.AfterFunc(closing, cancel)()
		x.result, x.err = work(ctx, id)
		close(x.done)
	}()
	return x
}

// leave takes a call away. The last one ends the work, so that a later call
// for the content begins anew.
func (s *shared[T]) leave(id store.ID, x *sharedWork[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.calls--; x.calls == 0 {
		x.cancel()
		delete(s.on, id)
	}
}
