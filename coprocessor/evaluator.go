package coprocessor

import (
	"context"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// Evaluator computes on ciphertexts. Results must be functions of the
// arguments alone, and arguments are shared: it must not change them. It is
// used concurrently.
type Evaluator interface {
	Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error)
	// Random and Lookup are those operations that take more than operands.
	Random(ctx context.Context, seed [32]byte, t fhe.Type, bound *uint256.Int) (*radix.Ciphertext, error)
	Lookup(ctx context.Context, entries []uint16, t fhe.Type, operands ...*radix.Ciphertext) (*radix.Ciphertext, error)
	Expand(ctx context.Context, list *fhe.InputList) ([]*radix.Ciphertext, error)
	// Pack brings values to the form in which they are kept and hashed.
	Pack(values ...*radix.Ciphertext) (*radix.Packed, error)
	// Unpack returns value i of p, whose content id is that given, as
	// operations in other transactions take it.
	Unpack(ctx context.Context, p *radix.Packed, i int, content fhe.Digest) (*radix.Ciphertext, error)
}

// NewEvaluator is the Evaluator of the network with that public key, on the
// engine that has the evaluation key. What a wallet or a contract may have
// chosen the masks of, it re-randomises: input lists, and values from storage
// (docs/decisions/0003-re-randomisation.md).
func NewEvaluator(engine *tfhe.Engine, key *tfhe.PublicKey) Evaluator {
	return evaluator{radix.NewEvaluator(*engine.Params(), meter{engine}), engine, tfhe.NewRerandomizer(key)}
}

type evaluator struct {
	*radix.Evaluator
	packer tfhe.Packer
	zeros  *tfhe.Rerandomizer
}

func (e evaluator) Random(ctx context.Context, seed [32]byte, t fhe.Type, bound *uint256.Int) (*radix.Ciphertext, error) {
	return e.Evaluator.Random(ctx, e.zeros, seed, t, bound)
}

func (e evaluator) Expand(ctx context.Context, list *fhe.InputList) ([]*radix.Ciphertext, error) {
	fresh, err := radix.RerandomizeList(e.zeros, list)
	if err != nil {
		return nil, err
	}
	return e.Evaluator.Expand(ctx, fresh)
}

func (e evaluator) Pack(values ...*radix.Ciphertext) (*radix.Packed, error) {
	return radix.Pack(e.packer, values...)
}

func (e evaluator) Unpack(ctx context.Context, p *radix.Packed, i int, content fhe.Digest) (*radix.Ciphertext, error) {
	ct, err := e.Evaluator.Unpack(ctx, p, i)
	if err != nil {
		return nil, err
	}
	return e.Rerandomize(e.zeros, ct, tfhe.RerandomizationSeed(content, p.Digest(), uint64(i)))
}
