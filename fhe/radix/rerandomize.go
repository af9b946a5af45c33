package radix

import (
	"fmt"

	"fhevm/fhe/tfhe"
)

// Rerandomize returns c with masks that nobody chose (SPEC 4.7). seed is that of
// tfhe.RerandomizationSeed. Public blocks have nothing to hide and stay as they
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
		out.Blocks[i] = append(tfhe.LWE(nil), b...)
		if ws[i].isSource(i) && !isPublic(b) {
			own = append(own, out.Blocks[i])
		}
	}
	if err := z.Rerandomize(own, seed); err != nil {
		return nil, fmt.Errorf("re-randomise %s: %w", c.Type, err)
	}
	for i, w := range ws {
		if !isPublic(c.Blocks[i]) && !w.isSource(i) {
			out.Blocks[i] = e.combine(w, out.Blocks)
		}
	}
	return out, nil
}

// isSource reports whether a is source index itself.
func (a wire) isSource(index int) bool { return len(a.terms) == 1 && a.terms[0].index == index }
