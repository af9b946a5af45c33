package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"
	"fhevm/threshold/reshare"

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
	// APIs are the wallet APIs of the nodes whose coprocessors serve it: as many as its
	// committee's digest policy needs, or more.
	APIs []string
	// Own is the address of the coprocessor of its own node, which is the only one of
	// APIs: the party takes its word alone then. "" leaves it to the digest policy.
	Own     string
	Metrics string   // address of metrics, health and status; "" for none
	Reshare *Reshare // optional: takes part in a resharing beside
	Quotas  committee.Quotas
	// Recount has the party go on with the larger count of openings where its store and
	// its audit log do not fit each other.
	Recount  bool
	Version  string // of the program
	Logger   *slog.Logger
	Progress func(string)                  // optional: told what happens to the party's epochs, for people
	Ready    func(address, metrics string) // optional: called once it listens; metrics is a URL, or ""
}

// RunParty serves one committee party until ctx ends.
func RunParty(ctx context.Context, cfg PartyConfig) (err error) {
	if cfg.DataDir == "" {
		return errors.New("a party needs a data folder: without its records it would lose count of what it opened")
	}
	if err := cfg.checkLayout(); err != nil {
		return err
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
	address, stranger := cfg.address(d, keys)
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
	t := &tenure{
		cfg: &cfg, keys: keys, view: view, contracts: d.Contracts, metrics: metrics,
		open: map[uint64]*served{}, warned: map[string]bool{}, lost: map[uint64]fhe.Digest{}, tidied: map[uint64]bool{},
	}
	if stranger != nil { // it may have something left of attempts that did not come into force
		return errors.Join(stranger, t.update(ctx))
	}
	t.records, err = committee.OpenRecords(committee.RecordsConfig{
		Dir: filepath.Join(cfg.DataDir, network.RecordsDir), Signer: keys.Signer, SquashKey: d.Committee.Epoch.SquashKey,
		Quotas: cfg.Quotas, Recount: cfg.Recount, Log: cfg.Logger,
	})
	if err != nil {
		return err
	}
	return t.run(ctx, d, address, &partyWatch{
		version: cfg.Version, started: time.Now().UTC(), of: t.newest, network: d, quotas: cfg.Quotas, own: cfg.Own, head: client.BlockNumber, errors: recent,
	})
}

// checkLayout refuses a folder in which an earlier program kept a party's records by
// epoch: begun anew they would not count what was opened.
func (cfg *PartyConfig) checkLayout() error {
	if _, err := os.Stat(filepath.Join(cfg.DataDir, network.RecordsDir)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, pattern := range []string{"party-*/*", "epoch-*/party-*"} {
		old, err := fs.Glob(os.DirFS(cfg.DataDir), pattern)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			return fmt.Errorf("%s is of a layout that this program does not read, and there is no %s beside it: restore the party from its backup, stating by --openings what these records count, or name the right data folder", filepath.Join(cfg.DataDir, old[0]), network.RecordsDir)
		}
	}
	return nil
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

// address is where the party serves: what the newest committee says that it is
// in, the one to come first.
func (cfg *PartyConfig) address(d *network.Description, keys *identity.Identity) (string, error) {
	committees := d.Committees()
	if cfg.Reshare != nil && cfg.Reshare.To != nil {
		committees = append(committees, cfg.Reshare.To)
	}
	for _, c := range slices.Backward(committees) {
		if id, ok := c.PartyByTLS(keys.Fingerprint()); ok {
			return cmp.Or(cfg.Listen, c.Members[id-1].Address), nil
		}
	}
	return "", errors.New("this identity is in none of the network's committees: get epoch-N.json of its epoch, or was the network dealt for another one?")
}

// run serves the epochs in force, takes part in a resharing if there is to be one,
// and serves the operator where that is wanted.
func (t *tenure) run(ctx context.Context, d *network.Description, address string, w *partyWatch) error {
	defer t.close()
	if err := t.begin(ctx, d); err != nil {
		return err
	}
	var meeting committee.Meeting
	if t.resharing != nil {
		meeting = t.resharing.session.Table
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen as a party: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	url, err := w.operate(ctx, g, t.cfg.Metrics, t.metrics)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := committee.NewHostServer(t.epochs, meeting, t.keys, t.cfg.Logger)
	if t.cfg.Ready != nil {
		t.cfg.Ready(listener.Addr().String(), url)
	}
	if t.resharing != nil {
		g.Go(t.resharing.start(ctx))
	}
	g.Go(func() error { return server.Serve(ctx, listener) })
	g.Go(func() error { return t.watch(ctx) })
	return g.Wait()
}

// operate serves metrics, health and status at an address, if there is one.
func (w *partyWatch) operate(ctx context.Context, group *errgroup.Group, address string, metrics *partyMetrics) (url string, err error) {
	if address == "" {
		return "", nil
	}
	if err := metrics.watch(w); err != nil {
		return "", err
	}
	o, err := openOperations(address, metrics.registry, w.serve)
	if err != nil {
		return "", err
	}
	group.Go(func() error { return o.serve(ctx) })
	return o.url(), nil
}

// begin opens the epochs in force, and prepares the resharing to one that is not.
func (t *tenure) begin(ctx context.Context, d *network.Description) error {
	var plan *reshare.Plan
	t.epochs = committee.NewEpochs(nil)
	if t.cfg.Reshare != nil {
		var err error
		if plan, err = t.cfg.Reshare.plan(d); err != nil {
			return err
		}
		if _, err := t.cfg.believes(d, plan.New); err != nil {
			return fmt.Errorf("epoch %d: %w", plan.New.Epoch.Number, err)
		}
		t.epochs = committee.NewEpochs(guests(plan))
	}
	err := t.update(ctx)
	if err != nil && !errors.Is(err, errForeign) {
		return err
	}
	if err != nil {
		t.tell("%v", err)
	}
	if plan != nil && t.awaits(plan, d) {
		t.resharing, err = t.reshare(d, plan)
		return err
	}
	if len(t.open) == 0 {
		return errors.New("this party has no share of an epoch that is in force")
	}
	return nil
}

// awaits reports whether there is something to do for a plan: its epoch is not in
// force, or it is, and this party has not seen the certificate as yet.
func (t *tenure) awaits(plan *reshare.Plan, d *network.Description) bool {
	number := plan.New.Epoch.Number
	if number != t.current.Epoch {
		return number > t.current.Epoch
	}
	known := d.CommitteeOf(number)
	return sameCommittee(t.current, network.OnChain(plan.New)) && (known == nil || !known.Equal(plan.New))
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

// checkKeys compares the FHE key and the first committee that a block states with
// the network's. Of later ones the folder may not know, or know another one: a
// party follows those that it knows.
func checkKeys(ctx context.Context, block *chain.Block, d *network.Description) error {
	key, err := block.KeyID(ctx)
	if err != nil {
		return err
	}
	if key != d.KeyID {
		return fmt.Errorf("its key registry states key %s, the network's is %s", key, d.KeyID)
	}
	got, err := block.Committee(ctx)
	if err == nil && got.Epoch > d.Committee.Epoch.Number {
		got, err = block.CommitteeOf(ctx, d.Committee.Epoch.Number)
	}
	if err != nil || len(got.Signers) == 0 { // it is retired
		return err
	}
	return compareCommittees(got, &d.Committee)
}

// checkPresent refuses a chain whose present committee is not one of the network's.
func checkPresent(ctx context.Context, view *chain.View, d *network.Description) error {
	block, err := view.Finalized(ctx)
	if err != nil {
		return err
	}
	got, err := block.Committee(ctx)
	if err != nil {
		return err
	}
	known := d.Committees()
	return compareCommittees(got, cmp.Or(d.CommitteeOf(got.Epoch), known[len(known)-1]))
}

func compareCommittees(got chain.Committee, c *threshold.Committee) error {
	if want := network.OnChain(c); !sameCommittee(got, want) {
		return fmt.Errorf("its key registry names %d of %v in epoch %d, the network's committee is %d of %v in epoch %d",
			got.Quorum, got.Signers, got.Epoch, want.Quorum, want.Signers, want.Epoch)
	}
	return nil
}
