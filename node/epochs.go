package node

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"fhevm/chain"
	"fhevm/node/network"
	"fhevm/threshold"
)

// epochs is what a node knows of its network's committees. It looks at the key
// registry when somebody asks, and at the network's folder when the registry
// names an epoch that is new.
type epochs struct {
	folder   network.Folder
	registry func(context.Context) (chain.Committee, error) // nil: nothing follows the first epoch

	mu      sync.Mutex
	known   *network.Description
	current uint64
}

func newEpochs(f network.Folder, d *network.Description, registry func(context.Context) (chain.Committee, error)) *epochs {
	return &epochs{folder: f, registry: registry, known: d, current: d.Committee.Epoch.Number}
}

// registered is the committee that the key registry has in force.
func (n *Node) registered(ctx context.Context) (c chain.Committee, err error) {
	block, err := n.view().Finalized(ctx)
	if err != nil {
		return c, err
	}
	return block.Committee(ctx)
}

// present is the committee that the registry has in force, as far as the folder
// describes it, else the last one that was. It is not nil with an error either.
func (e *epochs) present(ctx context.Context) (*threshold.Committee, error) {
	err := e.look(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known.CommitteeOf(e.current), err
}

// look compares the epoch at hand with the registry's.
func (e *epochs) look(ctx context.Context) error {
	if e.registry == nil {
		return nil
	}
	now, err := e.registry(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Epoch == e.current {
		return nil
	}
	if err := e.read(); err != nil {
		return err
	}
	if c := e.known.CommitteeOf(now.Epoch); c != nil && sameCommittee(now, network.OnChain(c)) {
		e.current = now.Epoch
	}
	return nil
}

// of is the committee of an epoch; 0 means the present one.
func (e *epochs) of(ctx context.Context, number uint64) (*threshold.Committee, error) {
	if number == 0 {
		return e.present(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known.CommitteeOf(number) == nil {
		if err := e.read(); err != nil {
			return nil, err
		}
	}
	c := e.known.CommitteeOf(number)
	if c == nil {
		return nil, threshold.Faultf(threshold.EpochNotActive, "this node knows no epoch %d: ask with the network's present parameters", number)
	}
	return c, nil
}

// find returns whether a committee that the folder describes passes a check, and
// looks for new ones if none at hand does.
func (e *epochs) find(check func(*threshold.Committee) error) (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, reread := range []bool{false, true} {
		if reread && e.read() != nil {
			return err
		}
		for _, c := range slices.Backward(e.known.Committees()) {
			if err = check(c); err == nil {
				return nil
			}
		}
	}
	return err
}

// read reads the folder again. The caller holds mu.
func (e *epochs) read() error {
	d, err := e.folder.Description()
	if err != nil {
		return fmt.Errorf("look for a new epoch: %w", err)
	}
	e.known = d
	return nil
}
