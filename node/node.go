// Package node wires the roles together. It is the composition root: the one
// package that knows every other, imported only by commands and tests.
package node

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/node/network"

	"github.com/ethereum/go-ethereum/rpc"
	"golang.org/x/sync/errgroup"
)

// Config says what a development node runs on. Zero values mean the default.
type Config struct {
	Network network.Folder // keys and committee
	DataDir string         // of chain and ciphertexts; "" keeps both in memory
	RPC     string         // JSON-RPC address, HTTP and WebSocket
	API     string         // wallet API address
	Workers int            // bootstraps at a time, default all processors
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

// DefaultKeep is the default of Config.Keep, in blocks.
const DefaultKeep = coprocessor.DefaultKeep

// Node is a running development node.
type Node struct {
	config      Config
	network     *network.Description
	chain       *chain.Node
	feed        *chain.Feed // of the chain's blocks to the coprocessor
	compute     *compute
	coprocessor *coprocessor.Coprocessor
	parties     *parties
	inspector   *inspector // nil unless this process plays the parties of a dev network
	api         *api
	rpcAddress  string
}

// New opens everything that a node needs and listens; nothing is computed or
// answered before Run. Close releases what New took.
func New(cfg Config) (n *Node, err error) {
	n = &Node{config: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if cfg.Logger == nil {
		n.config.Logger = slog.New(slog.DiscardHandler)
	}
	if n.network, err = cfg.Network.Description(); err != nil {
		return n, err
	}
	if n.chain, err = chain.Open(chain.Config{DataDir: subdir(cfg.DataDir, "chain"), Genesis: n.network.Genesis(), Version: cfg.Version}); err != nil {
		return n, err
	}
	n.feed = n.chain.Feed()
	if n.compute, err = newCompute(cfg.Network, n.network, cfg.Workers); err != nil {
		return n, err
	}
	if n.coprocessor, err = n.openCoprocessor(); err != nil {
		return n, err
	}
	if n.parties, err = n.openParties(); err != nil {
		return n, err
	}
	if err = n.serveDevelopers(); err != nil {
		return n, err
	}
	if n.api, err = n.openAPI(); err != nil {
		return n, err
	}
	n.rpcAddress, err = n.chain.Listen(cmp.Or(cfg.RPC, DefaultRPC), cfg.Origins...)
	return n, err
}

// serveDevelopers adds the JSON-RPC methods of development networks.
func (n *Node) serveDevelopers() error {
	if n.network.Network != chain.Dev {
		return nil
	}
	return n.chain.Register(rpc.API{Namespace: "fhevm", Service: &devAPI{n}})
}

// Run computes and answers until ctx ends; it returns nil then.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.coprocessor.Run(ctx) })
	g.Go(func() error { return n.follow(ctx) })
	g.Go(func() error { return n.coprocessor.Tidy(ctx, cmp.Or(n.config.Keep, coprocessor.DefaultKeep)) })
	g.Go(func() error { return n.api.serve(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// follow hands the chain's log to the coprocessor, from where it left off.
func (n *Node) follow(ctx context.Context) error {
	next := uint64(0)
	cursor, begun, err := n.coprocessor.Cursor()
	if err != nil {
		return err
	}
	if begun {
		next = cursor.Number + 1
	}
	return n.feed.Follow(ctx, next, n.coprocessor)
}

// Close stops all parts, the last opened first. It may be called on a node
// that New left half-open.
func (n *Node) Close() error {
	var errs []error
	if n.api != nil {
		errs = append(errs, n.api.Close())
	}
	if n.parties != nil {
		errs = append(errs, n.parties.Close())
	}
	if n.coprocessor != nil {
		errs = append(errs, n.coprocessor.Close())
	}
	if n.compute != nil {
		errs = append(errs, n.compute.Close())
	}
	if n.chain != nil {
		errs = append(errs, n.chain.Close())
	}
	return errors.Join(errs...)
}

// RPC is the URL of the node's JSON-RPC.
func (n *Node) RPC() string { return "http://" + n.rpcAddress }

// API is the URL of the node's wallet API.
func (n *Node) API() string { return "http://" + n.api.address }

// Domain separates the network's names from every other's.
func (n *Node) Domain() fhe.Domain { return n.network.Domain() }

// Stats counts the coprocessor's work.
func (n *Node) Stats() coprocessor.Stats { return n.coprocessor.Stats() }
