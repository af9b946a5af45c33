package radix

import (
	"context"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Packed is ciphertexts at rest, the form in which they are stored and hashed
// (SPEC 4.8): a value alone, or the values that one derivation makes together.
// Public blocks are kept as they are, the others in slots of packed
// ciphertexts, PackSize in each but the last. It is immutable.
type Packed struct {
	types  []fhe.Type     // of the values in order
	public []uint8        // 1 for a public block, else 0
	clear  []uint8        // the public blocks
	secret []*tfhe.Packed // the other blocks
}

// Types returns the types of the values in order.
func (p *Packed) Types() []fhe.Type { return slices.Clone(p.types) }

// MaxPackedValues bounds the values that are packed together.
const MaxPackedValues = fhe.MaxInputValues

// packSize is the number of slots that share a mask.
var packSize = tfhe.Default.PackSize

// Pack packs clean values: 1.35 KB for one of 64 bits, 1.8 KB for eight.
func Pack(p tfhe.Packer, values ...*Ciphertext) (*Packed, error) {
	if len(values) == 0 || len(values) > MaxPackedValues {
		return nil, fmt.Errorf("pack %d values, want 1 to %d", len(values), MaxPackedValues)
	}
	out := new(Packed)
	var secret []tfhe.LWE
	for i, c := range values {
		own, err := out.add(c)
		if err != nil {
			return nil, fmt.Errorf("pack value %d: %w", i, err)
		}
		secret = append(secret, own...)
	}
	for group := range slices.Chunk(secret, packSize) {
		c, err := p.Pack(group)
		if err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		out.secret = append(out.secret, c)
	}
	return out, nil
}

// add enters c, but for its secret blocks, which it returns.
func (p *Packed) add(c *Ciphertext) (secret []tfhe.LWE, err error) {
	if err := c.checkShape(tfhe.Default.BigDim() + 1); err != nil {
		return nil, err
	}
	p.types = append(p.types, c.Type)
	for i, b := range c.Blocks {
		if !isPublic(b) {
			p.public = append(p.public, 0)
			secret = append(secret, b)
			continue
		}
		p.public = append(p.public, 1)
		body := b[len(b)-1]
		if body%tfhe.Delta != 0 || body/tfhe.Delta > uint64(top(c.Type)) {
			return nil, fmt.Errorf("public block %d of %s is no plaintext", i, c.Type)
		}
		p.clear = append(p.clear, uint8(body/tfhe.Delta))
	}
	return secret, nil
}

// Unpack returns value i of p, in one layer of one bootstrap for each secret
// block. Public blocks stay public. The noise of each other block is that of one
// bootstrap and independent of the others', whatever blocks shared before.
func (e *Evaluator) Unpack(ctx context.Context, p *Packed, i int) (*Ciphertext, error) {
	if i < 0 || i >= len(p.types) {
		return nil, fmt.Errorf("unpack value %d of %d", i, len(p.types))
	}
	c := &Ciphertext{Type: p.types[i], Blocks: make([]tfhe.LWE, p.types[i].Blocks())}
	var jobs []tfhe.Job
	at, clear, slot := p.place(i)
	for j := range c.Blocks {
		c.Blocks[j] = e.params.NewLWE()
		if p.public[at+j] == 1 {
			c.Blocks[j].Trivial(uint64(p.clear[clear]) * tfhe.Delta)
			clear++
			continue
		}
		job, err := e.params.NewUnpackJob(c.Blocks[j], p.secret[slot/packSize], slot%packSize, e.unpack)
		if err != nil {
			return nil, fmt.Errorf("unpack value %d: %w", i, err)
		}
		jobs = append(jobs, job)
		slot++
	}
	if err := e.boot.Bootstrap(ctx, jobs); err != nil {
		return nil, fmt.Errorf("unpack value %d: %w", i, err)
	}
	return c, nil
}

// place counts the blocks, the public ones and the slots before value i.
func (p *Packed) place(i int) (blocks, clear, slots int) {
	blocks = countBlocks(p.types[:i])
	for _, mark := range p.public[:blocks] {
		clear += int(mark)
	}
	return blocks, clear, blocks - clear
}

func countBlocks(types []fhe.Type) (n int) {
	for _, t := range types {
		n += t.Blocks()
	}
	return n
}
