package tfhe

import "fhevm/fhe/csprng"

// Assembly holds the public keys of a network while a committee generates them:
// masks, which expand from a public seed, and bodies as they become known. No
// process holds the secret. What BootstrapBodies and the like return is to be
// filled in; Keys ends the work.
type Assembly struct {
	public     *PublicKey
	evaluation *EvaluationKey
	random     *RandomKey
}

// NewAssembly expands nothing yet but the public key's mask. seed is public, and
// of this run alone.
func NewAssembly(p *Params, seed Seed) *Assembly {
	a := &Assembly{
		public: &PublicKey{params: p, a: make([]uint64, p.PolySize), b: make([]uint64, p.PolySize)},
		evaluation: &EvaluationKey{
			compactKey: newCompactKey(p, seed.Derive(labelMasks, 0), labelBootstrapMask),
			keySwitch:  make([]uint32, p.BigDim()*p.KeySwitchLevel),
			packing:    make([]uint32, p.packDigits()*p.PackSize),
		},
		random: &RandomKey{compactKey: newCompactKey(p, seed.Derive(labelRandomMasks, 0), labelRandomMask)},
	}
	csprng.New(seed, labelPublicMask, 0).Uint64s(a.public.a)
	return a
}

// PublicMask is the mask of the public key, PolySize words; it must not change.
func (a *Assembly) PublicMask() []uint64 { return a.public.a }

// PublicBodies are the PolySize bodies a*s + e of the public key.
func (a *Assembly) PublicBodies() []uint64 { return a.public.b }

// BootstrapMasks calls f with the mask polynomial of each of the two rows of GGSW
// ciphertext i of the evaluation key. f must not keep it.
func (a *Assembly) BootstrapMasks(i int, f func(r int, mask []uint64)) {
	a.evaluation.ggswMasks(i, f)
}

// BootstrapBodies are the bodies of both rows of GGSW ciphertext i.
func (a *Assembly) BootstrapBodies(i int) []uint64 { return a.evaluation.ggswBodies(i) }

// RandomMasks is BootstrapMasks of the random key.
func (a *Assembly) RandomMasks(i int, f func(r int, mask []uint64)) { a.random.ggswMasks(i, f) }

// RandomBodies is BootstrapBodies of the random key.
func (a *Assembly) RandomBodies(i int) []uint64 { return a.random.ggswBodies(i) }

// KeySwitchMasks calls f with the LWEDim mask words of each key-switching row for
// coefficient j of the big key. f must not keep them.
func (a *Assembly) KeySwitchMasks(j int, f func(l int, mask []uint32)) {
	a.evaluation.keySwitchMasks(j, f)
}

// KeySwitchBodies are the KeySwitchLevel bodies of the rows for coefficient j.
func (a *Assembly) KeySwitchBodies(j int) []uint32 { return a.evaluation.keySwitchBodies(j) }

// PackingMasks calls f with mask polynomial i, PackSize words, of row l for bit j of
// the small key: all i of a row, then those of the next. f must not keep it.
func (a *Assembly) PackingMasks(j int, f func(l, i int, mask []uint32)) {
	a.evaluation.packingMasks(j, f)
}

// PackingBodies are the bodies of the PackLevel rows for bit j, PackSize each.
func (a *Assembly) PackingBodies(j int) []uint32 { return a.evaluation.packingBodies(j) }

// Keys returns the keys, whose bodies must not change any more.
func (a *Assembly) Keys() (*PublicKey, *EvaluationKey, *RandomKey) {
	a.evaluation.digest = a.evaluation.computeDigest()
	a.random.digest = a.random.computeDigest()
	return a.public, a.evaluation, a.random
}
