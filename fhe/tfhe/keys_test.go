package tfhe

import (
	"context"
	"slices"
	"sync"
	"testing"

	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
)

type testKeys struct {
	secret *SecretKey
	public *PublicKey
	eval   *EvaluationKey
	engine *Engine
}

// keys are those of testSeed, made once for all tests of the package.
var keys = sync.OnceValue(func() *testKeys { return newTestKeys(&Default) })

func newTestKeys(p *Params) *testKeys {
	k := &testKeys{secret: NewSecretKey(p, testSeed)}
	k.public = k.secret.PublicKey()
	k.eval = k.secret.EvaluationKey(nil)
	k.engine = NewEngine(k.eval, 0)
	return k
}

// encrypt returns a fresh encryption of plaintext m, padding bit included.
func (k *testKeys) encrypt(m int, label string, index int) LWE {
	c := Default.NewLWE()
	k.secret.Encrypt(c, uint64(m)*Delta, testSeed.Derive(label, uint64(index)))
	return c
}

func (k *testKeys) bootstrap(t *testing.T, jobs []Job) {
	t.Helper()
	if err := k.engine.Bootstrap(context.Background(), jobs); err != nil {
		t.Fatal(err)
	}
}

// newJob allocates the destinations of a bootstrap of src.
func newJob(src LWE, lut *LUT) Job {
	j := Job{Src: src, LUT: lut}
	for range lut.Outputs {
		j.Dst = append(j.Dst, Default.NewLWE())
	}
	return j
}

// table is a LUT of plaintexts.
func table(f func(m int) int) func(m int) uint64 {
	return func(m int) uint64 { return uint64(f(m)) * Delta }
}

func identity(m int) int { return m }

// signed is the distance of x from 0 on the torus, as a fraction of it.
func signed(x uint64) float64 { return float64(int64(x)) / (1 << 64) }

// TestRowsDecrypt opens some rows of the evaluation key with the secret key:
// every one must hold its message up to an error of TUniform's bound, and be in
// memory rounded.
func TestRowsDecrypt(t *testing.T) {
	k := keys()
	p := &Default
	for _, i := range []int{0, 1, 500, p.LWEDim - 1} {
		bodies := k.eval.ggswBodies(i)
		k.eval.ggswMasks(i, func(r int, mask []uint64) {
			for j, x := range glwePhase(k.secret, mask, bodies[r*p.PolySize:][:p.PolySize]) {
				if e := int64(x - ggswMessage(k.secret, k.secret.small[i], r, j)); e < -1<<p.GLWENoise || e > 1<<p.GLWENoise {
					t.Fatalf("GGSW %d row %d coefficient %d has error %d", i, r, j, e)
				}
			}
		})
	}
	for i := 0; i < p.KeySwitchDigits(); i += 97 {
		j, l := i/p.KeySwitchLevel, i%p.KeySwitchLevel
		row := k.eval.keySwitchRow(j, l)
		checkRounded(t, k.engine.keySwitch.rows, i, row)
		want := uint32(k.secret.big[j]) << (30 - 2*l)
		if e := int32(row[p.LWEDim] - k.secret.smallInner(row[:p.LWEDim]) - want); e < -1<<p.LWENoise || e > 1<<p.LWENoise {
			t.Fatalf("key-switching row %d has error %d", i, e)
		}
	}
	for _, r := range []int{0, 1, 6, p.packDigits() - 1} {
		for h, x := range packingRowPhase(t, k, r) {
			var want uint32
			if h == 0 {
				want = uint32(k.secret.small[r/6]) << (30 - 2*(r%6))
			}
			if e := int32(x - want); e < -1<<p.LWENoise || e > 1<<p.LWENoise {
				t.Fatalf("packing row %d coefficient %d has error %d", r, h, e)
			}
		}
	}
}

// keySwitchRow is row (j, l) of the key switch as it was made: mask, then body.
func (ek *EvaluationKey) keySwitchRow(j, l int) []uint32 {
	n := ek.params.LWEDim
	masks := make([]uint32, (l+1)*n)
	csprng.New(ek.masks, labelKeySwitchMask, uint64(j)).Uint32s(masks)
	return append(masks[l*n:], ek.keySwitchBodies(j)[l])
}

// checkRounded compares row r of m with its words before rounding.
func checkRounded(t *testing.T, m *vec.Matrix, r int, words []uint32) {
	t.Helper()
	const half = 1 << (31 - vec.WordBits)
	for c, x := range words {
		if e := int32(m.At(r, c) - x); e < -half || e > half {
			t.Fatalf("row %d has word %d rounded by %d", r, c, e)
		}
	}
}

// packingRowPhase is the body of a row less its masks times the small key's
// polynomials.
func packingRowPhase(t *testing.T, k *testKeys, r int) []uint32 {
	key, row := k.engine.packing, r%Default.PackLevel
	phase := slices.Clone(k.eval.packingBodies(r / Default.PackLevel)[row*256:][:256])
	checkRounded(t, key.columns[4], r, phase)
	k.eval.packingMasks(r/Default.PackLevel, func(l, i int, words []uint32) {
		if l != row {
			return
		}
		checkRounded(t, key.columns[i], r, words)
		mask, secret := make([]uint64, 256), make([]uint64, 256)
		for h, x := range words {
			mask[h] = uint64(x)
		}
		for h := range min(256, len(k.secret.small)-256*i) {
			secret[h] = uint64(k.secret.small[256*i+h])
		}
		for h, x := range mulModel(mask, secret) {
			phase[h] -= uint32(x)
		}
	})
	return phase
}

// glwePhase is body - mask*s from the definition.
func glwePhase(k *SecretKey, mask, body []uint64) []uint64 {
	phase := mulModel(mask, k.big)
	for j := range phase {
		phase[j] = body[j] - phase[j]
	}
	return phase
}

// ggswMessage is the plaintext of row r of a bit: bit*g*s' with s' = -s for the mask's
// row and 1 for the body's.
func ggswMessage(k *SecretKey, bit uint8, r, j int) uint64 {
	g := uint64(bit) << 41
	switch {
	case r == 0:
		return -g * k.big[j]
	case j == 0:
		return g
	}
	return 0
}
