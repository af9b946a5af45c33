package tfhe

import (
	"sync"

	"fhevm/fhe"
	"fhevm/fhe/internal/csprng"
	"fhevm/fhe/internal/parallel"
)

// EvaluationKey is the public key material that evaluates bootstraps, in the
// compact form that is stored and distributed: a public seed, from which every
// uniform mask expands, and the bodies (SPEC 3.4). A KeySwitchKey and a
// BootstrapKey are its expanded halves. It is immutable.
type EvaluationKey struct {
	params    *Params
	masks     Seed     // public
	bootstrap []uint64 // bodies of the GGSW rows: LWEDim × ggswRows × PolySize
	keySwitch []uint32 // bodies of the key-switching rows: BigDim × KeySwitchLevel
	digest    fhe.Digest
}

// ggswRows is the number of GLWE rows of one GGSW ciphertext: GLWEDim+1 of
// each level, both 1 in the only kind of set supported.
const ggswRows = 2

// Labels of the streams of an evaluation key. Masks are public, errors secret.
const (
	labelMasks          = "evaluation key masks"
	labelBootstrapMask  = "bootstrap mask"
	labelBootstrapError = "bootstrap error"
	labelKeySwitchMask  = "key switch mask"
	labelKeySwitchError = "key switch error"
)

// EvaluationKey derives the evaluation key of k on all processors. progress,
// if not nil, is called with the rising number of encrypted key bits out of
// LWEDim+BigDim, by one goroutine at a time.
func (k *SecretKey) EvaluationKey(progress func(done, total int)) *EvaluationKey {
	p := k.params
	ek := &EvaluationKey{
		params:    p,
		masks:     k.seed.Derive(labelMasks, 0),
		bootstrap: make([]uint64, p.LWEDim*ggswRows*p.PolySize),
		keySwitch: make([]uint32, p.BigDim()*p.KeySwitchLevel),
	}
	total := p.LWEDim + p.BigDim()
	step := counter(total, progress)
	parallel.For(total, func(i int) {
		if i < p.LWEDim {
			k.encryptGGSW(ek, i)
		} else {
			k.encryptKeySwitchRows(ek, i-p.LWEDim)
		}
		step()
	})
	ek.digest = ek.computeDigest()
	return ek
}

// counter returns a function that counts its calls and reports them.
func counter(total int, progress func(done, total int)) (step func()) {
	if progress == nil {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(done, total)
	}
}

// Params returns the key's parameter set.
func (ek *EvaluationKey) Params() *Params { return ek.params }

// Digest is the SHA-256 of the key's encoding without its trailer.
func (ek *EvaluationKey) Digest() fhe.Digest { return ek.digest }

// KeyID identifies a network by its public key and its evaluation key: it is
// the key id of a fhe.Domain.
func KeyID(pk *PublicKey, ek *EvaluationKey) fhe.Digest {
	digest := pk.computeDigest()
	return fhe.Keccak([]byte("fhevm network key"), digest[:], ek.digest[:])
}

func (ek *EvaluationKey) ggswBodies(i int) []uint64 {
	size := ggswRows * ek.params.PolySize
	return ek.bootstrap[i*size:][:size:size]
}

// ggswMasks calls f with the mask of each row of GGSW i in turn.
func (ek *EvaluationKey) ggswMasks(i int, f func(r int, mask []uint64)) {
	s := csprng.New(ek.masks, labelBootstrapMask, uint64(i))
	a := make([]uint64, ek.params.PolySize)
	for r := range ggswRows {
		s.Uint64s(a)
		f(r, a)
	}
}

func (ek *EvaluationKey) keySwitchBodies(j int) []uint32 {
	levels := ek.params.KeySwitchLevel
	return ek.keySwitch[j*levels:][:levels:levels]
}

// encryptGGSW writes the bodies of the GGSW encryption of bit i of the small
// key: row r encrypts bit*g at component r, with g the gadget weight of the
// single level. The mask of row 0 stays as the seed gives it, so bit*g moves to
// the body, where it meets the secret: -bit*g*s.
func (k *SecretKey) encryptGGSW(ek *EvaluationKey, i int) {
	p := k.params
	errors := csprng.New(k.seed, labelBootstrapError, uint64(i))
	defer errors.Wipe()
	bodies := ek.ggswBodies(i)
	ek.ggswMasks(i, func(r int, mask []uint64) {
		body := bodies[r*p.PolySize:][:p.PolySize]
		mulNegacyclic(body, mask, k.big)
		addNoise(body, p.GLWENoise, errors)
	})
	message := uint64(k.small[i]) << (64 - p.BootstrapBaseLog)
	for j, s := range k.big {
		bodies[j] -= message * s
	}
	bodies[p.PolySize] += message
}

// encryptKeySwitchRows writes the bodies of the rows for coefficient j of the
// big key s: row l encrypts s_j * 2^(32 - BaseLog*(l+1)) under the small key,
// modulo 2^32.
func (k *SecretKey) encryptKeySwitchRows(ek *EvaluationKey, j int) {
	p := k.params
	mask := csprng.New(ek.masks, labelKeySwitchMask, uint64(j))
	errors := csprng.New(k.seed, labelKeySwitchError, uint64(j))
	defer errors.Wipe()
	a := make([]uint32, p.LWEDim)
	bodies := ek.keySwitchBodies(j)
	for l := range bodies {
		mask.Uint32s(a)
		message := uint32(k.big[j]) << (32 - p.KeySwitchBaseLog*(l+1))
		bodies[l] = k.smallInner(a) + message + uint32(errors.TUniform(p.LWENoise))
	}
}
