package tfhe

import (
	"math/big"
	"slices"
	"testing"

	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
)

// edgeWords are inputs at which roundings and carries happen.
var edgeWords = []uint64{0, 1, 1<<47 - 1, 1 << 47, 1<<48 - 1, 1 << 48, 7 << 48, 8 << 48, 0x7777 << 48, 0x7778 << 48,
	0x8888 << 48, 0x5555 << 48, 0x5556 << 48, 0xaaaa << 48, 0xffff << 48, 0xffff<<48 + 1<<47, 1 << 63, 1<<64 - 1, 1<<64 - 1<<47, 1<<64 - 1<<47 - 1}

// The digits must be balanced and recompose the word rounded to 16 bits.
func TestDecompose(t *testing.T) {
	p := &Default
	c := p.NewLWE()
	csprng.New(testSeed, "decompose", 0).Uint64s(c)
	copy(c, edgeWords)
	groups := p.NewDigits(1)
	keys().engine.keySwitch.decompose(groups, []LWE{c})
	for j, a := range c[:p.BigDim()] {
		var sum int64
		for r := 8 * j; r < 8*j+8; r++ {
			d := -int64(groups[r/vec.Group][r%vec.Group])
			if d < -2 || d > 1 {
				t.Fatalf("word %#x has digit %d", a, d)
			}
			sum = 4*sum + d
		}
		if want := uint16(a>>48) + uint16(a>>47&1); uint16(sum) != want {
			t.Fatalf("digits of %#x make %#x, want %#x", a, uint16(sum), want)
		}
	}
}

// keySwitchModel computes word j of a key switch from the definition.
func keySwitchModel(k *KeySwitchKey, c LWE, j int) uint32 {
	p := &Default
	digits := p.NewDigits(1)
	k.decompose(digits, []LWE{c})
	sum := new(big.Int)
	if j == p.LWEDim {
		sum.SetUint64(c[p.BigDim()])
		sum.Rsh(sum.Add(sum, big.NewInt(1<<31)), 32)
	}
	var term big.Int
	for r := range p.KeySwitchDigits() {
		negated := big.NewInt(int64(digits[r/vec.Group][r%vec.Group]))
		sum.Add(sum, term.Mul(negated, big.NewInt(int64(k.rows.At(r, j)))))
	}
	return uint32(sum.And(sum, big.NewInt(1<<32-1)).Uint64())
}

func TestKeySwitch(t *testing.T) {
	k := keys()
	p := &Default
	ks := k.engine.KeySwitchKey()
	src := []LWE{k.encrypt(5, "key switch", 0), k.encrypt(17, "key switch", 1), Default.NewLWE()}
	csprng.New(testSeed, "key switch", 2).Uint64s(src[2])
	copy(src[2], edgeWords)
	dst := [][]uint32{make([]uint32, p.LWEDim+1), make([]uint32, p.LWEDim+1), make([]uint32, p.LWEDim+1)}
	ks.KeySwitch(dst, src, p.NewDigits(len(src)))
	for b := range src {
		for j := 0; j <= p.LWEDim; j += 27 {
			if want := keySwitchModel(ks, src[b], j); dst[b][j] != want {
				t.Errorf("ciphertext %d word %d is %#x, want %#x", b, j, dst[b][j], want)
			}
		}
	}
}

// modSwitchModel follows SPEC 3.6 with rationals: exponents are rounded halves
// up, and half the sum of the rounding errors, rounded down, moves to the body.
func modSwitchModel(src []uint32) []uint32 {
	n := len(src) - 1
	out := make([]uint32, n+1)
	sum := int64(0)
	for i, a := range src[:n] {
		q := (int64(a)*4096 + 1<<31) >> 32
		out[i] = uint32(q % 4096)
		sum += q<<20 - int64(a)
	}
	twice := 2*int64(src[n]) + sum // twice the corrected body
	half := new(big.Int).Div(big.NewInt(twice), big.NewInt(2))
	exponent := new(big.Int).Div(half, big.NewInt(1<<20))
	out[n] = uint32(exponent.Mod(exponent, big.NewInt(4096)).Int64())
	return out
}

func TestModSwitch(t *testing.T) {
	r := csprng.New(testSeed, "mod switch", 0)
	src := make([]uint32, Default.LWEDim+1)
	for round := range 200 {
		r.Uint32s(src)
		switch round {
		case 0:
			clear(src)
		case 1: // every error is the largest, and they carry the body around
			for i := range src {
				src[i] = 1<<32 - 1<<19
			}
		case 2:
			for i := range src {
				src[i] = 1<<19 - 1
			}
		}
		want := modSwitchModel(src)
		Default.ModSwitch(src, src)
		if !slices.Equal(src, want) {
			t.Fatalf("round %d differs from the definition", round)
		}
	}
}

// Every extracted coefficient must have the phase that the GLWE ciphertext has
// there.
func TestSampleExtract(t *testing.T) {
	k := keys()
	p := &Default
	r := csprng.New(testSeed, "extract", 0)
	mask, body := make([]uint64, p.PolySize), make([]uint64, p.PolySize)
	r.Uint64s(mask)
	r.Uint64s(body)
	phase := glwePhase(k.secret, mask, body)
	c := p.NewLWE()
	for at := range phase {
		sampleExtract(c, mask, body[at], at)
		if k.secret.Phase(c) != phase[at] {
			t.Fatalf("coefficient %d has another phase", at)
		}
	}
}

// A bootstrap of random words through a random table must read exactly the
// entry at the phase of its exponents, up to the noise of a bootstrap.
func TestBlindRotateReadsThePhase(t *testing.T) {
	k := keys()
	p := &Default
	jobs := knownJobs(6)
	k.bootstrap(t, jobs)
	small := make([]uint32, p.LWEDim+1)
	for b, j := range jobs {
		k.engine.keySwitch.KeySwitch([][]uint32{small}, []LWE{j.Src}, p.NewDigits(1))
		p.ModSwitch(small, small)
		at := int(small[p.LWEDim] - k.secret.smallInner(small[:p.LWEDim]))
		for i, dst := range j.Dst {
			want := entry(j.LUT.Poly, at+i*p.PolySize/j.LUT.Outputs)
			if e := signed(k.secret.Phase(dst) - want); e*e > 64*p.BootstrapVariance() {
				t.Errorf("job %d output %d is off by %g", b, i, e)
			}
		}
	}
}

// entry is coefficient at, modulo 2N, of a table continued by X^N = -1.
func entry(poly []uint64, at int) uint64 {
	n := len(poly)
	at &= 2*n - 1
	if at >= n {
		return -poly[at-n]
	}
	return poly[at]
}
