package squash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"fhevm/accel"
	"fhevm/accel/ntt"
	"fhevm/fhe/csprng"
	"fhevm/fhe/tfhe"
)

// testSeed is public: keys that expand from it protect nothing.
var testSeed = tfhe.SeedFrom([32]byte{'s', 'q', 'u', 'a', 's', 'h'})

// fixture is a squash key with the secrets behind it.
type fixture struct {
	small  []uint8
	secret *SecretKey
	key    *Key
}

func newFixture(n int) *fixture {
	f := &fixture{small: make([]uint8, n)}
	csprng.New(testSeed, "small", uint64(n)).Bits(f.small)
	f.generate()
	return f
}

func (f *fixture) generate() {
	var err error
	if f.key, f.secret, err = GenerateKey(f.small, testSeed, nil); err != nil {
		panic(err)
	}
}

// reduced has a small key of 64 bits instead of 918: 57 MB, and fast.
var reduced = sync.OnceValue(func() *fixture { return newFixture(64) })

// exponents encrypts plaintext m as a switched ciphertext that lies step steps
// of 1/4096 off the centre of its box.
func (f *fixture) exponents(r *rand.Rand, m, step int) []uint32 {
	e := make([]uint32, len(f.small)+1)
	body := uint32(128*m + step)
	for i, s := range f.small {
		e[i] = r.Uint32N(2 * ntt.N)
		body += e[i] * uint32(s)
	}
	e[len(f.small)] = body % (2 * ntt.N)
	return e
}

func TestPlaintexts(t *testing.T) {
	f, r := reduced(), rand.New(rand.NewPCG(1, 1))
	var exps [][]uint32
	for m := range tfhe.PlaintextModulus {
		exps = append(exps, f.exponents(r, m, 0), f.exponents(r, m, -64), f.exponents(r, m, 63))
	}
	out := make([]*Ciphertext, len(exps))
	if err := f.key.bootstrap(context.Background(), out, exps); err != nil {
		t.Fatal(err)
	}
	for i, c := range out {
		if m, err := f.secret.Decrypt(c); err != nil || m != i/3 {
			t.Errorf("case %d: plaintext %d decrypts to %d, %v", i%3, i/3, m, err)
		}
	}
}

// Exponents outside the boxes of 4-bit plaintexts give the negacyclic
// extension, which has the padding bit set and must not decode.
func TestPaddingBitDoesNotDecode(t *testing.T) {
	f, r := reduced(), rand.New(rand.NewPCG(2, 2))
	out := make([]*Ciphertext, 1)
	if err := f.key.bootstrap(context.Background(), out, [][]uint32{f.exponents(r, 17, 0)}); err != nil {
		t.Fatal(err)
	}
	if m, err := f.secret.Decrypt(out[0]); err != ErrPhase {
		t.Errorf("plaintext 17 decrypts to %d, %v", m, err)
	}
}

// All implementations give these bytes for ever.
func TestKnownAnswer(t *testing.T) {
	f := reduced()
	const wantKey = "0x6121c10a9cb1b3c517411170c0f80385a63a75941bf11b7512741cd3afe5cc39"
	const wantCiphertext = "0xd578a78319dfcb304c1ce7bb2adcdb9adbbbab1e6126591e8b38798fa86b9768"
	if got := f.key.Digest().String(); got != wantKey {
		t.Errorf("key has digest %s, want %s", got, wantKey)
	}
	defer accel.Reset("ntt")
	for _, name := range accel.Implementations("ntt") {
		if !accel.Select("ntt", name) {
			t.Fatalf("cannot select %s", name)
		}
		r, out := rand.New(rand.NewPCG(3, 3)), make([]*Ciphertext, 1)
		if err := f.key.bootstrap(context.Background(), out, [][]uint32{f.exponents(r, 11, 5)}); err != nil {
			t.Fatal(err)
		}
		if got := out[0].Digest().String(); got != wantCiphertext {
			t.Errorf("%s: ciphertext has digest %s, want %s", name, got, wantCiphertext)
		}
	}
}

// Key generation gives the same words on every implementation.
func TestKeyOnEveryImplementation(t *testing.T) {
	defer accel.Reset("ntt")
	want := newFixture(2).key.Digest()
	for _, name := range accel.Implementations("ntt") {
		accel.Select("ntt", name)
		if got := newFixture(2).key.Digest(); got != want {
			t.Errorf("%s: key has digest %s, want %s", name, got, want)
		}
	}
}

// Every row of a key encrypts bit*g_j at its polynomial with noise TUniform(2),
// the same integers modulo both primes. The noise's frequencies must fit by
// chi-square, 8 degrees of freedom, 99.99 % quantile 31.8.
func TestKeyRows(t *testing.T) {
	f := newFixture(4)
	var count [9]float64
	samples := 0.0
	for i, bit := range f.small {
		for r := range ntt.Rows {
			e0, e1 := f.rowError(i, 0, r, uint64(bit)), f.rowError(i, 1, r, uint64(bit))
			for x, e := range e0 {
				if e < -4 || e > 4 || e1[x] != e {
					t.Fatalf("row %d.%d: error %d modulo Q1 and %d modulo Q2", i, r, e, e1[x])
				}
				count[e+4]++
				samples++
			}
		}
	}
	chi2 := 0.0
	for i, c := range count {
		want := samples / 8
		if i == 0 || i == 8 {
			want /= 2
		}
		chi2 += (c - want) * (c - want) / want
	}
	if chi2 > 31.8 {
		t.Errorf("chi-square of the noise %.1f exceeds 31.8: %v", chi2, count)
	}
}

// rowError decrypts a row of the key and subtracts its message.
func (f *fixture) rowError(i, p, r int, bit uint64) (e [ntt.N]int64) {
	m, row, phase := ring().Moduli[p], f.key.row(i, p), new(ntt.Poly)
	l := NewLinear(p, f.secret.words())
	unscale, secret := m.Inv(l.scale), l.secret
	for x := range phase {
		v := row[ntt.MatrixIndex(r, glweDim, x)]
		for z, s := range secret {
			v = m.Sub(v, m.Mul(row[ntt.MatrixIndex(r, z, x)], s[x]))
		}
		phase[x] = m.Mul(v, unscale)
	}
	m.Inverse(phase)
	c, weight := r/ntt.Levels, bit*gadgetWeight(r%ntt.Levels, m.Q)
	for x, v := range phase {
		switch {
		case c < glweDim:
			v = m.Add(v, m.Mul(weight, uint64(f.secret.bits[c*ntt.N+x])))
		case x == 0:
			v = m.Sub(v, weight)
		}
		e[x] = int64(v)
		if v > m.Q/2 {
			e[x] -= int64(m.Q)
		}
	}
	return e
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, small := range [][]uint8{nil, {0, 1, 2}, make([]uint8, maxLen+1)} {
		if _, _, err := GenerateKey(small, testSeed, nil); err == nil {
			t.Errorf("a small key of %d elements is accepted", len(small))
		}
	}
}

func TestProgress(t *testing.T) {
	var seen []int
	_, _, err := GenerateKey(make([]uint8, 3), testSeed, func(done, total int) { seen = append(seen, done, total) })
	if want := "[1 3 2 3 3 3]"; err != nil || fmt.Sprint(seen) != want {
		t.Errorf("progress %v, %v, want %s", seen, err, want)
	}
}

func TestSecretKeyIsRedacted(t *testing.T) {
	k := newSecretKey(testSeed)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, v := range []any{k, *k} {
			if got := fmt.Sprintf(verb, v); got != k.String() && strings.ContainsAny(got, "01") {
				t.Errorf("%s prints %.60s", verb, got)
			}
		}
	}
	k.Wipe()
	for _, b := range k.Bits() {
		if b != 0 {
			t.Fatal("Wipe leaves bits")
		}
	}
}
