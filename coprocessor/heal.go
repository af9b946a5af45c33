package coprocessor

import (
	"context"
	"errors"
	"fmt"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// lost sorts the error of reading a record. One that is damaged but can be
// computed again is dropped, what the log wants of it becomes pending, and the
// error is ErrPending then; so it is if the record was pruned a moment ago.
func (c *Coprocessor) lost(err error) error {
	var damage *store.DamageError
	change := func() error { return nil }
	switch {
	case errors.Is(err, ErrPending):
		return err
	case errors.As(err, &damage) && damage.Recomputable():
		c.cfg.Logger.Error("a stored record is damaged: it is computed again", "error", damage)
		c.totals.damaged.Add(1)
		change = func() error { return c.store.Forget(damage) }
	case !errors.Is(err, store.ErrDropped):
		return err
	}
	if err := c.rewind(change); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrPending, err)
}

// packed reads a ready content: what is kept of it, and which of the values
// that are packed there it is.
func (c *Coprocessor) packed(id store.ID) (*radix.Packed, int, error) {
	n, err := c.store.Node(id)
	if err != nil {
		return nil, 0, err
	}
	b, err := c.packedBytes(id, n)
	if err != nil {
		return nil, 0, err
	}
	return parsePacked(id, b, n.Index)
}

func (c *Coprocessor) packedBytes(id store.ID, n *store.Node) ([]byte, error) {
	b, err := c.store.Kept(id, n)
	return b, c.lost(err)
}

// packedDigest returns the digest of the ciphertext of h after comparing it with
// the ciphertext. It waits as Wait does.
func (c *Coprocessor) packedDigest(ctx context.Context, h fhe.Handle) (fhe.Digest, error) {
	for {
		id, err := c.await(ctx, h)
		if err != nil {
			return fhe.Digest{}, err
		}
		p, err := c.keptPacked(id)
		if errors.Is(err, ErrPending) { // it was damaged
			continue
		}
		if err != nil {
			return fhe.Digest{}, err
		}
		return p.Digest(), nil
	}
}

func (c *Coprocessor) keptPacked(id store.ID) (*radix.Packed, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	p, _, err := c.packed(id)
	return p, err
}

func (c *Coprocessor) bare(id store.ID) (*radix.Ciphertext, error) {
	b, err := c.store.Bare(id)
	if err != nil {
		return nil, c.lost(err)
	}
	if b == nil {
		return nil, c.lost(c.store.DamagedBare(id, errors.New("it is missing")))
	}
	ct := new(radix.Ciphertext)
	if err := ct.UnmarshalBinary(b); err != nil {
		return nil, c.lost(c.store.DamagedBare(id, err))
	}
	return ct, nil
}

// stands reports whether enc is what a log may hold of a list: its encoding, or the
// attestation of one that was posted.
func stands(enc []byte, list fhe.Digest) bool {
	a, err := store.ParseList(enc)
	return err == nil && a.List == list
}

// list returns the encoding of the input list with a value that n makes: as it
// is staged, or else from the chain. A list that was posted is not on the chain,
// which has its attestation.
func (c *Coprocessor) list(ctx context.Context, n *store.Node) ([]byte, error) {
	enc, err := c.store.List(n.List)
	if err == nil && stands(enc, n.List) {
		return enc, nil
	}
	c.cfg.Logger.Warn("an input list is read from the chain again", "list", n.List, "handle", n.Handle, "error", err)
	binding, err := c.store.Binding(n.Handle)
	switch {
	case err != nil:
		return nil, err
	case binding == nil || c.cfg.Block == nil:
		return nil, fmt.Errorf("input list %s is not in the store any more, and no block of the chain is at hand that has it", n.List)
	}
	block, err := c.cfg.Block(ctx, binding.Block)
	if err != nil {
		return nil, fmt.Errorf("read input list %s from block %d again: %w", n.List, binding.Block, err)
	}
	for _, e := range block.Entries {
		if e.Input != nil && e.Input.Digest == n.List && stands(e.Input.Encoding, n.List) {
			return e.Input.Encoding, nil
		}
	}
	return nil, fmt.Errorf("block %d of the chain has no input list %s", binding.Block, n.List)
}
