package coprocessor

import (
	"context"
	"math"
	"slices"
	"sync"
)

// budget bounds the memory, in bytes, of evaluations in flight and of the values that
// they leave for others. An evaluation begins when it fits or when no other runs. All
// that compute on one machine share one budget.
type budget struct {
	limit int64
	freed func() // called when others than the scheduler gave memory back

	mu      sync.Mutex
	held    int64
	running int
	waiting []*claim // oldest first
}

// claim is an evaluation that waits.
type claim struct {
	bytes   int64
	granted chan struct{} // closed when it may begin
}

// begin waits until an evaluation of so many bytes may begin. Whoever came first
// begins first. Its error is that of ctx.
func (b *budget) begin(ctx context.Context, bytes int64) error {
	c := &claim{bytes, make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, c)
	b.admit()
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, c)
	if i < 0 { // it may begin, and will find that it is to stop
		return nil
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	b.admit()
	return ctx.Err()
}

// choose has pick choose an evaluation for the room that is left, and begins it.
func (b *budget) choose(pick func(room int64) *job) *job {
	b.mu.Lock()
	defer b.mu.Unlock()
	j := pick(b.room())
	if j != nil {
		b.grant(j.estimate.memory)
	}
	return j
}

// room is what is left for those that do not wait. A lone one always has enough.
func (b *budget) room() int64 {
	switch {
	case b.running == 0:
		return math.MaxInt64
	case len(b.waiting) > 0:
		return 0
	}
	return b.limit - b.held
}

// end ends an evaluation that began with so many bytes and leaves kept of them.
func (b *budget) end(bytes, kept int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	b.held -= bytes - kept
	b.admit()
}

// drop gives back what an evaluation left.
func (b *budget) drop(kept int64) {
	b.mu.Lock()
	b.held -= kept
	b.admit()
	b.mu.Unlock()
	b.freed()
}

// admit begins what has waited as far as there is room. mu is held.
func (b *budget) admit() {
	for len(b.waiting) > 0 && (b.running == 0 || b.held+b.waiting[0].bytes <= b.limit) {
		b.grant(b.waiting[0].bytes)
		close(b.waiting[0].granted)
		b.waiting = b.waiting[1:]
	}
}

func (b *budget) grant(bytes int64) {
	b.running++
	b.held += bytes
}

// size is what is held.
func (b *budget) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}
