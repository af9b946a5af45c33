package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Squasher prepares paired blocks for threshold decryption. It is used
// concurrently.
type Squasher interface {
	// KeyID is the id of the squash key, for as long as the Squasher lives.
	KeyID() fhe.Digest
	Squash(ctx context.Context, blocks []tfhe.LWE) ([]*squash.Ciphertext, error)
}

// Signer signs for this coprocessor.
type Signer interface {
	// Sign returns the 65 bytes r | s | v of a recoverable secp256k1
	// signature of digest, s in the lower half, v 27 or 28.
	Sign(digest fhe.Digest) ([]byte, error)
}

// DefaultWorkers is the number of evaluations in flight when Config does not
// say. At 8 to 32 bootstraps a layer they keep the bootstrap engine's batches
// full.
const DefaultWorkers = 32

const maxWorkers = 1 << 12

// DefaultMemory is enough for 32 products of 64 bits in flight.
const DefaultMemory = 1 << 30

const minMemory = 1 << 26

// Config says what a Coprocessor works with. Zero values of optional fields
// mean the default.
type Config struct {
	Domain    fhe.Domain // of the chain that it follows; the store belongs to it
	Dir       string     // of the ciphertext store
	FS        vfs.FS     // optional: that of the operating system
	Evaluator Evaluator
	Squasher  Squasher // optional: without it Squashed fails
	Signer    Signer   // optional: without it SignedDigest fails

	// Block reads a block of the log again, which Append has stored: optional,
	// for input lists whose stored form is damaged.
	Block func(ctx context.Context, number uint64) (fhe.Batch, error)

	// Workers is the number of evaluations in flight, DefaultWorkers if 0, where
	// Memory is enough for them.
	Workers int
	// Memory is the size in bytes of evaluations in flight, by estimate, DefaultMemory
	// if 0; an eighth as much again holds values at hand. An evaluation that alone
	// takes more runs alone: one of a product of 256 bits takes 0.45 GB.
	Memory int64

	// Cluster, if there is one, computes beside this machine, or instead of it if
	// ClusterOnly is set: then this machine does only what cannot be handed out.
	Cluster     Cluster
	ClusterOnly bool
	// CrossCheck is the fraction of the cluster's tasks that are computed twice, by
	// this machine or, if ClusterOnly is set, by two workers.
	CrossCheck float64

	Logger *slog.Logger     // optional: silence
	Now    func() time.Time // optional: time.Now; for statistics only

	// Optional, called concurrently: for each finished computation, for each want
	// whose ciphertext was computed, and for each call of Squashed.
	Trace   func(Trace)
	Settled func(Latency)
	Squash  func(SquashTrace)
}

// Validate reports everything that is wrong with c.
func (c *Config) Validate() error {
	var errs []error
	if c.Domain.Version != fhe.Version {
		errs = append(errs, fmt.Errorf("protocol version is %d, want %d", c.Domain.Version, fhe.Version))
	}
	if c.Dir == "" {
		errs = append(errs, errors.New("store directory is missing"))
	}
	if c.Evaluator == nil {
		errs = append(errs, errors.New("evaluator is missing"))
	}
	if c.Workers < 0 || c.Workers > maxWorkers {
		errs = append(errs, fmt.Errorf("%d workers, want 1 to %d, or 0 for %d", c.Workers, maxWorkers, DefaultWorkers))
	}
	if c.CrossCheck < 0 || c.CrossCheck > 1 {
		errs = append(errs, fmt.Errorf("fraction %v of cross-checked tasks, want 0 to 1", c.CrossCheck))
	}
	if c.ClusterOnly && c.Cluster == nil {
		errs = append(errs, errors.New("the cluster that is to do all work is missing"))
	}
	return errors.Join(append(errs, CheckMemory(c.Memory))...)
}

// CheckMemory refuses sizes in bytes that are too small for evaluations; 0 stands for
// DefaultMemory.
func CheckMemory(memory int64) error {
	if memory != 0 && memory < minMemory {
		return fmt.Errorf("%d bytes of memory for evaluations, want at least %d, or 0 for %d", memory, minMemory, DefaultMemory)
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Trace == nil {
		c.Trace = func(Trace) {}
	}
	if c.Settled == nil {
		c.Settled = func(Latency) {}
	}
	if c.Squash == nil {
		c.Squash = func(SquashTrace) {}
	}
}
