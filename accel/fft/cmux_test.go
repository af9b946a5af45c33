package fft

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// accumulators are inputs at the edges: all bits equal, the largest
// magnitudes, values half way between digits, and random ones at the
// resolution of a running blind rotation, where ties are common.
func accumulators(rng *rand.Rand) map[string]*Accumulator {
	accs := map[string]*Accumulator{"random": randomAccumulator(rng), "coarse": randomAccumulator(rng)}
	for _, p := range []*[N]uint64{&accs["coarse"].Mask, &accs["coarse"].Body} {
		for j := range p {
			p[j] &^= 1<<resultShift - 1
		}
	}
	for name, v := range map[string]uint64{
		"zero": 0, "one": 1, "ones": ^uint64(0), "lowest": 1 << 63, "highest": 1<<63 - 1,
		"half digit": 1 << (digitShift - 1), "quarter digit": 1 << (digitShift - 2),
	} {
		accs[name] = &Accumulator{Mask: *constantPoly(v), Body: *constantPoly(-v)}
	}
	return accs
}

func keys(rng *rand.Rand) map[string]rawKey {
	extreme := func(v uint64) rawKey {
		return rawKey{constantPoly(v), constantPoly(-v), constantPoly(v), constantPoly(v)}
	}
	signs := randomKey(rng)
	for _, p := range signs {
		for j := range p {
			p[j] = 1<<63 - p[j]&1
		}
	}
	return map[string]rawKey{
		"random": randomKey(rng), "zero": extreme(0), "lowest": extreme(1 << 63), "highest": extreme(1<<63 - 1), "signs": signs,
	}
}

func TestCMuxEqualsPortable(t *testing.T) {
	eachAccelerated(t, func(t *testing.T) {
		rng := newRand(3)
		for keyName, raw := range keys(rng) {
			key := raw.prepare()
			for accName, acc := range accumulators(rng) {
				for _, e := range []uint32{0, 1, 8, 255, 256, 257, 2047, 2048, 2049, 4088, 4095, rng.Uint32()} {
					if !equalsPortable(acc, e, key) {
						t.Fatalf("%s accumulator, %s key, exponent %d: bits differ", accName, keyName, e)
					}
				}
			}
		}
	})
}

// TestCMuxEveryExponent covers every alignment of the rotation.
func TestCMuxEveryExponent(t *testing.T) {
	eachAccelerated(t, func(t *testing.T) {
		rng := newRand(4)
		key, acc := randomKey(rng).prepare(), randomAccumulator(rng)
		for e := range uint32(2 * N) {
			if !equalsPortable(acc, e, key) {
				t.Fatalf("exponent %d: bits differ", e)
			}
		}
	})
}

func equalsPortable(acc *Accumulator, e uint32, key []GGSW) bool {
	want, got := *acc, *acc
	s := new(Scratch)
	if e%(2*N) != 0 {
		cmuxPortable(&want, e%(2*N), &key[0], s)
	}
	CMux([]*Accumulator{&got}, []uint32{e}, key, s)
	return got.Mask == want.Mask && got.Body == want.Body
}

func TestDecompose(t *testing.T) {
	rng := newRand(7)
	for name, acc := range accumulators(rng) {
		for _, e := range []int{0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 4095, rng.IntN(2 * N)} {
			var z spectrum
			z.decompose(&acc.Mask, uint32(e))
			got := append(z.re[:], z.im[:]...)
			for j, d := range exactDigits(&acc.Mask, e) {
				if got[j] != float64(d<<digitShift) {
					t.Fatalf("%s accumulator, exponent %d, coefficient %d: %g, want %d digits", name, e, j, got[j], d)
				}
			}
		}
	}
}

// TestCMuxDigest compares the known answer of docs/spec/transform.md: every
// machine must compute the same.
func TestCMuxDigest(t *testing.T) {
	file, err := os.ReadFile("testdata/cmux.sha256")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(string(file))
	each(t, func(t *testing.T) {
		if got := chainDigest(); got != want {
			t.Errorf("digest %s, want %s", got, want)
		}
	})
}

// chainDigest is the digest of all intermediate results of 700 controlled
// rotations of each of three accumulators.
func chainDigest() string {
	rng := rand.New(new(splitMix))
	var keys [8][]GGSW
	for i := range keys {
		keys[i] = randomKey(rng).prepare()
	}
	acc := []*Accumulator{randomAccumulator(rng), randomAccumulator(rng), {Body: *constantPoly(1 << 59)}}
	exponents := make([]uint32, len(acc))
	s := new(Scratch)
	h := sha256.New()
	for step := range 700 {
		for i := range exponents {
			exponents[i] = rng.Uint32()
		}
		CMux(acc, exponents, keys[step%len(keys)], s)
		for _, a := range acc {
			binary.Write(h, binary.LittleEndian, &a.Mask)
			binary.Write(h, binary.LittleEndian, &a.Body)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// splitMix is the generator SplitMix64 (Steele, Lea, Flood, 2014).
type splitMix uint64

func (s *splitMix) Uint64() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func TestCMuxAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := newRand(6)
		key, s := randomKey(rng).prepare(), new(Scratch)
		acc := []*Accumulator{randomAccumulator(rng), randomAccumulator(rng)}
		if n := testing.AllocsPerRun(10, func() { CMux(acc, []uint32{5, 4000}, key, s) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
