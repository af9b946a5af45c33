package squash

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Engine squashes ciphertexts. It is safe for concurrent use.
type Engine struct {
	params    *tfhe.Params
	keySwitch *tfhe.KeySwitchKey
	key       *Key
}

// NewEngine makes an engine of a network's key-switching key, whose parameters
// are p, and its squash key.
func NewEngine(p *tfhe.Params, keySwitch *tfhe.KeySwitchKey, key *Key) (*Engine, error) {
	if err := p.CheckDigits(); err != nil {
		return nil, err
	}
	if key.Len() != p.LWEDim {
		return nil, fmt.Errorf("squash key is for %d bits, the key switch for %d", key.Len(), p.LWEDim)
	}
	return &Engine{p, keySwitch, key}, nil
}

// KeyID is the id of the squash key: its Digest.
func (e *Engine) KeyID() fhe.Digest { return e.key.Digest() }

// maxBatch is the number of ciphertexts that one walk over the key serves: their
// accumulators and a row of the key share the second-level cache.
const maxBatch = 8

// Squash bootstraps ciphertexts between bootstraps, each of a plaintext below
// tfhe.PlaintextModulus and of a 2-norm squared up to tfhe.MaxNorm2, into
// squashed ciphertexts of the same plaintexts. The results do not depend on how inputs
// are grouped. All processors work; ctx stops the work early with its error.
func (e *Engine) Squash(ctx context.Context, in []tfhe.LWE) ([]*Ciphertext, error) {
	for i, c := range in {
		if len(c) != e.params.BigDim()+1 {
			return nil, fmt.Errorf("squash block %d: %d words, want %d", i, len(c), e.params.BigDim()+1)
		}
	}
	procs := runtime.GOMAXPROCS(0)
	size := min(maxBatch, (len(in)+procs-1)/procs)
	out := make([]*Ciphertext, len(in))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(procs)
	for at := 0; at < len(in); at += size {
		end := min(at+size, len(in))
		group.Go(func() error { return e.batch(ctx, out[at:end], in[at:end]) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("squash: %w", err)
	}
	return out, nil
}

func (e *Engine) batch(ctx context.Context, out []*Ciphertext, in []tfhe.LWE) error {
	return e.key.bootstrap(ctx, out, e.exponents(in))
}

// exponents switches keys and moduli.
func (e *Engine) exponents(in []tfhe.LWE) [][]uint32 {
	exps := make([][]uint32, len(in))
	for b := range exps {
		exps[b] = make([]uint32, e.params.LWEDim+1)
	}
	e.keySwitch.KeySwitch(exps, in, e.params.NewDigits(len(in)))
	for _, x := range exps {
		e.params.ModSwitch(x, x)
	}
	return exps
}

// bootstrap turns exponents, n of the mask and the body's, into squashed
// ciphertexts.
func (k *Key) bootstrap(ctx context.Context, out []*Ciphertext, exps [][]uint32) error {
	acc := make([]*glwe, len(exps))
	for b, e := range exps {
		acc[b] = new(glwe)
		acc[b].rotateIdentity(int(e[k.Len()]))
	}
	if err := k.blindRotate(ctx, acc, exps); err != nil {
		return err
	}
	for b := range out {
		out[b] = acc[b].sampleExtract()
	}
	return nil
}
