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

// compute is the coprocessor's arithmetic on the keys of one network.
type compute struct {
	publicKey *tfhe.PublicKey
	engine    *tfhe.Engine
	evaluator coprocessor.Evaluator
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
		if err := f.CheckRandomKey(); err != nil { // it is read when it is needed
			return err
		}
		if c.publicKey, err = f.PublicKey(); err != nil {
			return err
		}
		key, err := f.EvaluationKey()
		if err != nil {
			return err
		}
		if tfhe.KeyID(c.publicKey, key, d.RandomKey) != d.KeyID {
			return errors.New("the network's key files do not belong to its description")
		}
		c.engine = tfhe.NewEngine(key, workers)
		c.engine.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) { return drawingKey(f, d) })
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.evaluator = coprocessor.NewEvaluator(c.engine, c.publicKey)
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
	if c.engine != nil {
		errs = append(errs, c.engine.Close())
	}
	if c.squashKey != nil {
		errs = append(errs, c.squashKey.Close())
	}
	return errors.Join(errs...)
}

func (n *Node) openCoprocessor() (*coprocessor.Coprocessor, error) {
	keys, err := n.config.Network.NodeIdentity()
	if err != nil {
		return nil, err
	}
	secret := keys.Signer.Serialize()
	defer clear(secret)
	signer, err := coprocessor.NewKey(secret)
	if err != nil {
		return nil, err
	}
	return coprocessor.Open(coprocessor.Config{
		Domain:    n.Domain(),
		Dir:       cmp.Or(subdir(n.config.DataDir, "coprocessor"), "coprocessor"),
		FS:        fileSystem(n.config.DataDir),
		Evaluator: n.compute.evaluator,
		Squasher:  n.compute.squasher,
		Signer:    signer,
		Block:     func(ctx context.Context, number uint64) (fhe.Batch, error) { return n.feed.Block(ctx, number) },
		Logger:    n.config.Logger,
		Trace:     n.config.Trace,
	})
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
