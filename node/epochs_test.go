package node

import (
	"context"
	"errors"
	"testing"

	"fhevm/chain"
	"fhevm/node/network"
	"fhevm/threshold"
)

// TestEpochsWithoutDescription: while the folder does not describe what the
// registry names, the last known committee stands in, and requests for another
// one are refused.
func TestEpochsWithoutDescription(t *testing.T) {
	d := testNetwork()
	now := network.OnChain(&d.Committee)
	e := newEpochs(network.Folder(t.TempDir()), d, func(context.Context) (chain.Committee, error) { return now, nil })
	if c, err := e.present(t.Context()); err != nil || c.Epoch.Number != 1 {
		t.Fatal(c, err)
	}
	now.Epoch = 2
	if c, err := e.present(t.Context()); err == nil || c.Epoch.Number != 1 {
		t.Errorf("epoch %d and %v for one that is not described", c.Epoch.Number, err)
	}
	if c, err := e.of(t.Context(), 1); err != nil || c.Epoch.Number != 1 {
		t.Error(c, err)
	}
	if _, err := e.of(t.Context(), 2); err == nil {
		t.Error("a committee that nobody described")
	}
	refused := errors.New("not signed by it")
	if err := e.find(func(*threshold.Committee) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("found %v", err)
	}
}
