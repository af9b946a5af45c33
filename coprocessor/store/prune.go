package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// Policy says how long a store keeps what can be computed again. What the log
// says, the packed input lists and the packed results that the log wants stay
// for ever.
type Policy struct {
	// Results is for how many blocks the packed results of operations are kept
	// that nothing wants and no pending work takes.
	Results uint64
	// Squashed is for how many blocks squashed ciphertexts are kept behind the
	// last request for them.
	Squashed uint64
	// Bare drops the bare results that no pending work takes. A running
	// coprocessor does so by itself.
	Bare bool
}

// Pruning is how a policy is put into effect.
type Pruning struct {
	Policy
	DryRun   bool                                // count only
	Rate     int                                 // records a second, 0 without bound
	Progress func(stage string, done, total int) // optional
}

// Pruned is what a pruning dropped.
type Pruned struct {
	Packed   Amount `json:"packed"`
	Bare     Amount `json:"bare"`
	Squashed Amount `json:"squashed"`
}

// Amount is a number of records and the size of their values.
type Amount struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

func (a *Amount) add(bytes int) {
	a.Records++
	a.Bytes += uint64(bytes)
}

// Total is the sum over all kinds.
func (p Pruned) Total() Amount {
	return Amount{p.Packed.Records + p.Bare.Records + p.Squashed.Records, p.Packed.Bytes + p.Bare.Bytes + p.Squashed.Bytes}
}

// pruneStep is the number of records that are dropped in one write.
const pruneStep = 256

// Prune drops what the policy lets go and returns how much. It may run beside
// everything else; a Revert meanwhile ends it early, without error.
func (s *Store) Prune(ctx context.Context, how Pruning) (Pruned, error) {
	cursor, ok, err := s.Cursor()
	if !ok || err != nil {
		return Pruned{}, err
	}
	p := &pruner{Store: s, Pruning: how, ctx: ctx, cursor: cursor}
	if p.Progress == nil {
		p.Progress = func(string, int, int) {}
	}
	err = p.run()
	if errors.Is(err, errReverted) {
		err = nil
	}
	return p.pruned, err
}

var errReverted = errors.New("the log was taken back")

// pruner is one pass over the store.
type pruner struct {
	*Store
	Pruning
	ctx    context.Context
	cursor Cursor // up to which the marks know what is wanted
	marks
	pruned Pruned
}

func (p *pruner) run() error {
	if err := p.mark(); err != nil {
		return err
	}
	if err := p.prunePacked(); err != nil {
		return err
	}
	if p.Policy.Bare {
		if err := p.pruneBare(); err != nil {
			return err
		}
	}
	return p.pruneSquashed()
}

// candidate is a record that may be dropped.
type candidate struct {
	key  []byte
	size int
}

// sweep hands the records of a table that pick chooses to drop, in steps.
func (p *pruner) sweep(table byte, drop func([]candidate) error, pick func(it *pebble.Iterator) (bool, error)) error {
	var step []candidate
	first, past := tableRange(table)
	err := p.scanKeys(first, past, func(it *pebble.Iterator) error {
		p.Progress("prune "+tableName(table), portion(it.Key()), wholeTable)
		picked, err := pick(it)
		if !picked || err != nil {
			return err
		}
		value := it.LazyValue()
		step = append(step, candidate{slices.Clone(it.Key()), value.Len()})
		if len(step) < pruneStep {
			return nil
		}
		err = drop(step)
		step = nil
		return errors.Join(err, p.pause())
	})
	return errors.Join(err, drop(step))
}

// pause keeps to the rate.
func (p *pruner) pause() error {
	if p.Rate <= 0 {
		return p.ctx.Err()
	}
	select {
	case <-time.After(time.Second * pruneStep / time.Duration(p.Rate)):
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

func (p *pruner) prunePacked() error {
	return p.sweep(tablePacked, p.dropAllPacked, func(it *pebble.Iterator) (bool, error) {
		return p.unneeded(it.Key())
	})
}

// unneeded reports whether the packed ciphertext at key is an old one of an
// operation whose results nobody wants or takes.
func (p *pruner) unneeded(key []byte) (bool, error) {
	at, n, err := p.operation(key)
	if n == nil || err != nil {
		return false, err
	}
	if slices.ContainsFunc(p.Results(at, n), p.packed.has) {
		return false, nil
	}
	binding, err := p.Binding(n.Handle)
	if err != nil {
		return false, err
	}
	return binding == nil || p.old(binding.Block, p.Policy.Results), nil
}

// operation returns the node of the operation at key; nil if that is an input
// list or nothing that the log knows.
func (p *pruner) operation(key []byte) (ID, *Node, error) {
	if len(key) != 1+32 {
		return ID{}, nil, nil
	}
	at := ID(key[1:])
	known, err := p.has(p.db, keyContent(tableNode, at))
	if !known || err != nil {
		return at, nil, err
	}
	n, err := p.Node(at)
	if err != nil || n.Kind != Operation {
		return at, nil, err
	}
	return at, n, nil
}

func (p *pruner) old(block, keep uint64) bool {
	return block < p.cursor.Number && p.cursor.Number-block >= keep
}

// dropAllPacked drops packed ciphertexts unless the log has come to want them
// since they were marked.
func (p *pruner) dropAllPacked(all []candidate) error {
	p.log.Lock()
	defer p.log.Unlock()
	if err := p.catchUp(); err != nil {
		return err
	}
	return p.write(func(b *pebble.Batch) error {
		for _, c := range all {
			unneeded, err := p.unneeded(c.key)
			if err != nil {
				return err
			}
			if !unneeded {
				continue
			}
			p.pruned.Packed.add(c.size)
			at, n, err := p.operation(c.key)
			if err != nil {
				return err
			}
			if err := p.dropPacked(b, at, p.Results(at, n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// write commits what fill puts into a batch, unless it is a dry run.
func (p *pruner) write(fill func(b *pebble.Batch) error) error {
	if !p.DryRun {
		return p.update(pebble.NoSync, fill)
	}
	b := p.db.NewIndexedBatch()
	return errors.Join(fill(b), b.Close())
}

func (p *pruner) pruneBare() error {
	return p.sweep(tableBare, func(all []candidate) error { return p.drop(all, &p.pruned.Bare) },
		func(it *pebble.Iterator) (bool, error) {
			return len(it.Key()) == 1+32 && !p.bare.has(ID(it.Key()[1:])), nil
		})
}

func (p *pruner) pruneSquashed() error {
	return p.sweep(tableSquashed, func(all []candidate) error { return p.drop(all, &p.pruned.Squashed) },
		func(it *pebble.Iterator) (bool, error) {
			record, err := p.get(p.db, append([]byte{tableUse}, it.Key()[1:]...))
			if err != nil {
				return false, err
			}
			u, err := parseUse(record)
			return err != nil || p.old(u.Block, p.Policy.Squashed), nil // without a use they are good for nothing
		})
}

func (p *pruner) drop(all []candidate, count *Amount) error {
	return p.write(func(b *pebble.Batch) error {
		for _, c := range all {
			count.add(c.size)
			if _, err := p.forget(b, &DamageError{Key: c.key}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Compact gives the space of dropped records back to the disk. It takes as long
// as it takes to write anew what is kept.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.db.Compact(ctx, []byte{0}, []byte{0xff}, true); err != nil {
		return err
	}
	return s.rewritten(ctx)
}

// rewritten waits until the files of large values hold little garbage, or
// nothing is being done about it.
func (s *Store) rewritten(ctx context.Context) error {
	for {
		m := s.db.Metrics()
		if m.Compact.NumInProgress == 0 {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wholeTable is the number of portions that a table of names is read in.
const wholeTable = 1 << 16

// portion is how far a walk through a table is that has come to key: names are
// hashes, evenly spread.
func portion(key []byte) int {
	if len(key) < 3 {
		return 0
	}
	return int(key[1])<<8 | int(key[2])
}

// wantedOf adds the contents of those of handles that are bound and wanted.
func (p *pruner) wantedOf(handles []fhe.Handle) error {
	for _, h := range handles {
		wanted, err := p.Wanted(h)
		if err != nil {
			return err
		}
		binding, err := p.Binding(h)
		if err != nil {
			return err
		}
		if wanted && binding != nil {
			p.packed.add(binding.Content)
		}
	}
	return nil
}

// catchUp marks what the blocks behind the pruner's cursor want. The log must
// not grow meanwhile.
func (p *pruner) catchUp() error {
	now, ok, err := p.Cursor()
	if err != nil {
		return err
	}
	record, err := p.block(p.cursor.Number)
	switch {
	case err != nil:
		return err
	case !ok || record == nil || record.Hash != p.cursor.Hash:
		return errReverted
	}
	for p.cursor.Number < now.Number {
		next := p.cursor.Number + 1
		record, err := p.block(next)
		if err != nil {
			return err
		}
		if record == nil {
			return errReverted
		}
		if err := errors.Join(p.wantedOf(record.Wanted), p.wantedOf(record.Bound)); err != nil {
			return err
		}
		p.cursor = Cursor{next, record.Hash}
	}
	return nil
}
