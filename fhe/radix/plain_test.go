package radix

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// The tests make many small things and keep few: with the usual percentage the
// collector takes a third of their time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

// plainParams has the plaintext space of tfhe.Default and nothing else.
var plainParams = tfhe.Params{Name: "plain", GLWEDim: 1, PolySize: 2 * half}

// plainBootstrapper evaluates look-up tables on ciphertexts whose phase is
// their body, exactly, with the negacyclic rule. Masks only tell ciphertexts
// apart. It refuses noise and plaintexts outside the domain of a fixed table.
type plainBootstrapper struct {
	domains map[*tfhe.LUT]*table
}

func newPlain() *Evaluator {
	b := &plainBootstrapper{domains: make(map[*tfhe.LUT]*table)}
	e := NewEvaluator(plainParams, b)
	for t, lut := range e.luts {
		b.domains[lut] = t
	}
	return e
}

func (b *plainBootstrapper) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	for i := range jobs {
		if err := b.bootstrap(&jobs[i]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (b *plainBootstrapper) bootstrap(j *tfhe.Job) error {
	src := slices.Clone(j.Src) // which a destination may alias
	body := src[len(src)-1]
	if body%tfhe.Delta != 0 {
		return errors.New("plaintext is not an integer")
	}
	v := int(body / tfhe.Delta)
	if t := b.domains[j.LUT]; t != nil && v > t.hi && v-modulus < t.lo {
		return fmt.Errorf("plaintext %d outside [%d, %d]", v, t.lo, t.hi)
	}
	box := plainParams.PolySize / half
	for i, dst := range j.Dst {
		at := v*box + i*plainParams.PolySize/j.LUT.Outputs
		out := j.LUT.Poly[at%plainParams.PolySize]
		if at/plainParams.PolySize%2 == 1 {
			out = -out
		}
		scramble(dst, src, hash(j.LUT.Poly)+uint64(i))
		dst[len(dst)-1] = out
	}
	return nil
}

// hash tells look-up tables apart.
func hash(poly []uint64) (h uint64) {
	for _, v := range poly {
		h = (h ^ v>>16 ^ v) * 0x100000001b3
	}
	return h
}

// scramble sets dst's mask to a function of src and of salt.
func scramble(dst, src tfhe.LWE, salt uint64) {
	x := salt
	for _, v := range []uint64{src[0], src[1], src[len(src)-1]} {
		x = (x ^ v) * 0x9e3779b97f4a7c15
		x ^= x >> 29
	}
	dst[0], dst[1] = x|1, x*0xbf58476d1ce4e5b9
}

// digits are n blocks of v.
func digits(v *big.Int, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(v.Bit(2*i) | v.Bit(2*i+1)<<1)
	}
	return out
}

// plain makes a ciphertext of v for the plain bootstrapper.
func plain(t fhe.Type, v *big.Int) *Ciphertext {
	c := &Ciphertext{Type: t, Blocks: make([]tfhe.LWE, t.Blocks())}
	for i, d := range digits(v, t.Blocks()) {
		b := plainParams.NewLWE()
		b[0], b[1] = rand.Uint64(), rand.Uint64()
		b[len(b)-1] = d * tfhe.Delta
		c.Blocks[i] = b
	}
	return c
}

// reveal decrypts c and checks that it is clean.
func reveal(t testing.TB, c *Ciphertext) *big.Int {
	t.Helper()
	v := new(big.Int)
	for i, b := range slices.Backward(c.Blocks) {
		p := b[len(b)-1]
		if p%tfhe.Delta != 0 || p/tfhe.Delta > uint64(top(c.Type)) {
			t.Fatalf("block %d of %s holds %d + %d/Delta", i, c.Type, p/tfhe.Delta, p%tfhe.Delta)
		}
		v.Lsh(v, messageBits).Or(v, number(p/tfhe.Delta))
	}
	return v
}

// countingBootstrapper counts jobs and leaves the results alone.
type countingBootstrapper struct{ jobs, layers int }

func (c *countingBootstrapper) Bootstrap(_ context.Context, jobs []tfhe.Job) error {
	c.jobs += len(jobs)
	c.layers++
	return nil
}
