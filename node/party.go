package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"time"

	"fhevm/chain"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/ethclient"
	"golang.org/x/sync/errgroup"
)

// DefaultQuotas are those of a party that is told no others.
var DefaultQuotas = committee.DefaultQuotas

// PartyConfig says where a committee party finds its keys and its network.
type PartyConfig struct {
	Network  network.Folder // description and this party's share file
	Identity string         // path of the party's identity file
	// Passphrase is that of the identity file; "" where it has none.
	Passphrase string
	DataDir    string // of its records; required
	Listen     string // address of the service; default that of the description
	RPC        string // JSON-RPC of a node that this party trusts
	// Registry is the key registry of a network on a chain that others run;
	// "" means the established address.
	Registry string
	// Confirmations is as in Attach. Outside of development networks only
	// negative numbers, for finalized blocks, are accepted.
	Confirmations int64
	API           string // wallet API of the node whose coprocessor serves it
	Metrics       string // address of metrics, health and status; "" for none
	Quotas        committee.Quotas
	Version       string // of the program
	Logger        *slog.Logger
	Ready         func(address, metrics string) // optional: called once it listens; metrics is a URL, or ""
}

// RunParty serves one committee party until ctx ends.
func RunParty(ctx context.Context, cfg PartyConfig) (err error) {
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
	keys, err := committee.UnlockIdentity(cfg.Identity, cfg.Passphrase)
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
	metrics, recent := newPartyMetrics(), keepErrors(cfg.Logger.Handler())
	cfg.Logger = slog.New(recent)
	party, err := openParty(cfg.Network, d, member.Party, keys, partyConfig{
		dir: filepath.Join(cfg.DataDir, network.RecordsDir(member.Party)), fs: vfs.Default,
		chain: chainView{view}, squasher: remoteSquasher{cfg.API}, log: cfg.Logger,
		quotas: cfg.Quotas, observe: metrics.observe, blame: metrics.blamed,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, party.Close()) }()
	return serveParty(ctx, cfg, &partyWatch{
		version: cfg.Version, started: time.Now().UTC(), party: party, network: d, quotas: cfg.Quotas, head: client.BlockNumber, errors: recent,
	}, metrics, keys)
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

// serveParty serves the committee, and the operator where that is wanted.
func serveParty(ctx context.Context, cfg PartyConfig, w *partyWatch, metrics *partyMetrics, keys *identity.Identity) error {
	c := &w.network.Committee
	member, err := c.Member(w.party.ID())
	if err != nil {
		return err
	}
	peers, closePeers, err := committee.DialPeers(c, keys, member.Party)
	if err != nil {
		return err
	}
	defer closePeers()
	w.party.Connect(peers)
	w.peers = peers
	listener, err := net.Listen("tcp", cmp.Or(cfg.Listen, member.Address))
	if err != nil {
		return fmt.Errorf("listen as party %d: %w", member.Party, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	url, err := w.operate(ctx, group, cfg.Metrics, metrics)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := committee.NewServer(w.party, keys, c, cfg.Logger)
	group.Go(func() error { return server.Serve(ctx, listener) })
	if cfg.Ready != nil {
		cfg.Ready(listener.Addr().String(), url)
	}
	return group.Wait()
}

// operate serves metrics, health and status at an address, if there is one.
func (w *partyWatch) operate(ctx context.Context, group *errgroup.Group, address string, metrics *partyMetrics) (url string, err error) {
	if address == "" {
		return "", nil
	}
	if err := metrics.watch(w); err != nil {
		return "", err
	}
	for _, peer := range w.peers {
		connected(peer) // so that there is a connection when somebody looks
	}
	o, err := openOperations(address, metrics.registry, w.serve)
	if err != nil {
		return "", err
	}
	group.Go(func() error { return o.serve(ctx) })
	return o.url(), nil
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
