package dkg

import (
	"fhevm/accel/ntt"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
)

// Keys are the public keys that a run makes.
type Keys struct {
	Public     *tfhe.PublicKey
	Evaluation *tfhe.EvaluationKey
	Random     *tfhe.RandomKey
	Squash     *squash.Key
}

// ID is the key id of the network.
func (k *Keys) ID() fhe.Digest { return tfhe.KeyID(k.Public, k.Evaluation, k.Random.Digest()) }

// assembly takes opened bodies.
type assembly struct {
	params *tfhe.Params
	tfhe   *tfhe.Assembly
	squash *squash.Assembly
}

// newAssembly expands masks from the run's public seed.
func newAssembly(p *tfhe.Params, seed tfhe.Seed) *assembly {
	return &assembly{p, tfhe.NewAssembly(p, seed.Derive("tfhe", 0)), squash.NewAssembly(p.LWEDim, seed.Derive("squash", 0))}
}

// masks are those of row i of the squash key.
func (a *assembly) masks(i int) [squashers][]uint64 { return a.squash.Masks(i) }

// put takes the opened words of chunk c.
func (a *assembly) put(c int, opened *chunk) {
	p := a.params
	if c == 0 {
		lowWords(a.tfhe.PublicBodies(), opened.part(0, p.PolySize))
		rows := opened.part(p.PolySize, p.KeySwitchDigits())
		for j := range p.BigDim() {
			low32(a.tfhe.KeySwitchBodies(j), rows, j*p.KeySwitchLevel)
		}
		return
	}
	i := c - 1
	lowWords(a.tfhe.BootstrapBodies(i), opened.part(0, 2*p.PolySize))
	lowWords(a.tfhe.RandomBodies(i), opened.part(2*p.PolySize, 2*p.PolySize))
	low32(a.tfhe.PackingBodies(i), opened.part(4*p.PolySize, p.PackLevel*p.PackSize), 0)
	var bodies [squashers]ntt.Digits
	for k := range bodies {
		for r := range bodies[k] {
			copy(bodies[k][r][:], opened.squash[k][r*ntt.N:])
		}
	}
	a.squash.SetBodies(i, &bodies)
}

func lowWords(dst []uint64, words [narrows][]uint64) {
	for x := range dst {
		dst[x] = lowWord([narrows]uint64{words[0][x], words[1][x], words[2][x]})
	}
}

func low32(dst []uint32, words [narrows][]uint64, from int) {
	for i := range dst {
		x := from + i
		dst[i] = uint32(lowWord([narrows]uint64{words[0][x], words[1][x], words[2][x]}))
	}
}

// keys ends the work.
func (a *assembly) keys() *Keys {
	k := &Keys{Squash: a.squash.Key()}
	k.Public, k.Evaluation, k.Random = a.tfhe.Keys()
	return k
}
