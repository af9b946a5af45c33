package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/node"
	"fhevm/node/demo"
	"fhevm/node/network"
	"fhevm/sdk"
	"fhevm/sdk/client"
)

// The load: transfers among so many holders, each amount encrypted anew.
const (
	holders   = 64
	transfers = 1000
	idleRuns  = 5
	minted    = 1000 // balance of each holder in the beginning
)

// network measures a whole node, from a signed transaction to stored ciphertexts,
// against the engine alone on the same machine in the same run.
func (o *options) network(ctx context.Context, f network.Folder, r *recorder) error {
	m, err := newMachine(f)
	if err != nil {
		return err
	}
	defer m.engine.Close()
	l, err := startLoad(ctx, node.Config{Network: f})
	if err != nil {
		return err
	}
	defer l.stop()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	return errors.Join(l.idle(ctx, m, r), l.busy(ctx, m, r))
}

// load is a node with a token and its holders.
type load struct {
	node    *node.Node
	dir     string
	stopped chan error
	cancel  context.CancelFunc
	chain   *ethclient.Client
	wallet  *client.Client
	token   *demo.Contract
	holders []*demo.Account
}

// startLoad runs a node in a folder of its own, at addresses of its own.
func startLoad(ctx context.Context, cfg node.Config) (l *load, err error) {
	l = &load{stopped: make(chan error, 1)}
	if l.dir, err = os.MkdirTemp("", "fhevm-bench-"); err != nil {
		return nil, err
	}
	cfg.DataDir, cfg.RPC, cfg.API = l.dir, "127.0.0.1:0", "127.0.0.1:0"
	if l.node, err = node.New(ctx, cfg); err != nil {
		return nil, errors.Join(err, os.RemoveAll(l.dir))
	}
	ctx, l.cancel = context.WithCancel(ctx)
	go func() { l.stopped <- l.node.Run(ctx) }()
	return l, nil
}

func (l *load) stop() error {
	l.cancel()
	return errors.Join(<-l.stopped, l.node.Close(), os.RemoveAll(l.dir))
}

// prepare deploys the token, and gives every holder gas and a balance.
func (l *load) prepare(ctx context.Context) (err error) {
	if l.chain, err = ethclient.DialContext(ctx, l.node.RPC()); err != nil {
		return err
	}
	if l.wallet, err = client.Dial(ctx, l.node.API()); err != nil {
		return err
	}
	owner := demo.NewAccount("owner", chain.DevAccounts()[0].Key, l.chain)
	if l.token, _, err = owner.Deploy(ctx, contracts.ConfidentialToken, "Confidential Dollar", "cUSD"); err != nil {
		return err
	}
	for i := range holders {
		key, err := crypto.GenerateKey()
		if err != nil {
			return err
		}
		h := demo.NewAccount(fmt.Sprint("holder ", i), key, l.chain)
		if err := owner.Pay(ctx, h.Address(), big.NewInt(1e18)); err != nil {
			return err
		}
		in, err := l.encrypt(ctx, owner, minted)
		if err != nil {
			return err
		}
		if _, err := l.token.Send(ctx, owner, "mint", h.Address(), [32]byte(in.Handles[0]), in.Proof); err != nil {
			return err
		}
		l.holders = append(l.holders, h)
	}
	return l.node.Drain(ctx)
}

func (l *load) encrypt(ctx context.Context, from *demo.Account, amount uint64) (*sdk.Input, error) {
	return l.wallet.Encrypt(ctx, fhe.Address(l.token.Address), fhe.Address(from.Address()), sdk.Value{Type: fhe.Uint64, Clear: uint256.NewInt(amount)})
}

// prepared is a transfer that can be sent at once.
type prepared struct {
	from, to *demo.Account
	input    *sdk.Input
}

func (l *load) plan(ctx context.Context, r *mathrand.Rand, n int) (list []prepared, err error) {
	for i := range n {
		p := prepared{from: l.holders[i%holders], to: l.holders[(i+1+r.IntN(holders-1))%holders]}
		if p.input, err = l.encrypt(ctx, p.from, 1+r.Uint64N(20)); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (l *load) send(ctx context.Context, p prepared) error {
	_, err := l.token.Send(ctx, p.from, "transfer", p.to.Address(), [32]byte(p.input.Handles[0]), p.input.Proof)
	return err
}

// idle measures lone transfers, and the same operations on the engine.
func (l *load) idle(ctx context.Context, m *machine, r *recorder) error {
	plan, err := l.plan(ctx, mathrand.New(mathrand.NewPCG(1, 0)), idleRuns)
	if err != nil {
		return err
	}
	path, err := criticalPath(ctx, m)
	if err != nil {
		return err
	}
	var node, engine []float64
	for _, p := range plan {
		if err := l.send(ctx, p); err != nil {
			return err
		}
		start := time.Now() // the transaction is in a block
		if err := l.node.Drain(ctx); err != nil {
			return err
		}
		node = append(node, ms(time.Since(start)))
		lap := time.Now()
		if err := path(); err != nil {
			return err
		}
		engine = append(engine, ms(time.Since(lap)))
	}
	latency := median(node)
	return errors.Join(
		r.add("network: one transfer, from block to ciphertexts", latency, "ms", 0),
		r.add("network: one transfer, against its operations' critical path", latency/median(engine), "x", 1.3))
}

// criticalPath is what one transfer makes the engine do, on all cores: the list that
// holds the amount is expanded and packed, then a transfer with storage.
func criticalPath(ctx context.Context, m *machine) (func() error, error) {
	list := &fhe.InputList{Types: []fhe.Type{fhe.Uint64}}
	var err error
	if list.Mask, list.Bodies, err = m.public.Encrypt(make([]uint8, fhe.Uint64.Slots())); err != nil {
		return nil, err
	}
	rest, err := transferStored(ctx, m)
	return func() error {
		values, err := m.storage.Expand(ctx, list)
		if err != nil {
			return err
		}
		if _, err := m.storage.Pack(values...); err != nil {
			return err
		}
		return rest()
	}, err
}

// busy measures the load, between two measurements of the engine at its best.
func (l *load) busy(ctx context.Context, m *machine, r *recorder) error {
	plan, err := l.plan(ctx, mathrand.New(mathrand.NewPCG(2, 0)), transfers)
	if err != nil {
		return err
	}
	before, err := m.storedRate(ctx)
	if err != nil {
		return err
	}
	bootstraps, start := l.node.Bootstraps(), time.Now()
	for i, p := range plan {
		if err := l.send(ctx, p); err != nil {
			return fmt.Errorf("transfer %d: %w", i, err)
		}
	}
	if err := l.node.Drain(ctx); err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	rate := float64(l.node.Bootstraps()-bootstraps) / seconds
	after, err := m.storedRate(ctx)
	if err != nil {
		return err
	}
	peak, err := status("VmHWM")
	if err != nil {
		return err
	}
	name := fmt.Sprintf("network: %d transfers, ", transfers)
	return errors.Join(
		r.add(name+"throughput", transfers/seconds, "op/s", 0),
		r.add(name+"bootstraps", rate, "/s", 0),
		r.add(name+"fraction of the engine's batched rate", rate/((before+after)/2), "x", 0.9),
		r.add(name+"failures", float64(l.node.Stats().Failed), "computations", 0),
		r.add(name+"peak memory", peak, "MB", 2000))
}

// storedRate is the engine's bootstraps per second on many transfers with storage.
func (m *machine) storedRate(ctx context.Context) (float64, error) {
	w := &workload{machine: m, operation: operation{name: "transfer", run: transferStored}}
	n, err := w.throughput(ctx)
	return n * float64(w.bootstraps), err
}
