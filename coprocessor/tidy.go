package coprocessor

import (
	"context"
	"errors"
	"fmt"

	"fhevm/coprocessor/store"
)

// DefaultKeep is for how many blocks results that nothing wants, and squashed
// ciphertexts that nobody asks for, are kept.
const DefaultKeep = 1 << 14

// tidyRate bounds the records a second that Tidy drops: little beside the
// writes of a busy coprocessor.
const tidyRate = 2000

// Tidy drops, for as long as the coprocessor runs, what can be computed again
// and was not used for that many blocks. A damaged record that it meets is computed
// again, as one that a computation meets. It returns nil when ctx ends or Close begins.
func (c *Coprocessor) Tidy(ctx context.Context, keep uint64) error {
	for next := uint64(0); ; {
		grown := c.moved.next()
		cursor, begun, err := c.Cursor()
		switch {
		case err != nil:
		case begun && cursor.Number >= next:
			next = cursor.Number + max(1, keep/8)
			_, err = c.prune(ctx, store.Pruning{Policy: store.Policy{Results: keep, Squashed: keep}, Rate: tidyRate})
			if err = c.lost(err); errors.Is(err, ErrPending) { // it goes on behind the next block
				next, err = cursor.Number+1, nil
			}
		default:
			err = c.sleep(ctx, grown)
		}
		if errors.Is(err, ErrClosed) || err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("prune the ciphertext store: %w", err)
		}
	}
}

func (c *Coprocessor) prune(ctx context.Context, how store.Pruning) (store.Pruned, error) {
	if err := c.enter(); err != nil {
		return store.Pruned{}, err
	}
	defer c.exit()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.closing, cancel)()
	defer cancel()
	pruned, err := c.store.Prune(ctx, how)
	c.totals.pruned.Add(pruned.Total().Records)
	if c.closing.Err() != nil {
		return pruned, ErrClosed
	}
	return pruned, err
}
