package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("coprocessor is closed")

// Coprocessor follows one chain's log. All methods are safe for concurrent use.
type Coprocessor struct {
	cfg   Config
	store *store.Store

	closing context.Context // ends when Close begins
	close   context.CancelFunc
	use     struct {
		sync.Mutex
		closed  bool
		running bool           // a Run is in progress
		calls   sync.WaitGroup // methods in progress
	}

	wake    chan struct{} // the log has grown, or reload is set
	reload  atomic.Bool   // pending wants have changed otherwise than by growing
	waiters waiters
	moved   broadcast // the log has grown or changed, or wants were settled
	totals  totals

	workload   workload
	arrivals   arrivals
	calculator *Calculator
	verdicts   verdicts
	seconds    *lru.Cache[store.ID, second] // that came before their jobs were done, by the first content

	squashes shared[*prepared]
	loads    shared[*prepared] // of what was squashed before
	atHand   *cache[*prepared]
	squasher chan struct{} // holds one element per squash in progress
}

// Open opens the store and checks it against cfg. Nothing is computed before Run.
func Open(cfg Config) (*Coprocessor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("coprocessor configuration: %w", err)
	}
	cfg.setDefaults()
	closing, end := context.WithCancel(context.Background())
	calculator := NewCalculator(closing, cfg.Evaluator, cfg.Workers, cfg.Memory)
	s, err := store.Open(cfg.FS, cfg.Dir, cfg.Domain, cfg.Logger)
	if err != nil {
		end()
		return nil, err
	}
	c := &Coprocessor{cfg: cfg, store: s, wake: make(chan struct{}, 1), calculator: calculator, verdicts: newVerdicts(), seconds: newRecent[second](), atHand: newCache(maxAtHand, (*prepared).bytes), squasher: make(chan struct{}, maxSquashes)}
	c.workload.now = cfg.Now
	calculator.memory.freed = c.poke
	c.squashes.limit = maxWaiting
	c.closing, c.close = closing, end
	return c, nil
}

// Close ends Run and all waiting calls, and closes the store.
func (c *Coprocessor) Close() error {
	c.use.Lock()
	if c.use.closed {
		c.use.Unlock()
		return ErrClosed
	}
	c.use.closed = true
	c.use.Unlock()
	c.close()
	c.use.calls.Wait()
	return c.store.Close()
}

// enter admits a call that uses the store; the caller must call exit.
func (c *Coprocessor) enter() error {
	c.use.Lock()
	defer c.use.Unlock()
	if c.use.closed {
		return ErrClosed
	}
	c.use.calls.Add(1)
	return nil
}

func (c *Coprocessor) exit() { c.use.calls.Done() }

// Append stores the next block of the log; when it returns, the block is
// durable. A block that is stored already is accepted again. Errors a feed
// may branch on: *store.GapError (blocks are missing), *store.ReorgError (revert first),
// *store.ConflictError (stop: a handle has two meanings).
func (c *Coprocessor) Append(batch fhe.Batch) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	c.arrivals.add(&batch, c.cfg.Now())
	err := ErrPending
	for errors.Is(err, ErrPending) { // a result that it met was damaged, and is forgotten now
		err = c.lost(c.store.Append(&batch))
	}
	if err != nil {
		return fmt.Errorf("append block: %w", err)
	}
	c.moved.notify()
	c.poke()
	return nil
}

// Stage keeps an input list, given by its encoding, until a block of the log
// names it by an attestation; when it returns, the list is durable. It fails on
// one that is malformed or of another domain, and with store.ErrManyStaged.
func (c *Coprocessor) Stage(encoding []byte) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	return c.store.Stage(encoding, time.Now())
}

// Revert undoes all blocks above number. Ciphertexts that exist stay; what
// only undone blocks wanted is not computed any more, and who waits for it gets
// ErrUnknown or ErrUnwanted. For development chains.
func (c *Coprocessor) Revert(number uint64) error {
	return c.rewind(func() error { return c.store.Revert(number) })
}

// Retry forgets all failures and computes again what met them. It is for an
// operator who has mended their cause.
func (c *Coprocessor) Retry() error {
	return c.rewind(func() error {
		_, err := c.store.RetryAll()
		return err
	})
}

// rewind changes the pending wants behind the scheduler's back and makes it
// read them again.
func (c *Coprocessor) rewind(change func() error) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	if err := change(); err != nil {
		return err
	}
	c.reload.Store(true)
	c.moved.notify()
	c.waiters.notifyAll()
	c.poke()
	return nil
}

// poke wakes the scheduler if it sleeps.
func (c *Coprocessor) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Cursor returns the last appended block; false before the first.
func (c *Coprocessor) Cursor() (store.Cursor, bool, error) {
	if err := c.enter(); err != nil {
		return store.Cursor{}, false, err
	}
	defer c.exit()
	return c.store.Cursor()
}

// BlockHash is the hash of an appended block; false where it is not there. A
// feed finds by it the last block that a chain shares with this log.
func (c *Coprocessor) BlockHash(number uint64) (fhe.Digest, bool, error) {
	if err := c.enter(); err != nil {
		return fhe.Digest{}, false, err
	}
	defer c.exit()
	return c.store.BlockHash(number)
}
