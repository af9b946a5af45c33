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

// Squashed returns the ciphertext of h prepared for threshold decryption, one
// squashed ciphertext per packed block. It waits for the ciphertext as Wait
// does, squashes on the first request only and keeps the result; concurrent
// requests share the work. Callers must not change what they get.
func (c *Coprocessor) Squashed(ctx context.Context, h fhe.Handle) ([]*squash.Ciphertext, error) {
	id, err := c.await(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("squash %s: %w", h, err)
	}
	shared := c.squashes.DoChan(string(id[:]), func() (any, error) { return c.squashed(id) })
	select {
	case r := <-shared:
		if r.Err != nil {
			return nil, fmt.Errorf("squash %s: %w", h, r.Err)
		}
		return r.Val.([]*squash.Ciphertext), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("squash %s: %w", h, ctx.Err())
	}
}

// squashed reads or makes the squashed ciphertexts of a ready content. It
// belongs to no single request and ends early only with Close.
func (c *Coprocessor) squashed(id store.ID) ([]*squash.Ciphertext, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	b, err := c.store.Squashed(id)
	if err != nil {
		return nil, err
	}
	if b != nil {
		return parseSquashed(b)
	}
	select {
	case c.squasher <- struct{}{}:
		defer func() { <-c.squasher }()
	case <-c.closing.Done():
		return nil, ErrClosed
	}
	return c.squash(id)
}

func (c *Coprocessor) squash(id store.ID) ([]*squash.Ciphertext, error) {
	if c.cfg.Squasher == nil {
		return nil, errors.New("this coprocessor has no squashing key")
	}
	ct, err := c.ciphertext(id)
	if err != nil {
		return nil, err
	}
	list, err := c.cfg.Squasher.Squash(c.closing, radix.Pack(ct))
	if err != nil {
		return nil, err
	}
	b, err := encodeSquashed(list)
	if err != nil {
		return nil, err
	}
	return list, c.store.PutSquashed(id, b)
}

func squashedDigest(list []*squash.Ciphertext) fhe.Digest {
	digests := make([]fhe.Digest, len(list))
	for i, ct := range list {
		digests[i] = ct.Digest()
	}
	return fhe.SquashedDigest(digests)
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
