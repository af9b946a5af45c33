package tfhe

import (
	"math"
	"slices"
	"testing"

	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// Unpacking keeps 2^-128 for a full ciphertext under keys of a dealer and of
// committees of 4 and of 7.
func TestUnpackFailureProbability(t *testing.T) {
	for _, p := range []*Params{&Default, committees[4], committees[7]} {
		for _, slots := range []int{1, 32, 128, p.PackSize} {
			got := p.UnpackFailureLog2(slots)
			t.Logf("log2 of the failure probability with %d slots, %d key errors: %.1f", slots, p.KeyShares, got)
			if got > -128 {
				t.Errorf("log2 of the failure probability with %d slots, %d key errors is %.1f", slots, p.KeyShares, got)
			}
		}
	}
}

// TestMeasuredNoiseOfPacking compares the error of each stage of packing, and of
// unpacking, with its formula, and recomputes the failure probability with the
// upper confidence bounds of what was measured.
func TestMeasuredNoiseOfPacking(t *testing.T) {
	p, form := &Default, currentNoiseForm()
	samples := form.modSwitches / 64
	key, digits, rounding := measurePackKey(samples), measurePackDigits(samples), measurePackRounding(samples)
	key.check(t, "packing key", p.packRowsVariance(1, 0))
	digits.check(t, "packing digits", p.packDigitVariance())
	rounding.check(t, "packing rounding", p.packRoundingVariance())

	secret := keys().secret
	bootstrap := p.bootstrapVariance(weight(secret.small), weight(secret.big), transformError)
	unpacked := form.encryptions
	if testing.Short() {
		unpacked = 32
	}
	unpack := measureUnpack(t, unpacked)
	unpack.check(t, "unpacking", bootstrap)

	masks := p.packKeyVariance(p.PackSize) - p.packRowsVariance(p.PackSize, 0) // see TestMaskRounding
	for _, parties := range []int{4, 7} {
		committee := committees[parties]
		shares := float64(committee.KeyShares)
		keyed := shares*key.upper()*float64(p.PackSize) + masks + committee.KeySwitchVariance()
		got := p.unpackFailureLog2(shares*unpack.upper(), keyed+digits.upper()+rounding.upper())
		t.Logf("log2 of the failure probability with upper bounds, committee of %d: %.2f", parties, got)
		if !testing.Short() && got > -128 {
			t.Errorf("log2 of the failure probability with upper bounds, committee of %d, is %.2f", parties, got)
		}
	}
}

// packingNoise expands a secret key and a packing key without masks, which
// leaves phases and errors as they are.
func packingNoise(label string, i int) (*SecretKey, *PackingKey) {
	p := &Default
	secret := NewSecretKey(p, testSeed.Derive(label, uint64(i)))
	errors := csprng.New(secret.streams, labelPackingError, 0)
	bodies, row := vec.NewMatrix(p.packDigits(), p.PackSize), make([]uint32, p.PackSize)
	for r := range p.packDigits() {
		for h := range row {
			row[h] = uint32(errors.TUniform(p.LWENoise))
		}
		bodies.SetRow(r, row)
	}
	return secret, &PackingKey{params: p, columns: []*vec.Matrix{bodies}}
}

// measurePackKey takes the coefficients of one ciphertext's key switch, under
// keys that encrypt zeros: their errors are independent.
func measurePackKey(samples int) *measurement {
	p, m := &Default, &measurement{}
	parallel.For(samples/p.PackSize, func(i int) {
		secret, key := packingNoise("packing noise", i)
		small := make([]uint32, p.LWEDim+1)
		csprng.New(secret.streams, "input", 0).Uint32s(small)
		small[p.LWEDim] = -p.packDecompose(make([]Digits, p.packDigits()/vec.Group), 1, append(slices.Clone(small[:p.LWEDim]), 0))
		for _, x := range key.pack([][]uint32{small})[0] {
			m.add(signed(uint64(x) << 32))
		}
	})
	return m
}

// measurePackDigits compares the phase of the digits with that of the word.
func measurePackDigits(samples int) *measurement {
	p, m := &Default, &measurement{}
	const chunk = 256
	parallel.For(samples/chunk, func(i int) {
		secret := NewSecretKey(p, testSeed.Derive("packing digits", uint64(i)))
		r := csprng.New(secret.streams, "input", 0)
		small, digits := make([]uint32, p.LWEDim+1), make([]Digits, p.packDigits()/vec.Group)
		for range chunk {
			r.Uint32s(small)
			phase := p.packDecompose(digits, 1, small)
			for r := range p.packDigits() {
				negated := uint32(digits[r/vec.Group][r%vec.Group])
				j, l := r/p.PackLevel, r%p.PackLevel
				phase += negated * uint32(secret.small[j]) << (32 - p.PackBaseLog*(l+1))
			}
			phase -= small[p.LWEDim] - secret.smallInner(small[:p.LWEDim])
			m.add(signed(uint64(phase) << 32))
		}
	})
	return m
}

// measurePackRounding measures how far the phase of a slot's exponents lies from
// that before rounding: all slots of a ciphertext of random words.
func measurePackRounding(samples int) *measurement {
	p, m := &Default, &measurement{}
	parallel.For(samples/p.PackSize, func(i int) {
		secret := NewSecretKey(p, testSeed.Derive("packing rounding", uint64(i)))
		r := csprng.New(secret.streams, "input", 0)
		glwe := make([][]uint32, p.packRank()+1)
		for c := range glwe {
			glwe[c] = make([]uint32, p.PackSize)
			r.Uint32s(glwe[c])
		}
		c := p.roundPacked(glwe, p.PackSize)
		errors := make([]int32, len(c.Mask))
		for at, w := range c.Mask {
			errors[at] = int32(uint32(w)<<(32-p.PackBits) - p.readWord(glwe, at))
		}
		for slot := range c.Bodies {
			m.add(slotRounding(secret, errors, slot))
		}
	})
	return m
}

// slotRounding is the error of a slot's phase whose body was moved by half the
// sum of the errors of its mask, before the body is rounded down.
func slotRounding(k *SecretKey, errors []int32, slot int) float64 {
	var kept int64 // under a key bit
	for j, z := range k.small {
		at, negative := k.params.packedWord(slot, j)
		e := int64(errors[at]) * int64(z)
		if negative {
			e = -e
		}
		kept += e
	}
	return math.Ldexp(float64(k.params.slotError(errors, slot))/2-float64(kept), -32)
}

// measureUnpack takes the errors of unpacked blocks, after packing full
// ciphertexts of clean blocks and checking the values.
func measureUnpack(t *testing.T, samples int) *measurement {
	k, m := keys(), &measurement{}
	for first := 0; first < samples; first += Default.PackSize {
		n := min(Default.PackSize, samples-first)
		blocks := make([]LWE, n)
		for i := range blocks {
			blocks[i] = k.encrypt(i%4, "unpack noise", first+i)
		}
		c, err := k.engine.Pack(blocks)
		if err != nil {
			t.Fatal(err)
		}
		jobs := unpackJobs(t, c)
		k.bootstrap(t, jobs)
		for i, j := range jobs {
			if got := k.secret.Decrypt(j.Dst[0]); got != i%4 {
				t.Errorf("slot %d of %d holds %d, want %d", i, n, got, i%4)
			}
			m.add(signed(k.secret.Phase(j.Dst[0]) - uint64(i%4)*Delta))
		}
	}
	return m
}
