package radix

import (
	"fmt"
	"math/big"
	"sync"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// digests evaluates every form on uint8 with e, all at once or one by one, and
// hashes the results together.
func (n *network) digests(t *testing.T, e *Evaluator, together bool) fhe.Digest {
	var running sync.WaitGroup
	var fs []form
	for _, f := range forms() {
		if f.t == fhe.Uint8 {
			fs = append(fs, f)
		}
	}
	results := make([][]byte, len(fs))
	for i, f := range fs {
		run := func() {
			values := make([]*big.Int, len(f.types))
			for j, typ := range f.types {
				values[j] = number(0x9bc5 >> j & (1<<typ.Bits() - 1))
			}
			out, err := e.Eval(t.Context(), f.row.Op, f.t, f.operands(values, func(j int, typ fhe.Type, v *big.Int) *Ciphertext {
				return n.encrypt(typ, v, fmt.Sprint(f, j))
			})...)
			if err != nil {
				t.Errorf("%v: %v", f, err)
				return
			}
			for _, c := range out {
				d := c.Digest()
				results[i] = append(results[i], d[:]...)
			}
		}
		if together {
			running.Go(run)
		} else {
			run()
		}
	}
	running.Wait()
	return fhe.Keccak(results...)
}

// Results have the same bytes whatever the number of workers, the batches and
// the machine.
func TestDeterminism(t *testing.T) {
	const want = "0xd9c8840e5cb7bc1b8e511020994eab629e7b571c21a576e1062900ac3935a832"
	n := realNetwork()
	for _, c := range []struct {
		name     string
		workers  int
		together bool
	}{{"three workers, all at once", 3, true}, {"one worker, one by one", 1, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // one worker alone would leave processors idle
			engine := tfhe.NewEngine(n.key, c.workers)
			defer engine.Close()
			if got := n.digests(t, NewEvaluator(tfhe.Default, engine), c.together); got.String() != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
}
