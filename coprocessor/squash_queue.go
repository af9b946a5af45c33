package coprocessor

import (
	"context"
	"sync"

	"fhevm/coprocessor/store"
	"fhevm/fhe/squash"
)

// Bounds of the work for decryptions.
const (
	maxSquashes = 4   // contents that are squashed at the same time
	maxWaiting  = 128 // contents that are squashed or wait for their turn
)

// squashes are the contents that are being squashed or wait for it.
type squashes struct {
	mu sync.Mutex
	on map[store.ID]*squashing
}

// squashing is the work on one content, shared by all calls that wait for it.
type squashing struct {
	calls  int
	cancel context.CancelFunc // ends the work
	done   chan struct{}      // closed when list and err are set
	list   []*squash.Ciphertext
	err    error
}

type squashFunc func(context.Context, store.ID) ([]*squash.Ciphertext, error)

// do runs work on a content, or joins a call that does. The work ends early
// with closing, or when the last call that waits for it has gone.
func (s *squashes) do(ctx, closing context.Context, id store.ID, work squashFunc) ([]*squash.Ciphertext, error) {
	x := s.join(closing, id, work)
	if x == nil {
		return nil, ErrBusy
	}
	defer s.leave(id, x)
	select {
	case <-x.done:
		if x.err != nil && closing.Err() != nil {
			return nil, ErrClosed
		}
		return x.list, x.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join adds a call to the work on a content and begins it if need be. It
// returns nil if too much waits.
func (s *squashes) join(closing context.Context, id store.ID, work squashFunc) *squashing {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.on[id]
	switch {
	case x != nil:
	case len(s.on) >= maxWaiting:
		return nil
	default:
		x = s.begin(closing, id, work)
	}
	x.calls++
	return x
}

func (s *squashes) begin(closing context.Context, id store.ID, work squashFunc) *squashing {
	ctx, cancel := context.WithCancel(closing)
	x := &squashing{cancel: cancel, done: make(chan struct{})}
	if s.on == nil {
		s.on = make(map[store.ID]*squashing)
	}
	s.on[id] = x
	go func() {
		x.list, x.err = work(ctx, id)
		close(x.done)
	}()
	return x
}

// leave takes a call away. The last one ends the work, so that a later call
// for the content begins anew.
func (s *squashes) leave(id store.ID, x *squashing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.calls--; x.calls == 0 {
		x.cancel()
		delete(s.on, id)
	}
}
