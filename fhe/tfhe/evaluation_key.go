package tfhe

import (
	"sync"

	"fhevm/fhe"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// EvaluationKey is the public key material that evaluates bootstraps, in the
// compact form that is stored and distributed: a public seed, from which every
// uniform mask expands, and the bodies (SPEC 3.4). A KeySwitchKey, a PackingKey
// and a BootstrapKey, of the bits of the small key, are its expanded parts. It
// is immutable.
type EvaluationKey struct {
	compactKey
	keySwitch []uint32 // bodies of the key-switching rows: BigDim × KeySwitchLevel
	packing   []uint32 // bodies of the packing rows: LWEDim × PackLevel × PackSize
	digest    fhe.Digest
}

// Labels of the streams of an evaluation key. Masks are public, errors secret.
const (
	labelMasks          = "evaluation key masks"
	labelBootstrapMask  = "bootstrap mask"
	labelBootstrapError = "bootstrap error"
	labelKeySwitchMask  = "key switch mask"
	labelKeySwitchError = "key switch error"
	labelPackingMask    = "packing mask"
	labelPackingError   = "packing error"
)

// EvaluationKey derives the evaluation key of k on all processors. progress,
// if not nil, is called with the rising number of encrypted key bits out of
// LWEDim+BigDim, by one goroutine at a time.
func (k *SecretKey) EvaluationKey(progress func(done, total int)) *EvaluationKey {
	p := k.params
	ek := &EvaluationKey{
		compactKey: newCompactKey(p, k.streams.Derive(labelMasks, 0), labelBootstrapMask),
		keySwitch:  make([]uint32, p.BigDim()*p.KeySwitchLevel),
		packing:    make([]uint32, p.packDigits()*p.PackSize),
	}
	ring := k.packingSecret()
	defer ring.wipe()
	total := p.LWEDim + p.BigDim()
	step := counter(total, progress)
	parallel.For(total, func(i int) {
		if i < p.LWEDim {
			k.encryptGGSW(&ek.compactKey, labelBootstrapError, i, k.small[i])
			k.encryptPackingRows(ek, ring, i)
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

// Digest is the SHA-256 of the key's encoding without its trailer.
func (ek *EvaluationKey) Digest() fhe.Digest { return ek.digest }

// KeyID identifies a network by its public key, its evaluation key and the
// digest of its random key: it is the key id of a fhe.Domain.
func KeyID(pk *PublicKey, ek *EvaluationKey, random fhe.Digest) fhe.Digest {
	digest := pk.computeDigest()
	return fhe.Keccak([]byte("fhevm network key"), digest[:], ek.digest[:], random[:])
}

func (ek *EvaluationKey) keySwitchBodies(j int) []uint32 {
	levels := ek.params.KeySwitchLevel
	return ek.keySwitch[j*levels:][:levels:levels]
}

// keySwitchMasks calls f with the mask of each row for coefficient j of the big key.
func (ek *EvaluationKey) keySwitchMasks(j int, f func(l int, mask []uint32)) {
	s := csprng.New(ek.masks, labelKeySwitchMask, uint64(j))
	a := make([]uint32, ek.params.LWEDim)
	for l := range ek.params.KeySwitchLevel {
		s.Uint32s(a)
		f(l, a)
	}
}

// encryptKeySwitchRows writes the bodies of the rows for coefficient j of the
// big key s: row l encrypts s_j * 2^(32 - BaseLog*(l+1)) under the small key,
// modulo 2^32.
func (k *SecretKey) encryptKeySwitchRows(ek *EvaluationKey, j int) {
	p := k.params
	errors := csprng.New(k.streams, labelKeySwitchError, uint64(j))
	defer errors.Wipe()
	bodies := ek.keySwitchBodies(j)
	ek.keySwitchMasks(j, func(l int, mask []uint32) {
		message := uint32(k.big[j]) << (32 - p.KeySwitchBaseLog*(l+1))
		bodies[l] = k.smallInner(mask) + message + uint32(errors.TUniform(p.LWENoise))
	})
}
