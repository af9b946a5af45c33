package chain

import (
	"errors"
	"fmt"
	"math/big"

	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
)

// Config says what a node runs on.
type Config struct {
	DataDir string   // "" keeps the chain in memory
	Genesis *Genesis // the network
	Version string   // of the program, shown by web3_clientVersion

	// Admit is asked before a transaction joins the pool, unless it is nil; its error
	// refuses the transaction. orders tells by a simulation whether the transaction
	// orders encrypted computation.
	Admit func(orders func() bool) error
}

// Node is a development chain: one node that seals a block for every
// transaction. Each block is final at once and on disk before anyone is told.
type Node struct {
	genesis *Genesis
	stack   *node.Node
	eth     *eth.Ethereum
	sealer  *sealer
	rpc     *endpoint
}

// Open starts a node. It fails on a network other than dev, on a data directory
// in use, and on one that belongs to another network.
func Open(cfg Config) (*Node, error) {
	precompiles.Register()
	genesis, err := cfg.Genesis.build()
	if err != nil {
		return nil, err
	}
	stack, err := node.New(&node.Config{
		Name: "chain", DataDir: cfg.DataDir, DBEngine: rawdb.DBPebble, UseLightweightKDF: true,
		P2P: p2p.Config{NoDiscovery: true, NoDial: true},
	})
	if errors.Is(err, node.ErrDatadirUsed) {
		return nil, fmt.Errorf("open %s: another fhevm-node uses this data directory", cfg.DataDir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.DataDir, err)
	}
	n, err := start(cfg, stack, genesis)
	if err != nil {
		stack.Close()
		return nil, err
	}
	return n, nil
}

func start(cfg Config, stack *node.Node, genesis *core.Genesis) (*Node, error) {
	backend, err := eth.New(stack, ethConfig(genesis))
	if mismatch := (*core.GenesisMismatchError)(nil); errors.As(err, &mismatch) {
		return nil, fmt.Errorf("open %s: it belongs to another network (genesis %s, this one is %s): choose another data directory or remove it",
			cfg.DataDir, mismatch.Stored, mismatch.New)
	}
	if err != nil {
		return nil, fmt.Errorf("open chain: %w", err)
	}
	n := &Node{genesis: cfg.Genesis, stack: stack, eth: backend, sealer: newSealer(backend)}
	if n.rpc, err = newEndpoint(n, cfg); err != nil {
		return nil, err
	}
	if err := stack.Start(); err != nil {
		return nil, fmt.Errorf("start chain: %w", err)
	}
	return n, n.sealer.resume()
}

// ethConfig keeps every state (archive) in the hash scheme: with a sync of the
// key-value store for each block, the only form that loses nothing when the
// process is killed.
func ethConfig(genesis *core.Genesis) *ethconfig.Config {
	c := ethconfig.Defaults
	c.Genesis = genesis
	c.NetworkId = genesis.Config.ChainID.Uint64()
	c.SyncMode = ethconfig.FullSync
	c.NoPruning, c.StateScheme = true, rawdb.HashScheme
	c.TransactionHistory, c.LogHistory = 0, 0 // without limit
	c.DatabaseCache, c.TrieCleanCache, c.TrieDirtyCache, c.SnapshotCache = 64, 32, 32, 32
	c.TxPool.NoLocals = true
	c.TxPool.PriceLimit = 1
	c.TxPool.AccountSlots, c.TxPool.AccountQueue = 4096, 1024
	c.TxPool.GlobalSlots, c.TxPool.GlobalQueue = 8192, 4096
	c.Miner.GasPrice = big.NewInt(1)
	c.Miner.GasCeil = genesis.GasLimit
	return &c
}

// Genesis is the network's description.
func (n *Node) Genesis() *Genesis { return n.genesis }

// Client calls the node's JSON-RPC within the process. All callers share it: it is
// Close that closes it.
func (n *Node) Client() *ethclient.Client { return ethclient.NewClient(n.rpc.client) }

// Close stops serving, then the chain. A block being sealed is finished first.
func (n *Node) Close() error {
	n.rpc.close()
	n.sealer.stop()
	return n.stack.Close()
}
