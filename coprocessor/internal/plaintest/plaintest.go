// Package plaintest stands in for the cryptography in tests of order, crashes and
// faults: ciphertexts hold their plaintexts, and the real circuits run on them.
package plaintest

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// Plaintexts is the plaintext model of a bootstrap: the phase of a ciphertext is
// its body, and the mask only tells ciphertexts apart. The tests of order,
// crashes and faults run the real circuits on it.
type Plaintexts struct{ Params *tfhe.Params }

func (b Plaintexts) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	for _, j := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Which of the 2N rotations the phase asks for, rounded.
		shift := 64 - bits.TrailingZeros(uint(2*b.Params.PolySize))
		at := 0
		if j.Kind == tfhe.Unpack {
			at = int(j.Exponents[len(j.Exponents)-1])
		} else {
			at = int((j.Src[len(j.Src)-1] + 1<<(shift-1)) >> shift)
		}
		mask := noiseOf(j)
		for i, dst := range j.Dst {
			k := (at + i*b.Params.PolySize/j.LUT.Outputs) % (2 * b.Params.PolySize)
			v := j.LUT.Poly[k%b.Params.PolySize]
			if k >= b.Params.PolySize {
				v = -v
			}
			dst.Trivial(v)
			dst[0], dst[1] = mask, uint64(i)
		}
	}
	return nil
}

// noiseOf is a mask that only the same bootstrap of the same ciphertext has.
func noiseOf(j tfhe.Job) uint64 {
	h := fnv.New64a()
	binary.Write(h, binary.BigEndian, []uint64(j.Src))
	binary.Write(h, binary.BigEndian, j.Exponents)
	binary.Write(h, binary.BigEndian, j.LUT.Poly)
	return h.Sum64() | 1
}

// Pack keeps plaintexts, and in the mask a hash of what it packs.
func (b Plaintexts) Pack(blocks []tfhe.LWE) (*tfhe.Packed, error) {
	h := fnv.New64a()
	c := &tfhe.Packed{Mask: make([]uint16, b.Params.PackedMaskWords(len(blocks))), Bodies: make([]uint16, len(blocks))}
	for i, block := range blocks {
		binary.Write(h, binary.BigEndian, []uint64(block))
		c.Bodies[i] = uint16(plaintextOf(block) << (b.Params.PackBits - 3)) // 4 values and a bit of padding
	}
	for i, x := 0, h.Sum64(); x > 0; i, x = i+1, x>>b.Params.PackBits {
		c.Mask[i] = uint16(x) & (1<<b.Params.PackBits - 1)
	}
	return c, nil
}

// Evaluator computes on plaintexts. Its Unpack makes masks of all its
// arguments.
type Evaluator struct{ *radix.Evaluator }

// NewEvaluator is the Evaluator on the given plaintext bootstrapper.
func NewEvaluator(b tfhe.Bootstrapper) Evaluator {
	return Evaluator{radix.NewEvaluator(tfhe.Default, b)}
}

// Random stands for the draw: what it returns is no secret.
func (e Evaluator) Random(ctx context.Context, seed [32]byte, t fhe.Type, bound *uint256.Int) (*radix.Ciphertext, error) {
	v := new(uint256.Int).SetBytes32(seed[:])
	if bound != nil {
		v.Mod(v, bound)
	}
	v.And(v, new(uint256.Int).SubUint64(new(uint256.Int).Lsh(uint256.NewInt(1), uint(t.Bits())), 1))
	out, err := e.Eval(ctx, fhe.Trivial, t, radix.Clear(v))
	return out[0], err
}

func (Evaluator) Pack(values ...*radix.Ciphertext) (*radix.Packed, error) {
	return radix.Pack(Plaintexts{Params: &tfhe.Default}, values...)
}

func (e Evaluator) Unpack(ctx context.Context, p *radix.Packed, i int, content fhe.Digest) (*radix.Ciphertext, error) {
	ct, err := e.Evaluator.Unpack(ctx, p, i)
	if err != nil {
		return nil, err
	}
	digest := p.Digest()
	h := fhe.Keccak(content[:], digest[:], []byte{uint8(i)})
	for _, b := range ct.Blocks {
		if b[0] != 0 {
			b[0] += binary.BigEndian.Uint64(h[:]) << 1 // stays odd
		}
	}
	return ct, nil
}

// Value decrypts what a plaintext evaluator made.
func Value(t testing.TB, ct *radix.Ciphertext) (v uint64) {
	t.Helper()
	for i, block := range ct.Blocks {
		m := plaintextOf(block)
		if m >= 1<<fhe.MessageBits {
			t.Fatalf("block %d holds %d", i, m)
		}
		v |= m << (fhe.MessageBits * i)
	}
	return v
}

func plaintextOf(block tfhe.LWE) uint64 { return block[len(block)-1] / tfhe.Delta }

// List writes an input list for plaintexts.
func List(types []fhe.Type, values []uint64) *fhe.InputList {
	list := &fhe.InputList{Binding: fhe.Binding{Domain: logtest.Domain}, Types: types, Mask: make([]uint64, 2048)}
	for i, typ := range types {
		for s := range typ.Slots() {
			list.Bodies = append(list.Bodies, values[i]>>(4*s)&15*tfhe.Delta)
		}
	}
	for i := range list.Mask {
		list.Mask[i] = uint64(i)*0x9e3779b97f4a7c15 | 1
	}
	return list
}

// RandomList writes a list of a number and a truth value.
func RandomList(r *rand.Rand) (*fhe.InputList, []uint64) {
	values := []uint64{r.Uint64N(256), r.Uint64N(2)}
	return List([]fhe.Type{fhe.Uint8, fhe.Bool}, values), values
}
