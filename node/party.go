package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"

	"fhevm/chain"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/ethclient"
)

// PartyConfig says where a committee party finds its keys and its network.
type PartyConfig struct {
	Network  network.Folder // description and this party's share file
	Identity string         // path of the party's identity file
	DataDir  string         // of its records; required
	Listen   string         // address of the service; default that of the description
	RPC      string         // JSON-RPC of a node that this party trusts
	// Registry is the key registry of a network on a chain that others run;
	// "" means the established address.
	Registry string
	// Confirmations is as in Attach. Outside of development networks only
	// negative numbers, for finalized blocks, are accepted.
	Confirmations int64
	API           string // wallet API of the node whose coprocessor serves it
	Logger        *slog.Logger
	Ready         func(address string) // optional: called once it listens
}

// RunParty serves one committee party until ctx ends.
func RunParty(ctx context.Context, cfg PartyConfig) error {
	if cfg.DataDir == "" {
		return errors.New("a party needs a data folder: without its records it would lose count of what it opened")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := cfg.Network.Description()
	if err != nil {
		return err
	}
	keys, err := committee.LoadIdentity(cfg.Identity)
	if err != nil {
		return err
	}
	member, err := memberOf(d, keys)
	if err != nil {
		return err
	}
	client, err := ethclient.DialContext(ctx, cfg.RPC)
	if err != nil {
		return fmt.Errorf("dial the chain at %s: %w", cfg.RPC, err)
	}
	defer client.Close()
	view, err := cfg.view(ctx, client, d)
	if err != nil {
		return fmt.Errorf("the chain: %w", err)
	}
	party, err := openParty(cfg.Network, d, member.Party, keys, partyConfig{
		dir: filepath.Join(cfg.DataDir, partyDir(member.Party)), fs: vfs.Default,
		chain: chainView{view}, squasher: remoteSquasher{cfg.API}, log: cfg.Logger,
	})
	if err != nil {
		return err
	}
	defer party.Close()
	return serveParty(ctx, cfg, party, keys, d, member)
}

// view finds the network's contracts, and refuses a chain that has another's.
func (cfg *PartyConfig) view(ctx context.Context, client *ethclient.Client, d *network.Description) (*chain.View, error) {
	at := Attach{Registry: cfg.Registry, Confirmations: cfg.Confirmations}
	registry, err := at.registry()
	if err != nil {
		return nil, err
	}
	if d.Contracts, err = chain.Find(ctx, client, registry, at.depth()); err != nil {
		return nil, err
	}
	view := chain.NewView(client, d.Contracts, at.depth())
	return view, checkChain(ctx, view, d)
}

func serveParty(ctx context.Context, cfg PartyConfig, party *committee.Party, keys *identity.Identity, d *network.Description, member threshold.Member) error {
	peers, closePeers, err := committee.DialPeers(&d.Committee, keys, member.Party)
	if err != nil {
		return err
	}
	defer closePeers()
	party.Connect(peers)
	address := cfg.Listen
	if address == "" {
		address = member.Address
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen as party %d: %w", member.Party, err)
	}
	server := committee.NewServer(party, keys, &d.Committee, cfg.Logger)
	if cfg.Ready != nil {
		cfg.Ready(listener.Addr().String())
	}
	return server.Serve(ctx, listener)
}

// memberOf finds the party that the identity belongs to.
func memberOf(d *network.Description, keys *identity.Identity) (threshold.Member, error) {
	id, ok := d.Committee.PartyByTLS(keys.Fingerprint())
	if !ok {
		return threshold.Member{}, errors.New("this identity is not in the network's committee: was the network dealt for another one?")
	}
	return d.Committee.Member(id)
}

// checkChain refuses a chain that is not the network's: of another id, key or
// committee, or of another kind.
func checkChain(ctx context.Context, view *chain.View, d *network.Description) error {
	id, err := view.ChainID(ctx)
	if err != nil {
		return err
	}
	if id != d.ChainID {
		return fmt.Errorf("chain id is %d, the network's is %d", id, d.ChainID)
	}
	block, err := view.Finalized(ctx)
	if err != nil {
		return err
	}
	kind, err := block.Network(ctx)
	if err != nil {
		return err
	}
	if kind != d.Network {
		return fmt.Errorf("its key registry states network %q, the network is %q", kind, d.Network)
	}
	return checkKeys(ctx, block, d)
}

// checkKeys compares the FHE key and the committee that a block states with
// the network's.
func checkKeys(ctx context.Context, block *chain.Block, d *network.Description) error {
	key, err := block.KeyID(ctx)
	if err != nil {
		return err
	}
	if key != d.KeyID {
		return fmt.Errorf("its key registry states key %s, the network's is %s", key, d.KeyID)
	}
	got, err := block.Committee(ctx)
	if err != nil {
		return err
	}
	want := d.Genesis().Committee
	if got.Epoch != want.Epoch || got.Quorum != want.Quorum || !slices.Equal(got.Signers, want.Signers) {
		return fmt.Errorf("its key registry names %d of %v in epoch %d, the network's committee is %d of %v in epoch %d",
			got.Quorum, got.Signers, got.Epoch, want.Quorum, want.Signers, want.Epoch)
	}
	return nil
}
