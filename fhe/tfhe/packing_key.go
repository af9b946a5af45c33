package tfhe

import (
	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// PackingKey turns LWE ciphertexts under the small key z into slots of GLWE
// ciphertexts under the same key: encryptions of its bits, modulo 2^32, under
// the polynomials that Packed describes. It is immutable and safe for
// concurrent use.
type PackingKey struct {
	params  *Params
	columns []*vec.Matrix // for each mask polynomial, then the body: that of every row
}

// packDigits is the number of digits that packing cuts a mask into: one for each
// row of a PackingKey.
func (p *Params) packDigits() int { return p.LWEDim * p.PackLevel }

func (ek *EvaluationKey) packingBodies(j int) []uint32 {
	size := ek.params.PackLevel * ek.params.PackSize
	return ek.packing[j*size:][:size:size]
}

// packingMasks calls f with mask polynomial i of row l for bit j of the small
// key: all i of a row, then those of the next.
func (ek *EvaluationKey) packingMasks(j int, f func(l, i int, mask []uint32)) {
	s := csprng.New(ek.masks, labelPackingMask, uint64(j))
	a := make([]uint32, ek.params.PackSize)
	for l := range ek.params.PackLevel {
		for i := range ek.params.packRank() {
			s.Uint32s(a)
			f(l, i, a)
		}
	}
}

// PackingKey expands the packing part of ek: 21 MB for Default.
func (ek *EvaluationKey) PackingKey() *PackingKey {
	p := ek.params
	k := &PackingKey{params: p, columns: make([]*vec.Matrix, p.packRank()+1)}
	for c := range k.columns {
		k.columns[c] = vec.NewMatrix(p.packDigits(), p.PackSize)
	}
	parallel.For(p.LWEDim, func(j int) {
		ek.packingMasks(j, func(l, i int, mask []uint32) {
			k.columns[i].SetRow(j*p.PackLevel+l, mask)
		})
		for l := range p.PackLevel {
			k.columns[p.packRank()].SetRow(j*p.PackLevel+l, ek.packingBodies(j)[l*p.PackSize:][:p.PackSize])
		}
	})
	return k
}

// packingSecret is the small key as polynomials of PackSize coefficients, zero
// beyond its bits.
type packingSecret [][]uint64

func (k *SecretKey) packingSecret() packingSecret {
	p := k.params
	ring := make(packingSecret, p.packRank())
	for i := range ring {
		ring[i] = make([]uint64, p.PackSize)
	}
	for j, bit := range k.small {
		ring[j/p.PackSize][j%p.PackSize] = uint64(bit)
	}
	return ring
}

func (ring packingSecret) wipe() {
	for _, poly := range ring {
		clear(poly)
	}
}

// encryptPackingRows writes the bodies of the rows for bit j of the small key z:
// row l encrypts the constant z_j * 2^(32 - BaseLog*(l+1)) under the polynomials
// ring, modulo 2^32.
func (k *SecretKey) encryptPackingRows(ek *EvaluationKey, ring packingSecret, j int) {
	p := k.params
	bodies := ek.packingBodies(j)
	a, product := make([]uint64, p.PackSize), make([]uint64, p.PackSize)
	defer clear(product)
	ek.packingMasks(j, func(l, i int, mask []uint32) {
		for h, x := range mask {
			a[h] = uint64(x)
		}
		mulNegacyclic(product, a, ring[i])
		for h, x := range product {
			bodies[l*p.PackSize+h] += uint32(x)
		}
	})
	errors := csprng.New(k.streams, labelPackingError, uint64(j))
	defer errors.Wipe()
	for h := range bodies {
		bodies[h] += uint32(errors.TUniform(p.LWENoise))
	}
	for l := range p.PackLevel {
		bodies[l*p.PackSize] += uint32(k.small[j]) << (32 - p.PackBaseLog*(l+1))
	}
}
