package radix

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Random returns a random value of type t: below bound, from 1 to 2^t.Bits(), or
// any value if bound is nil. It is a function of the network's random key and of
// seed, t and bound, which may all be public: who lacks the secret key learns
// nothing about it. A seed serves once, but values of other types or bounds are
// independent of it (SPEC 4.6).
//
// All values are equally likely, but for a statistical distance of less than
// 2^-64 where bound is no power of two. z has the network's public key, by which
// drawn blocks are re-randomised.
func (e *Evaluator) Random(ctx context.Context, z *tfhe.Rerandomizer, seed [32]byte, t fhe.Type, bound *uint256.Int) (*Ciphertext, error) {
	out, err := e.random(ctx, z, seed, t, bound)
	if err != nil {
		return nil, fmt.Errorf("random %s: %w", t, err)
	}
	return out, nil
}

func (e *Evaluator) random(ctx context.Context, z *tfhe.Rerandomizer, seed [32]byte, t fhe.Type, bound *uint256.Int) (*Ciphertext, error) {
	d, err := newDrawing(t, bound)
	if err != nil {
		return nil, err
	}
	p, err := d.compile()
	if err != nil {
		return nil, err
	}
	content := d.content(seed)
	blocks, err := e.draw(ctx, d, content)
	if err != nil {
		return nil, err
	}
	if err := z.Rerandomize(blocks, tfhe.RerandomizationSeed(content, blocksDigest(blocks), 0)); err != nil {
		return nil, err
	}
	out, err := e.run(ctx, p, blocks)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// RandomCost is what Random takes, drawn blocks included.
func RandomCost(t fhe.Type, bound *uint256.Int) (fhe.Cost, error) {
	d, err := newDrawing(t, bound)
	if err != nil {
		return fhe.Cost{}, fmt.Errorf("cost of random %s: %w", t, err)
	}
	p, err := d.compile()
	if err != nil {
		return fhe.Cost{}, fmt.Errorf("cost of random %s: %w", t, err)
	}
	cost := fhe.Cost{Bootstraps: d.blocks(), Depth: len(p.layers)}
	if cost.Bootstraps > 0 {
		cost.Depth++
	}
	for _, layer := range p.layers {
		cost.Bootstraps += len(layer)
	}
	return cost, nil
}

// drawing is a plan for a value below 4^low * factor: its low blocks are drawn.
// Above them is a value below factor, which no 4 divides: nothing for 1, a drawn
// bit for 2, else drawn blocks scaled by factor.
type drawing struct {
	typ    fhe.Type
	bound  *big.Int
	low    int
	factor *big.Int
}

func newDrawing(t fhe.Type, bound *uint256.Int) (drawing, error) {
	row, err := fhe.Rand.Operator()
	if bound != nil {
		row, err = fhe.RandBounded.Operator()
	}
	if err != nil || !row.On(t) {
		return drawing{}, errors.Join(err, errors.New("operation is not defined on this type"))
	}
	full := new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()))
	d := drawing{typ: t, bound: full}
	if bound != nil {
		d.bound = bound.ToBig()
	}
	if d.bound.Sign() == 0 || d.bound.Cmp(full) > 0 {
		return drawing{}, fmt.Errorf("bound %s, want 1 to 2^%d", bound.Dec(), t.Bits())
	}
	d.low = int(d.bound.TrailingZeroBits()) / messageBits
	d.factor = new(big.Int).Rsh(d.bound, uint(messageBits*d.low))
	return d, nil
}

// excess is the number of blocks that a number to scale has more than its factor.
const excess = 32

func (d drawing) isScaled() bool { return d.factor.Cmp(big.NewInt(2)) > 0 }

// blocks is the number of drawn blocks.
func (d drawing) blocks() int {
	if d.isScaled() {
		return d.low + blocksOf(d.factor) + excess
	}
	return d.low + d.factor.BitLen() - 1
}

// blocksOf is the number of blocks of v.
func blocksOf(v *big.Int) int { return (v.BitLen() + messageBits - 1) / messageBits }

// content is the seed of the drawn blocks, another for each seed, type and bound:
//
//	Keccak-256("fhevm random value" | seed(32) | type(1) | bound modulo 2^bits(32))
func (d drawing) content(seed [32]byte) fhe.Digest {
	var bound [32]byte
	if d.bound.BitLen() <= d.typ.Bits() {
		d.bound.FillBytes(bound[:])
	}
	return fhe.Keccak([]byte("fhevm random value"), seed[:], []byte{uint8(d.typ)}, bound[:])
}

// compile is the circuit that makes a value of drawn blocks.
func (d drawing) compile() (*program, error) {
	c := newCircuit()
	drawn := make([]wire, d.blocks())
	for i := range drawn {
		drawn[i] = c.input(top(d.typ)).wire()
	}
	out := clearBlocks(nil, d.typ.Blocks())
	above := drawn[copy(out, drawn[:d.low]):]
	if d.isScaled() {
		above = c.scale(above, d.factor)
	}
	copy(out[d.low:], above)
	return c.finish([][]wire{out}, []fhe.Type{d.typ})
}

// table is what block i is drawn by: all values of its functions are equally
// likely at a uniform phase.
func (d drawing) table(i int) *table {
	if i == d.low && !d.isScaled() {
		return randomBit
	}
	return slotHigh
}

// draw makes the drawn blocks, in one layer.
func (e *Evaluator) draw(ctx context.Context, d drawing, content fhe.Digest) ([]tfhe.LWE, error) {
	blocks, jobs := make([]tfhe.LWE, d.blocks()), make([]tfhe.Job, d.blocks())
	seed := tfhe.SeedFrom(content)
	for i := range jobs {
		blocks[i] = e.params.NewLWE()
		jobs[i] = tfhe.Job{
			Kind:      tfhe.Random,
			Exponents: e.params.RandomExponents(seed, uint64(i)),
			LUT:       e.luts[d.table(i)],
			Dst:       blocks[i : i+1],
		}
	}
	if err := e.boot.Bootstrap(ctx, jobs); err != nil {
		return nil, fmt.Errorf("draw %d blocks: %w", len(blocks), err)
	}
	for i, b := range blocks {
		d.table(i).settle(0, b)
	}
	return blocks, nil
}

// scale returns the blocks of x*k / 4^len(x), rounded down or, rarely, up: the
// result is below k, and for uniform x it is rounded up with a probability of at
// most 4^(blocks of k - len(x)) / 7. k is no multiple of 4, and has fewer blocks
// than x.
//
// The product is a sum of rows as in mulClear. Its lowest columns, which hardly
// ever matter, are left out. What each row loses is less than one unit of the
// lowest column that stays, so that adding a unit for each row makes up for it,
// and together they are less than k.
func (c *circuit) scale(x []wire, k *big.Int) []wire {
	n := blocksOf(k)
	left := max(0, n-5)
	cols, rest, rows := make(columns, len(x)+n), new(big.Int), int64(1)
	twice := c.twice(append(slices.Clip(x), constant(0)))
	for j, d := range recode(k, n+1) {
		row := x
		if d == 2 || d == -2 {
			row = twice
		}
		if d < 0 { // -b = not(b) + 1 - 4^len(b)
			row = complement(row, base-1)
			rest.Add(rest, power(j)).Sub(rest, power(j+len(row)))
		}
		if d != 0 {
			cols.addRow(j, row)
			rows++
		}
	}
	if left > 0 {
		rest.Add(rest, new(big.Int).Mul(big.NewInt(rows), power(left)))
	}
	cols.addRow(0, clearBlocks(rest, len(cols)))
	return c.addColumns(cols[left:])[len(x)-left:]
}

// power is 4^i.
func power(i int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(messageBits*i)) }

// blocksDigest is the Keccak-256 of the words of all blocks.
func blocksDigest(blocks []tfhe.LWE) fhe.Digest {
	parts := make([][]byte, len(blocks))
	for i, b := range blocks {
		parts[i] = make([]byte, 0, 8*len(b))
		for _, w := range b {
			parts[i] = binary.BigEndian.AppendUint64(parts[i], w)
		}
	}
	return fhe.Keccak(parts...)
}
