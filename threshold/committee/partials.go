package committee

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
)

// maxFetches is the number of handles of one request that are squashed at the
// same time.
const maxFetches = 4

// partials computes the party's partials of all blocks of the handles, in
// order, and records their openings before it returns. The caller has checked
// the rights on the block.
func (p *Party) partials(ctx context.Context, d *decision, b *Block, handles []fhe.Handle) ([]decrypt.Partial, error) {
	if err := p.records.charge(d, decrypt.Blocks(decrypt.Types(handles))); err != nil {
		return nil, err
	}
	if err := p.records.squashes(d, handles); err != nil {
		return nil, err
	}
	values, err := p.fetchAll(ctx, handles)
	if err != nil {
		return nil, err
	}
	if err := confirm(ctx, b); err != nil {
		return nil, err
	}
	if err := p.disclose(d, handles, values); err != nil {
		return nil, err
	}
	return slices.Concat(values...), nil
}

// fetchAll fetches all handles' partials, some at a time.
func (p *Party) fetchAll(ctx context.Context, handles []fhe.Handle) ([][]decrypt.Partial, error) {
	values := make([][]decrypt.Partial, len(handles))
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(maxFetches)
	for i, h := range handles {
		group.Go(func() (err error) {
			values[i], err = p.fetch(fetching, h)
			return err
		})
	}
	return values, group.Wait()
}

// disclose makes the openings of a decision durable: counted, and bound to their bytes.
func (p *Party) disclose(d *decision, handles []fhe.Handle, values [][]decrypt.Partial) (err error) {
	var openings []disclosure
	for i, v := range values {
		o := disclosure{handles[i], fhe.SquashedDigest(p.epoch.SquashKey, digests(v)), sessions(v)}
		openings = append(openings, o)
		d.Digests = append(d.Digests, o.digest)
	}
	if d.Fresh, d.Openings, err = p.records.store.disclose(p.epoch, openings, p.limit); err != nil {
		return err
	}
	if d.Openings > p.limit/2 {
		p.cfg.Log.Warn("more than half of the key's openings are used up", "openings", d.Openings, "limit", p.limit)
	}
	return nil
}

// fetch gets a handle's squashed blocks, as far as the party's policy accepts them, and
// computes the partials of the bytes at hand.
func (p *Party) fetch(ctx context.Context, h fhe.Handle) ([]decrypt.Partial, error) {
	blocks, err := p.squashed(ctx, h)
	if err != nil {
		return nil, err
	}
	return p.key.Partials(blocks), nil
}

func digests(ps []decrypt.Partial) []fhe.Digest {
	out := make([]fhe.Digest, len(ps))
	for i, p := range ps {
		out[i] = p.Digest
	}
	return out
}

func sessions(ps []decrypt.Partial) []threshold.Session {
	out := make([]threshold.Session, len(ps))
	for i, p := range ps {
		out[i] = p.Session
	}
	return out
}
