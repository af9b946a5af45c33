package tfhe

import (
	"bytes"
	"io"
	"reflect"
	"sync"
	"testing"

	"fhevm/accel"
	"fhevm/fhe/csprng"
)

// random is the random key of testSeed; the engine of keys draws with it.
var random = sync.OnceValue(func() *RandomKey {
	k := keys()
	rk := k.secret.RandomKey(nil)
	k.engine.Provide(Random, func() (*BootstrapKey, error) { return rk.BootstrapKey(), nil })
	return rk
})

// draws are jobs that read a table of random words at n random phases.
func draws(n int) []Job {
	jobs := make([]Job, n)
	lut := &LUT{Poly: make([]uint64, Default.PolySize), Outputs: 1}
	csprng.New(testSeed, "draws", 0).Uint64s(lut.Poly)
	for i := range jobs {
		jobs[i] = Job{Kind: Random, Exponents: Default.RandomExponents(testSeed, uint64(i)), LUT: lut, Dst: []LWE{Default.NewLWE()}}
	}
	return jobs
}

// A draw reads its table at the phase of its exponents under the secret bits of
// the random key, with the error of a bootstrap.
func TestDraw(t *testing.T) {
	random()
	k, p, m := keys(), &Default, &measurement{}
	bits := k.secret.randomBits()
	jobs := draws(192)
	k.bootstrap(t, jobs)
	for i, j := range jobs {
		at := int(j.Exponents[p.LWEDim])
		for b, x := range j.Exponents[:p.LWEDim] {
			at -= int(x) * int(bits[b])
		}
		e := signed(k.secret.Phase(j.Dst[0]) - entry(j.LUT.Poly, at))
		if e*e > 64*p.BootstrapVariance() {
			t.Fatalf("draw %d is off by %g", i, e)
		}
		m.add(e)
	}
	m.check(t, "draw", p.bootstrapVariance(weight(bits), weight(k.secret.big), transformError))
}

// knownDrawsDigest is digestOf(draws(4)) under the keys of testSeed. Every machine
// must reproduce it.
const knownDrawsDigest = "5e7e422a26feb723e4e7f5ea391f5263425eb89daa5bae3898659131fddc3a98"

func TestKnownDraws(t *testing.T) {
	random()
	for _, name := range accel.Implementations("fft") {
		t.Run(name, func(t *testing.T) {
			defer accel.Reset("fft")
			accel.Select("fft", name)
			jobs := draws(4)
			keys().bootstrap(t, jobs)
			if got := digestOf(jobs); got != knownDrawsDigest {
				t.Errorf("digest of the outputs is %s, want %s", got, knownDrawsDigest)
			}
		})
	}
}

// The random key encrypts bits of its own, under masks of its own.
func TestRandomKeyIsApart(t *testing.T) {
	k, rk, p := keys(), random(), &Default
	bits := k.secret.randomBits()
	if ones := weight(bits); bytes.Equal(bits, k.secret.small) || ones < 380 || ones > 540 {
		t.Errorf("%g secret bits are set, or all are the small key's", ones)
	}
	if rk.masks == k.eval.masks {
		t.Error("the masks are the evaluation key's")
	}
	for _, i := range []int{0, p.LWEDim - 1} {
		rk.ggswMasks(i, func(r int, mask []uint64) {
			for j, x := range glwePhase(k.secret, mask, rk.ggswBodies(i)[r*p.PolySize:][:p.PolySize]) {
				if e := int64(x - ggswMessage(k.secret, bits[i], r, j)); e < -1<<p.GLWENoise || e > 1<<p.GLWENoise {
					t.Fatalf("GGSW %d row %d coefficient %d has error %d", i, r, j, e)
				}
			}
		})
	}
}

// Exponents use all of their range, and differ by seed and index.
func TestRandomExponents(t *testing.T) {
	p := &Default
	var seen [4096]int
	first := map[[4]uint32]bool{}
	for i := range uint64(256) {
		e := p.RandomExponents(testSeed.Derive("exponents", i/128), i%128)
		if len(e) != p.LWEDim+1 {
			t.Fatalf("%d exponents", len(e))
		}
		first[[4]uint32(e)] = true
		for _, x := range e {
			seen[x]++
		}
	}
	if len(first) != 256 {
		t.Error("two draws begin alike")
	}
	for x, n := range seen { // 57 on average
		if n < 20 || n > 120 {
			t.Errorf("exponent %d occurs %d times", x, n)
		}
	}
}

func TestRandomKeyFile(t *testing.T) {
	file := encoding(t, random())
	got, err := ReadRandomKey(bytes.NewReader(file))
	if err != nil || !reflect.DeepEqual(got, random()) {
		t.Errorf("random key differs after a round trip: %v", err)
	}
	if _, err := ReadRandomKey(bytes.NewReader(file[:len(file)-1])); err == nil {
		t.Error("a truncated key was accepted")
	}
	if _, err := ReadEvaluationKey(bytes.NewReader(file)); err == nil {
		t.Error("a random key was read as an evaluation key")
	}
}

func FuzzReadRandomKey(f *testing.F) {
	rk := &RandomKey{compactKey: tinyCompactKey(labelRandomMask)}
	fuzz(f, encoding(f, rk), func(r io.Reader) (*RandomKey, error) { return readRandomKey(r, tiny) })
}
