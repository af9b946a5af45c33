package csprng

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

var testSeed = SeedFrom([32]byte{1, 2, 3})

// model computes n bytes of a stream block by block, as SPEC 3.1 words it.
func model(seed Seed, label string, index uint64, n int) []byte {
	mac := hmac.New(sha256.New, seed.b[:])
	mac.Write(append([]byte(label), 0))
	binary.Write(mac, binary.BigEndian, index)
	block, _ := aes.NewCipher(mac.Sum(nil))
	var out []byte
	for counter := uint64(0); len(out) < n; counter++ {
		var b [16]byte
		binary.BigEndian.PutUint64(b[8:], counter)
		block.Encrypt(b[:], b[:])
		out = append(out, b[:]...)
	}
	return out[:n]
}

// Reads of mixed sizes must deliver the keystream without gaps or overlaps.
func TestStreamIsTheKeystream(t *testing.T) {
	want := model(testSeed, "mixed", 7, 40000)
	s, got := New(testSeed, "mixed", 7), []byte(nil)
	for i := 0; len(got) < len(want)-9000; i++ {
		switch i % 4 {
		case 0:
			got = binary.BigEndian.AppendUint64(got, s.Uint64())
		case 1:
			got = binary.BigEndian.AppendUint32(got, s.Uint32())
		case 2:
			p := make([]byte, i%5000)
			s.Read(p)
			got = append(got, p...)
		case 3:
			got = append(got, s.next(1)...)
		}
	}
	if !bytes.Equal(got, want[:len(got)]) {
		t.Error("stream differs from the keystream of the specification")
	}
}

// Computed independently with openssl dgst -mac HMAC and openssl enc -aes-256-ctr.
func TestKnownAnswer(t *testing.T) {
	var p [16]byte
	New(testSeed, "known answer", 5).Read(p[:])
	if got, want := hex.EncodeToString(p[:]), "e233d23f54726a8876d5fecf9e1479a4"; got != want {
		t.Errorf("first block = %s, want %s", got, want)
	}
}

func TestStreamsAreSeparate(t *testing.T) {
	seen := map[uint64]string{}
	for _, label := range []string{"", "a", "b", "a\x00"} {
		for index := range uint64(3) {
			name := fmt.Sprintf("%q %d", label, index)
			v := New(testSeed, label, index).Uint64()
			if other, dup := seen[v]; dup {
				t.Errorf("streams %s and %s begin alike", name, other)
			}
			seen[v] = name
		}
	}
}

func TestBits(t *testing.T) {
	bits := make([]uint8, 20)
	New(testSeed, "bits", 0).Bits(bits)
	raw := model(testSeed, "bits", 0, 3)
	for i, b := range bits {
		if want := raw[i/8] >> (i % 8) & 1; b != want {
			t.Errorf("bit %d = %d, want %d", i, b, want)
		}
	}
}

// The frequencies of every value of TUniform(2) must fit by chi-square, 8
// degrees of freedom, 99.99 % quantile 31.8.
func TestTUniformDistribution(t *testing.T) {
	const samples = 1 << 16
	var count [9]float64
	s := New(testSeed, "tuniform", 0)
	for range samples {
		count[s.TUniform(2)+4]++
	}
	chi2 := 0.0
	for i, c := range count {
		want := samples / 8.0
		if i == 0 || i == 8 {
			want /= 2
		}
		chi2 += (c - want) * (c - want) / want
	}
	if chi2 > 31.8 {
		t.Errorf("chi-square %.1f exceeds 31.8: %v", chi2, count)
	}
}

func TestTUniformMoments(t *testing.T) {
	const samples = 1 << 16
	for _, b := range []int{0, 13, 17, 45, 61} {
		var sum, sum2 float64
		s := New(testSeed, "moments", uint64(b))
		for range samples {
			x := math.Ldexp(float64(s.TUniform(b)), -b)
			if x < -1 || x > 1 {
				t.Fatalf("TUniform(%d) out of range: %g × 2^%d", b, x, b)
			}
			sum, sum2 = sum+x, sum2+x*x
		}
		variance := (2 + math.Ldexp(1, -2*b)) / 6
		if mean := sum / samples; math.Abs(mean) > 4*math.Sqrt(variance/samples) {
			t.Errorf("TUniform(%d) has mean %g × 2^%d", b, mean, b)
		}
		if got := sum2 / samples; math.Abs(got/variance-1) > 0.02 {
			t.Errorf("TUniform(%d) has variance %g, want %g (× 2^%d)", b, got, variance, 2*b)
		}
	}
}

func TestSeedIsRedacted(t *testing.T) {
	seed := SeedFrom([32]byte{0xab, 0xcd, 0xef, 0x99})
	j, err := json.Marshal([]any{seed})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %+v %#v %x %s %d %q %v", seed, seed, seed, seed, seed, seed, &seed, struct{ S Seed }{seed}) + string(j)
	for _, leak := range []string{"ab", "171", "efEF", "153"} {
		if strings.Contains(strings.ToLower(out), leak) {
			t.Errorf("seed printed: %s", out)
		}
	}
}

func TestWipe(t *testing.T) {
	seed, err := NewSeed()
	if err != nil {
		t.Fatal(err)
	}
	if seed == (Seed{}) {
		t.Fatal("fresh seed is zero")
	}
	s := New(seed, "wipe", 0)
	s.Uint64()
	s.Wipe()
	seed.Wipe()
	if s.buf != [bufferSize]byte{} || seed != (Seed{}) {
		t.Error("secret bytes remain after Wipe")
	}
}
