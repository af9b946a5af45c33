package radix

import (
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Rerandomize returns c with masks that nobody chose (SPEC 4.7). seed is that of
// tfhe.RerandomizationSeed, with c's index in the Packed that it comes from: two
// values under one seed would get the same encryptions of zero. Public blocks have nothing to hide and stay as they
// are; blocks that share a mask, or whose masks are negatives, still do, so that
// circuits see that they share their noise.
//
// For the same reason, c's noise must be its own: that of a value unpacked from
// storage, not of one that shares blocks with others.
func (e *Evaluator) Rerandomize(z *tfhe.Rerandomizer, c *Ciphertext, seed tfhe.Seed) (*Ciphertext, error) {
	if err := c.checkShape(e.params.BigDim() + 1); err != nil {
		return nil, fmt.Errorf("re-randomise: %w", err)
	}
	out := &Ciphertext{Type: c.Type, Blocks: make([]tfhe.LWE, len(c.Blocks))}
	ws := newCircuit().operand(c)
	var own []tfhe.LWE
	for i, b := range c.Blocks {
		out.Blocks[i] = slices.Clone(b)
		if ws[i].isSource(i) && !isPublic(b) {
			own = append(own, out.Blocks[i])
		}
	}
	if err := z.Rerandomize(own, seed); err != nil {
		return nil, fmt.Errorf("re-randomise %s: %w", c.Type, err)
	}
	for i, w := range ws {
		if !isPublic(c.Blocks[i]) && !w.isSource(i) {
			w.combine(out.Blocks[i], out.Blocks)
		}
	}
	return out, nil
}

// isSource reports whether a is source index itself.
func (a wire) isSource(index int) bool { return len(a.terms) == 1 && a.terms[0].index == index }

// RerandomizeList returns an input list with the same values under a mask that
// its wallet did not choose: Expand takes it instead (SPEC 4.4).
func RerandomizeList(z *tfhe.Rerandomizer, list *fhe.InputList) (*fhe.InputList, error) {
	encoding, err := list.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("re-randomise input list: %w", err)
	}
	digest := fhe.Keccak(encoding)
	out := *list
	out.Mask, out.Bodies = slices.Clone(list.Mask), slices.Clone(list.Bodies)
	if err := z.RerandomizeList(out.Mask, out.Bodies, tfhe.RerandomizationSeed(digest, digest, 0)); err != nil {
		return nil, err
	}
	return &out, nil
}
