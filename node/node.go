// Package node wires the roles together. It is the composition root: the one
// package that knows every other, imported only by commands and tests.
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/sdk"
	"fhevm/threshold/identity"

	"github.com/ethereum/go-ethereum/ethclient"
	"golang.org/x/sync/errgroup"
)

// Config says what a development node runs on. Zero values mean the default.
type Config struct {
	Network network.Folder // keys and committee
	DataDir string         // of chain and ciphertexts; "" keeps both in memory
	Attach  *Attach        // a chain that others run; nil: the node runs its own
	RPC     string         // JSON-RPC address of its own chain, HTTP and WebSocket
	API     string         // wallet API address
	Metrics string         // address of metrics and health checks, "" for none
	Workers int            // bootstraps at a time, default all processors
	Cluster ClusterConfig
	Memory  int64 // bytes for evaluations in flight, see coprocessor.Config
	// MaxDelay is the estimated delay of computations above which the node refuses
	// transactions that order more; 0 for none.
	MaxDelay time.Duration
	// Remote asks the committee at the addresses of the network's description.
	// Otherwise this process plays all parties.
	Remote bool
	// Keep is for how many blocks results that no contract may decrypt, and
	// squashed ciphertexts that nobody asks for, are kept; default
	// coprocessor.DefaultKeep. They are computed again when they are needed.
	Keep    uint64
	Origins []string // web pages that may call the node, beside local ones
	Version string   // of the program
	Logger  *slog.Logger
	Trace   func(coprocessor.Trace) // called for each finished computation
}

// Default addresses of a node.
const (
	DefaultRPC = "127.0.0.1:8545"
	DefaultAPI = "127.0.0.1:8546"
)

// Defaults of the command's bounds.
const (
	DefaultMaxDelay = 10 * time.Minute
	DefaultMemory   = coprocessor.DefaultMemory
	DefaultKeep     = coprocessor.DefaultKeep // blocks
)

// Node is a running development node.
type Node struct {
	config      Config
	network     *network.Description
	certified   bool // the committee made the keys without a dealer
	keys        *identity.Identity
	chain       ledger
	feed        *chain.Feed // of the chain's blocks to the coprocessor
	depth       chain.Depth // of the blocks that count
	first       uint64      // block that may hold logs
	inputs      sdk.Inputs
	compute     *compute
	lead        *lead // nil without a cluster
	coprocessor *coprocessor.Coprocessor
	parties     *parties
	epochs      *epochs
	inspector   *inspector // nil unless this process plays the parties of a dev network
	api         *api
	operations  *operations // nil unless Config.Metrics is set
	rpc         string      // URL of the chain's JSON-RPC

	admission admission
	metrics   *metrics
	watches   *watches
	health    health
}

// ledger is the chain that a node serves: one that it runs itself, or another.
type ledger interface {
	Client() *ethclient.Client
	Close() error
}

// New opens everything that a node needs and listens; nothing is computed or
// answered before Run. Close releases what New took. ctx ends the search for a
// chain to attach to, and nothing later.
func New(ctx context.Context, cfg Config) (n *Node, err error) {
	n = newNode(cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if cfg.MaxDelay < 0 {
		return n, fmt.Errorf("the longest delay is %v: want a positive duration, or 0 for no limit", cfg.MaxDelay)
	}
	if n.network, err = cfg.Network.Description(); err != nil {
		return n, err
	}
	if n.certified, err = cfg.Network.Certified(n.network); err != nil {
		return n, err
	}
	if n.keys, err = cfg.Network.NodeIdentity(); err != nil {
		return n, err
	}
	if err := n.openChain(ctx); err != nil {
		return n, err
	}
	if n.compute, err = newCompute(cfg.Network, n.network, cfg.Workers); err != nil {
		return n, err
	}
	if n.coprocessor, err = n.openCoprocessor(); err != nil {
		return n, err
	}
	n.epochs = newEpochs(cfg.Network, n.network, n.registered)
	if n.parties, err = n.openParties(); err != nil {
		return n, err
	}
	if n.api, err = n.openAPI(); err != nil {
		return n, err
	}
	if err = n.openMetrics(); err != nil {
		return n, err
	}
	return n, n.listen()
}

func (n *Node) openChain(ctx context.Context) error {
	if n.config.Attach != nil {
		if err := n.attach(ctx, n.config.Attach); err != nil {
			return err
		}
		n.findInputs(ctx)
		return nil
	}
	own, err := chain.Open(chain.Config{DataDir: subdir(n.config.DataDir, "chain"), Genesis: n.network.Genesis(), Version: n.config.Version, Admit: n.admission.admit})
	if err != nil {
		return err
	}
	n.chain, n.feed = own, own.Feed()
	return nil
}

// listen serves the JSON-RPC of the node's own chain.
func (n *Node) listen() error {
	own, ok := n.chain.(*chain.Node)
	if !ok {
		n.rpc = n.config.Attach.URL
		return nil
	}
	if err := own.Register(n.methods()...); err != nil {
		return err
	}
	address, err := own.Listen(cmp.Or(n.config.RPC, DefaultRPC), n.config.Origins...)
	n.rpc = "http://" + address
	return err
}

// newNode is a node without its parts.
func newNode(cfg Config) *Node {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{config: cfg, depth: chain.Finalized, inputs: sdk.InputsWhole, metrics: newMetrics()}
	n.admission = admission{limit: cfg.MaxDelay, delay: func() time.Duration { return n.Stats().Delay }}
	n.watches = newWatches(n)
	return n
}

// openMetrics collects what metrics show, and serves them if they are wanted.
func (n *Node) openMetrics() (err error) {
	if err := n.metrics.watchNode(n); err != nil || n.config.Metrics == "" {
		return err
	}
	n.operations, err = openOperations(n.config.Metrics, n.metrics.registry, n.serveHealth)
	return err
}

// Run computes and answers until ctx ends; it returns nil then.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(n.health.track("coprocessor", func() error { return n.coprocessor.Run(ctx) }))
	g.Go(n.health.track("feed", func() error { return n.follow(ctx) }))
	g.Go(n.health.track("store", func() error {
		return n.coprocessor.Tidy(ctx, cmp.Or(n.config.Keep, coprocessor.DefaultKeep))
	}))
	g.Go(n.health.track("api", func() error { return n.api.serve(ctx) }))
	if n.operations != nil {
		g.Go(n.health.track("metrics", func() error { return n.operations.serve(ctx) }))
	}
	n.started()
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	n.stopped(err)
	return err
}

// follow hands the chain's log to the coprocessor, from where it left off.
func (n *Node) follow(ctx context.Context) error {
	next := n.first
	cursor, begun, err := n.coprocessor.Cursor()
	if err != nil {
		return err
	}
	if begun {
		next = cursor.Number + 1
	}
	return n.feed.Follow(ctx, next, follower{n.coprocessor, n})
}

// follower is the coprocessor as the feed sees it, and tells the node of blocks.
type follower struct {
	*coprocessor.Coprocessor
	node *Node
}

// Append stores a block.
func (f follower) Append(b fhe.Batch) error {
	if err := f.Coprocessor.Append(b); err != nil {
		return err
	}
	f.node.appended(&b)
	return nil
}

// Close stops all parts, the last opened first. It may be called on a node
// that New left half-open.
func (n *Node) Close() error {
	var errs []error
	if n.operations != nil {
		errs = append(errs, n.operations.Close())
	}
	if n.api != nil {
		errs = append(errs, n.api.Close())
	}
	if n.parties != nil {
		errs = append(errs, n.parties.Close())
	}
	if n.coprocessor != nil {
		errs = append(errs, n.coprocessor.Close())
	}
	if n.lead != nil {
		errs = append(errs, n.lead.Close())
	}
	if n.compute != nil {
		errs = append(errs, n.compute.Close())
	}
	if n.chain != nil {
		errs = append(errs, n.chain.Close())
	}
	return errors.Join(errs...)
}

// RPC is the URL of the chain's JSON-RPC.
func (n *Node) RPC() string { return n.rpc }

// API is the URL of the node's wallet API.
func (n *Node) API() string { return "http://" + n.api.address }

// Domain separates the network's names from every other's.
func (n *Node) Domain() fhe.Domain { return n.network.Domain() }

// Stats counts the coprocessor's work.
func (n *Node) Stats() coprocessor.Stats { return n.coprocessor.Stats() }
