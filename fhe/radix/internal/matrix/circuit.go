package main

import (
	"context"
	"math/big"
	"sync"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// tiny has the plaintext space of tfhe.Default, on which all circuits depend,
// and ciphertexts of three words.
var tiny = tfhe.Params{GLWEDim: 1, PolySize: 2 * tfhe.PlaintextModulus}

// tracer is a tfhe.Bootstrapper that makes each result a hash of the job: what a
// circuit returns is then a hash of the circuit.
type tracer struct{}

func (tracer) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	for _, j := range jobs {
		h := mix(mix(14695981039346656037, j.Src), j.LUT.Poly)
		for _, x := range j.Exponents {
			h = mix(h, []uint64{uint64(x)})
		}
		for i, dst := range j.Dst {
			for k := range dst {
				dst[k] = mix(h, []uint64{uint64(i), uint64(k)})
			}
		}
	}
	return nil
}

// mix continues the hash h (FNV-1a on words, and a shift for the upper bits).
func mix(h uint64, words []uint64) uint64 {
	for _, w := range words {
		h = (h ^ w ^ w>>29) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h
}

// zeros re-randomises ciphertexts of tfhe.Default, under a key like any other.
var zeros = sync.OnceValue(func() *tfhe.Rerandomizer {
	return tfhe.NewRerandomizer(tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{})).PublicKey())
})

// circuit is a hash of the cell's circuit on its clear operands. What is drawn is
// re-randomised, which takes ciphertexts of all their words.
func (c cell) circuit(ctx context.Context) fhe.Digest {
	e, z := radix.NewEvaluator(tiny, tracer{}), (*tfhe.Rerandomizer)(nil)
	if c.row.Shape == fhe.Draw {
		e, z = radix.NewEvaluator(tfhe.Default, tracer{}), zeros()
	}
	results, err := c.results(ctx, e, z, func(t fhe.Type, _ *big.Int, place int) *radix.Ciphertext {
		return blocks(&tiny, t, func(i int, b tfhe.LWE) {
			for k := range b {
				b[k] = mix(1, []uint64{uint64(place), uint64(i), uint64(k)})
			}
		})
	})
	if err != nil {
		return fhe.Digest{}
	}
	return digest(results)
}

// digest is that of all results.
func digest(results []*radix.Ciphertext) fhe.Digest {
	var all []byte
	for _, r := range results {
		d := r.Digest()
		all = append(all, d[:]...)
	}
	return fhe.Keccak(all)
}
