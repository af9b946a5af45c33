package tfhe

import (
	"fhevm/accel/fft"
	"fhevm/fhe/internal/parallel"
)

// BootstrapKey is the bootstrapping key in the transform's domain: one GGSW
// encryption under the big key for each bit of another key. It is immutable and safe for
// concurrent use.
type BootstrapKey struct {
	params *Params
	bits   []fft.GGSW
}

// BootstrapKey expands the bootstrapping half of ek: 60 MB for Default.
func (ek *EvaluationKey) BootstrapKey() *BootstrapKey {
	p := ek.params
	k := &BootstrapKey{params: p, bits: make([]fft.GGSW, p.LWEDim)}
	parallel.For(p.LWEDim, func(i int) {
		bodies := ek.ggswBodies(i)
		ek.ggswMasks(i, func(r int, mask []uint64) {
			preciseTransform(&k.bits[i][2*r], (*[fft.N]uint64)(mask))
			fft.Forward(&k.bits[i][2*r+1], (*[fft.N]uint64)(bodies[r*fft.N:]))
		})
	})
	return k
}
