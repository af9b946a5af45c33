package coprocessor

import (
	"sync"
	"time"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// maxArrivals bounds the blocks whose times are remembered.
const maxArrivals = 1 << 14

// Latency is how long the ciphertext of a want took until it was stored. Wants
// of blocks that came before the process began, or very long ago, have none.
type Latency struct {
	SinceArrival time.Duration // of the block here
	SinceBlock   time.Duration // after the block's own time; 0 where the batch has none, or it is ahead of the clock
}

// SquashTrace describes a call of Squashed.
type SquashTrace struct {
	Duration time.Duration
	Kept     bool // it was squashed before
	Err      error
}

// arrivals remembers when the last blocks came.
type arrivals struct {
	mu   sync.Mutex
	when map[uint64]arrival
}

type arrival struct{ here, block time.Time }

func (a *arrivals) add(b *fhe.Batch, now time.Time) {
	at := arrival{here: now}
	if b.Time != 0 {
		at.block = time.Unix(int64(b.Time), 0)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.when == nil {
		a.when = make(map[uint64]arrival)
	}
	a.when[b.Number] = at
	delete(a.when, b.Number-maxArrivals)
}

func (a *arrivals) of(block uint64) (arrival, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.when[block]
	return at, ok
}

// settled reports the latencies of wants whose ciphertexts were computed.
func (c *Coprocessor) settled(roots []store.Root) {
	now := c.cfg.Now()
	for _, r := range roots {
		at, known := c.arrivals.of(r.Position.Block)
		if !known {
			continue
		}
		l := Latency{SinceArrival: now.Sub(at.here)}
		if !at.block.IsZero() {
			l.SinceBlock = max(now.Sub(at.block), 0)
		}
		c.cfg.Settled(l)
	}
}
