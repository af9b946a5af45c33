package tfhe

import (
	"math"
	"slices"
	"testing"

	"fhevm/accel"
	"fhevm/fhe"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// Products with binary polynomials must be exact for the words that make the
// largest sums, on every implementation.
func TestBinaryProduct(t *testing.T) {
	n := Default.PolySize
	ones, bits := slices.Repeat([]uint8{1}, n), make([]uint8, n)
	random := make([]uint64, n)
	s := csprng.New(testSeed, "binary product", 0)
	s.Bits(bits)
	s.Uint64s(random)
	defer accel.Reset("ntt")
	for _, a := range [][]uint64{random, slices.Repeat([]uint64{math.MaxUint64}, n), make([]uint64, n)} {
		for _, r := range [][]uint8{bits, ones, make([]uint8, n)} {
			words := make([]uint64, n)
			for i, b := range r {
				words[i] = uint64(b)
			}
			want := mulModel(a, words)
			for _, name := range accel.Implementations("ntt") {
				accel.Select("ntt", name)
				if got := newMultiplicand(a).times(binaryValues(r)); !slices.Equal(got, want) {
					t.Errorf("%s: product differs from the definition", name)
				}
			}
		}
	}
}

// Encryptions of zero must be those that the specification words: PublicKey's,
// from streams of their own.
func TestRerandomizeIsASum(t *testing.T) {
	k, z, p := keys(), NewRerandomizer(keys().public), &Default
	blocks := make([]LWE, p.PolySize+3)
	for i := range blocks {
		blocks[i] = p.NewLWE()
		blocks[i].Trivial(uint64(i))
	}
	if err := z.Rerandomize(blocks, testSeed); err != nil {
		t.Fatal(err)
	}
	want := p.NewLWE()
	for i, slots := range [][]int{{0, 1, p.PolySize - 1}, {0, 2}} {
		mask, bodies := k.public.zeros(min(len(blocks)-i*p.PolySize, p.PolySize), testSeed, uint64(i))
		for _, slot := range slots {
			if err := p.ExtractSlot(want, mask, bodies, slot); err != nil {
				t.Fatal(err)
			}
			want.AddClear(uint64(i*p.PolySize + slot))
			if !slices.Equal(blocks[i*p.PolySize+slot], want) {
				t.Errorf("slot %d of encryption %d is not added to its block", slot, i)
			}
		}
	}
}

// zeros follows SPEC 3.10 with products from the definition.
func (pk *PublicKey) zeros(n int, seed Seed, index uint64) (mask, bodies []uint64) {
	s := csprng.New(seed, "re-randomisation", index)
	r := ephemeralSecret(pk.params.PolySize, s)
	mask, bodies = mulModel(pk.a, r), mulModel(pk.b, r)[:n]
	for _, words := range [][]uint64{mask, bodies} {
		for i := range words {
			words[i] += uint64(s.TUniform(17))
		}
	}
	return mask, bodies
}

// What is re-randomised keeps its plaintext, has another mask, and an error as
// PublicEncryptionVariance says: nothing beside a bootstrap's. Slots of one
// encryption and encryptions under one key are not independent, so each sample
// has a key of its own.
func TestRerandomize(t *testing.T) {
	p, m := &Default, &measurement{}
	bound := int64(p.KeyShares+1)<<28 + 1<<17
	parallel.For(384, func(i int) {
		seed := testSeed.Derive("re-randomise", uint64(i))
		secret := NewSecretKey(p, seed)
		blocks := make([]LWE, 1+i*5%97)
		for j := range blocks {
			blocks[j] = p.NewLWE()
			secret.Encrypt(blocks[j], Delta*uint64(j%PlaintextModulus), seed.Derive("encrypt", uint64(j)))
		}
		last := len(blocks) - 1
		before := slices.Clone(blocks[last])
		if err := NewRerandomizer(secret.PublicKey()).Rerandomize(blocks, seed.Derive("public", 0)); err != nil {
			t.Error(err)
		}
		e := secret.Phase(blocks[last]) - secret.Phase(before)
		if int64(e) > bound || int64(e) < -bound {
			t.Errorf("phase moved by %d", int64(e))
		}
		if slices.Equal(before[:8], blocks[last][:8]) {
			t.Error("the mask is kept")
		}
		m.add(signed(e))
	})
	m.check(t, "re-randomisation", p.PublicEncryptionVariance())
	if share := p.PublicEncryptionVariance() / p.BootstrapVariance(); share > math.Ldexp(1, -50) {
		t.Errorf("it adds %g of a bootstrap's variance", share)
	}
}

// The seed depends on content, digest and index, the masks on the seed alone.
func TestRerandomizationSeeds(t *testing.T) {
	z, seen := NewRerandomizer(keys().public), map[uint64]bool{}
	for _, d := range [][2]fhe.Digest{{}, {{1}, {}}, {{}, {1}}, {{1}, {1}}, {{1}, {1}}} {
		for _, index := range []uint64{0, 1, 1 << 8} {
			b := Default.NewLWE()
			if err := z.Rerandomize([]LWE{b}, RerandomizationSeed(d[0], d[1], index)); err != nil {
				t.Fatal(err)
			}
			seen[b[0]] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("twelve seeds gave %d masks", len(seen))
	}
}

// A re-randomised list encrypts what it did, slot by slot as its blocks would.
func TestRerandomizeList(t *testing.T) {
	k, z, p := keys(), NewRerandomizer(keys().public), &Default
	slots := []uint8{3, 14, 0, 15, 8}
	mask, bodies := k.public.encrypt(slots, testSeed)
	blocks := make([]LWE, len(slots))
	for i := range blocks {
		blocks[i] = p.NewLWE()
		if err := p.ExtractSlot(blocks[i], mask, bodies, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Rerandomize(blocks, testSeed); err != nil {
		t.Fatal(err)
	}
	if err := z.RerandomizeList(mask, bodies, testSeed); err != nil {
		t.Fatal(err)
	}
	got := p.NewLWE()
	for i, m := range slots {
		if err := p.ExtractSlot(got, mask, bodies, i); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, blocks[i]) || k.secret.Decrypt(got) != int(m) {
			t.Errorf("slot %d differs or holds %d, want %d", i, k.secret.Decrypt(got), m)
		}
	}
}

func TestRerandomizeRefuses(t *testing.T) {
	z := NewRerandomizer(keys().public)
	n := Default.PolySize
	for name, err := range map[string]error{
		"short block":     z.Rerandomize([]LWE{Default.NewLWE(), make(LWE, n)}, testSeed),
		"short mask":      z.RerandomizeList(make([]uint64, n-1), nil, testSeed),
		"too many bodies": z.RerandomizeList(make([]uint64, n), make([]uint64, n+1), testSeed),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkRerandomize(b *testing.B) {
	z := NewRerandomizer(NewSecretKey(&Default, testSeed).PublicKey())
	blocks := make([]LWE, 32)
	for i := range blocks {
		blocks[i] = Default.NewLWE()
	}
	for b.Loop() {
		if err := z.Rerandomize(blocks, testSeed); err != nil {
			b.Fatal(err)
		}
	}
}
