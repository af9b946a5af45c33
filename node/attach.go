package node

import (
	"context"
	"errors"
	"fmt"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold/eip712"
)

// Attach says which chain a node serves that is not its own.
type Attach struct {
	URL     string // of its JSON-RPC: http, https, ws or wss
	ChainID uint64 // that it must have; 0: that of the network's description
	// Registry is the key registry of the network's contracts there; "" means the
	// established address.
	Registry string
	// From is the first block that may hold the contracts' logs; 0 asks the chain.
	From uint64
	// Deploy puts the contracts onto a development chain that does not have them.
	Deploy bool
	// Confirmations is the number of blocks on top of one that counts; negative
	// numbers stand for blocks that the chain calls finalized.
	Confirmations int64
	Progress      func(done, total uint64) // optional: told of a long catching up
}

func (a *Attach) depth() chain.Depth { return max(chain.Depth(a.Confirmations), chain.Finalized) }

func (a *Attach) registry() (fhe.Address, error) {
	if a.Registry == "" {
		return contracts.KeyRegistryAddress, nil
	}
	var at fhe.Address
	if err := at.UnmarshalText([]byte(a.Registry)); err != nil {
		return at, fmt.Errorf("key registry: %w", err)
	}
	return at, nil
}

// attach connects to the chain and makes sure that it has the network's contracts.
func (n *Node) attach(ctx context.Context, a *Attach) error {
	remote, err := chain.Dial(ctx, chain.RemoteConfig{URL: a.URL, Depth: a.depth(), Logger: n.config.Logger, Progress: a.Progress})
	if err != nil {
		return err
	}
	n.chain, n.depth = remote, a.depth()
	if err := n.adopt(ctx, remote, a); err != nil {
		return fmt.Errorf("the chain: %w", err)
	}
	n.feed = remote.Feed(n.network.Contracts, n.Domain())
	return nil
}

// adopt turns the network's description into that of the network on the chain.
func (n *Node) adopt(ctx context.Context, remote *chain.Remote, a *Attach) (err error) {
	if n.config.Remote && a.ChainID != 0 && a.ChainID != n.network.ChainID {
		return fmt.Errorf("the parties elsewhere serve chain %d, not %d: deal a network for that chain with keygen --chain-id", n.network.ChainID, a.ChainID)
	}
	if n.network.ChainID, err = checkID(ctx, remote, a, n.network); err != nil {
		return err
	}
	registry, err := a.registry()
	if err != nil {
		return err
	}
	if n.first, err = n.deployed(ctx, remote, a, registry); err != nil {
		return err
	}
	if n.network.Contracts, err = chain.Find(ctx, remote.Client(), registry, a.depth()); err != nil {
		return err
	}
	if err := checkChain(ctx, n.view(), n.network); err != nil {
		return err
	}
	return checkPresent(ctx, n.view(), n.network)
}

// checkID keeps a development network off a chain that somebody else minds.
func checkID(ctx context.Context, remote *chain.Remote, a *Attach, d *network.Description) (uint64, error) {
	id, err := remote.Client().ChainID(ctx)
	if err != nil {
		return 0, fmt.Errorf("chain id: %w", err)
	}
	want := a.ChainID
	if want == 0 {
		want = d.ChainID
	}
	if !id.IsUint64() || id.Uint64() != want {
		return 0, fmt.Errorf("its id is %s, not %d: inputs are not proven yet, and whoever sends transactions to the chain can learn the network's key; "+
			"if it is a chain of your own, say so with --chain-id %s", id, want, id)
	}
	return want, nil
}

// deployed returns the block since which the chain has the contracts. It puts
// them there if it is to.
func (n *Node) deployed(ctx context.Context, remote *chain.Remote, a *Attach, registry fhe.Address) (uint64, error) {
	since, there, err := uint64(0), false, error(nil)
	if a.From == 0 {
		if since, there, err = remote.Since(ctx, registry); err != nil {
			return 0, err
		}
	} else {
		since, there = a.From, true
	}
	switch {
	case there:
		return since, nil
	case a.Registry != "":
		return 0, fmt.Errorf("there is no key registry at %s", registry)
	case !a.Deploy:
		return 0, errors.New("it does not have the network's contracts: put them there with --deploy, or name the key registry of a deployment with --registry")
	}
	if err := remote.Place(ctx, n.network.Genesis(), eip712.AddressOf(n.keys.Signer.PubKey())); err != nil {
		return 0, err
	}
	since, _, err = remote.Since(ctx, registry)
	return since, err
}

// Plan describes the network to contracts/script/deploy.mjs.
type Plan struct {
	*chain.Genesis
	Coprocessor fhe.Address `json:"coprocessor"` // whose attestations of inputs count
	Alloc       *struct{}   `json:"alloc,omitempty"`
	Owner       *struct{}   `json:"owner,omitempty"`
}

// Describe is the plan by which the network of a folder is deployed to the chain
// with that id; 0 means the description's own.
func Describe(f network.Folder, chainID uint64) (*Plan, error) {
	d, err := f.Description()
	if err != nil {
		return nil, err
	}
	if chainID != 0 {
		d.ChainID = chainID
	}
	return &Plan{Genesis: d.Genesis(), Coprocessor: d.Committee.Policy.Coprocessors[0]}, nil
}
