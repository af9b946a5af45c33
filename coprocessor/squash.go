package coprocessor

import (
	"context"
	"errors"
	"fmt"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/squash"
)

// Bounds of the work for decryptions.
const (
	maxSquashes = 4        // contents that are squashed at the same time
	maxWaiting  = 128      // contents that are squashed or wait for their turn
	maxAtHand   = 64 << 20 // bytes of what they were squashed to, half a megabyte for 64 bits: each party asks for it
)

// ErrBusy says that as many values wait to be squashed as may.
var ErrBusy = errors.New("too many values wait to be squashed")

// prepared is what a content was squashed to. It does not change.
type prepared struct {
	list   []*squash.Ciphertext
	digest fhe.Digest
}

func (p *prepared) bytes() int64 { return int64(len(p.list)) * squash.CiphertextSize }

// Squashed returns the ciphertext of h prepared for threshold decryption, one
// squashed ciphertext per pair of blocks. It waits for the ciphertext as Wait
// does, squashes on the first request only and keeps the result; concurrent
// requests share the work, which stops when none of them waits any more.
// ErrBusy refuses a value that is not squashed yet while too many others wait.
// Callers must not change what they get.
func (c *Coprocessor) Squashed(ctx context.Context, h fhe.Handle) ([]*squash.Ciphertext, error) {
	began := c.cfg.Now()
	p, kept, err := c.squash(ctx, h)
	c.cfg.Squash(SquashTrace{Duration: c.cfg.Now().Sub(began), Kept: kept, Err: err})
	if err != nil {
		return nil, err
	}
	return p.list, nil
}

// squash is Squashed, and reports whether the result was kept from before.
func (c *Coprocessor) squash(ctx context.Context, h fhe.Handle) (p *prepared, kept bool, err error) {
	if c.cfg.Squasher == nil {
		return nil, false, errors.New("this coprocessor has no squashing key")
	}
	for {
		p, kept, err = c.squashOnce(ctx, h)
		if errors.Is(err, ErrPending) { // what is stored was damaged
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("squash %s: %w", h, err)
		}
		return p, kept, nil
	}
}

func (c *Coprocessor) squashOnce(ctx context.Context, h fhe.Handle) (p *prepared, kept bool, err error) {
	id, err := c.await(ctx, h)
	if err != nil {
		return nil, false, err
	}
	p, err = c.kept(ctx, id)
	kept = p != nil
	if !kept && err == nil {
		p, err = c.squashes.do(ctx, c.closing, id, c.squashed)
		if err == nil {
			err = c.Wait(ctx, h) // a block may have been undone meanwhile
		}
	}
	return p, kept, err
}

// kept returns what a content was squashed to before, nil if that is not stored. What
// is at hand is not read again, but noted to be in use.
func (c *Coprocessor) kept(ctx context.Context, id store.ID) (*prepared, error) {
	p, ok := c.atHand.get(id)
	if !ok {
		return c.loads.do(ctx, c.closing, id, c.stored)
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	there, err := c.store.UseSquashed(c.cfg.Squasher.KeyID(), id)
	if !there {
		return nil, c.lost(err)
	}
	return p, nil
}

// stored reads what a content was squashed to before, nil if there is nothing.
func (c *Coprocessor) stored(_ context.Context, id store.ID) (*prepared, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	b, err := c.store.Squashed(c.cfg.Squasher.KeyID(), id)
	if b == nil || err != nil {
		return nil, c.lost(err)
	}
	list, err := parseSquashed(b)
	if err != nil {
		return nil, err
	}
	return c.remember(id, list), nil
}

func (c *Coprocessor) remember(id store.ID, list []*squash.Ciphertext) *prepared {
	p := &prepared{list, squashedDigest(c.cfg.Squasher.KeyID(), list)}
	c.atHand.add(id, p)
	return p
}

// squashed makes and keeps the squashed ciphertexts of a ready content, when
// its turn comes and unless ctx ends before that.
func (c *Coprocessor) squashed(ctx context.Context, id store.ID) (*prepared, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	select {
	case c.squasher <- struct{}{}:
		defer func() { <-c.squasher }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p, err := c.stored(ctx, id); p != nil || err != nil {
		return p, err // it came while this call joined or waited
	}
	ct, err := c.unpacked(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := c.cfg.Squasher.Squash(ctx, radix.Pair(ct))
	if err != nil {
		return nil, err
	}
	b, err := encodeSquashed(list)
	if err != nil {
		return nil, err
	}
	if err := c.store.PutSquashed(c.cfg.Squasher.KeyID(), id, b); err != nil {
		return nil, err
	}
	return c.remember(id, list), nil
}

// squashedDigest is the digest of a list that was squashed under a key.
func squashedDigest(key fhe.Digest, list []*squash.Ciphertext) fhe.Digest {
	digests := make([]fhe.Digest, len(list))
	for i, ct := range list {
		digests[i] = ct.Digest()
	}
	return fhe.SquashedDigest(key, digests)
}

// encodeSquashed is the ciphertexts' encodings, all of one size.
func encodeSquashed(list []*squash.Ciphertext) ([]byte, error) {
	if len(list) == 0 {
		return nil, errors.New("the squasher returned nothing")
	}
	b := make([]byte, 0, len(list)*squash.CiphertextSize)
	for i, ct := range list {
		enc, err := ct.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("encode squashed ciphertext %d: %w", i, err)
		}
		b = append(b, enc...)
	}
	return b, nil
}

func parseSquashed(b []byte) ([]*squash.Ciphertext, error) {
	if len(b) == 0 || len(b)%squash.CiphertextSize != 0 || len(b) > store.MaxSquashed {
		return nil, fmt.Errorf("squashed ciphertexts have %d bytes, want a multiple of %d", len(b), squash.CiphertextSize)
	}
	list := make([]*squash.Ciphertext, len(b)/squash.CiphertextSize)
	for i := range list {
		list[i] = new(squash.Ciphertext)
		if err := list[i].UnmarshalBinary(b[i*squash.CiphertextSize:][:squash.CiphertextSize]); err != nil {
			return nil, fmt.Errorf("squashed ciphertext %d: %w", i, err)
		}
	}
	return list, nil
}
