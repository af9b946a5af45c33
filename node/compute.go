package node

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/node/network"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"
)

// arithmetic is what computing takes: on the keys of one network, without any that
// decryption needs.
type arithmetic struct {
	publicKey *tfhe.PublicKey
	engine    *tfhe.Engine
	evaluator coprocessor.Evaluator
}

// openArithmetic loads the keys and checks that they are the network's.
func openArithmetic(f network.Folder, d *network.Description, workers int) (*arithmetic, error) {
	if err := f.CheckRandomKey(); err != nil { // it is read when it is needed
		return nil, err
	}
	public, err := f.PublicKey()
	if err != nil {
		return nil, err
	}
	key, err := f.EvaluationKey()
	if err != nil {
		return nil, err
	}
	if tfhe.KeyID(public, key, d.RandomKey) != d.KeyID {
		return nil, errors.New("the network's key files do not belong to its description")
	}
	engine := tfhe.NewEngine(key, workers)
	engine.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) { return drawingKey(f, d) })
	return &arithmetic{public, engine, coprocessor.NewEvaluator(engine, public)}, nil
}

// Close stops the engine.
func (a *arithmetic) Close() error { return a.engine.Close() }

// compute is the coprocessor's arithmetic with what prepares decryptions.
type compute struct {
	*arithmetic
	squashKey *squash.Key
	squasher  *squash.Engine
}

// newCompute loads the keys, the two large ones side by side.
func newCompute(f network.Folder, d *network.Description, workers int) (*compute, error) {
	c := new(compute)
	var g errgroup.Group
	g.Go(func() (err error) {
		c.squashKey, err = f.SquashKey(d.Committee.Epoch.SquashKey)
		return err
	})
	g.Go(func() (err error) {
		c.arithmetic, err = openArithmetic(f, d, workers)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	var err error
	c.squasher, err = squash.NewEngine(c.engine.Params(), c.engine.KeySwitchKey(), c.squashKey)
	return c, err
}

// drawingKey is what random values take: 60 MB that many networks never need.
func drawingKey(f network.Folder, d *network.Description) (*tfhe.BootstrapKey, error) {
	key, err := f.RandomKey(d.RandomKey)
	if err != nil {
		return nil, err
	}
	return key.BootstrapKey(), nil
}

// Close stops the engines and unmaps the keys.
func (c *compute) Close() error {
	var errs []error
	if c.arithmetic != nil {
		errs = append(errs, c.arithmetic.Close())
	}
	if c.squashKey != nil {
		errs = append(errs, c.squashKey.Close())
	}
	return errors.Join(errs...)
}

func (n *Node) openCoprocessor() (*coprocessor.Coprocessor, error) {
	secret := n.keys.Signer.Serialize()
	defer clear(secret)
	signer, err := coprocessor.NewKey(secret)
	if err != nil {
		return nil, err
	}
	cfg := coprocessor.Config{
		Domain:    n.Domain(),
		Dir:       cmp.Or(subdir(n.config.DataDir, "coprocessor"), "coprocessor"),
		FS:        fileSystem(n.config.DataDir),
		Evaluator: n.compute.evaluator,
		Squasher:  n.compute.squasher,
		Signer:    signer,
		Memory:    n.config.Memory,
		Block:     func(ctx context.Context, number uint64) (fhe.Batch, error) { return n.feed.Block(ctx, number) },
		Logger:    n.config.Logger,
		Trace:     n.computed,
		Settled:   n.metrics.settled,
		Squash:    n.squashDone,
	}
	if n.config.Cluster.enabled() {
		if n.lead, err = openCluster(n.config.Cluster, n.config.DataDir, n.Domain(), n.config.Logger); err != nil {
			return nil, err
		}
		cfg.Cluster, cfg.ClusterOnly, cfg.CrossCheck = n.lead.leader, n.config.Cluster.Only, n.config.Cluster.CrossCheck
	}
	return coprocessor.Open(cfg)
}

// fileSystem is the disk, or memory for a node without a data directory.
func fileSystem(dataDir string) vfs.FS {
	if dataDir == "" {
		return vfs.NewMem()
	}
	return vfs.Default
}

func subdir(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}
