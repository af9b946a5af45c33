package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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

	// Workers is the number of evaluations in flight, DefaultWorkers if 0. It
	// bounds the memory: an evaluation of uint64 takes up to 20 MB.
	Workers int

	Logger *slog.Logger // optional: silence
	Trace  func(Trace)  // optional: called for each finished computation, concurrently
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
	return errors.Join(errs...)
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
	if c.Trace == nil {
		c.Trace = func(Trace) {}
	}
}
