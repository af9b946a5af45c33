package squash

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func randomCiphertext() *Ciphertext {
	r, c := rand.New(rand.NewPCG(6, 6)), new(Ciphertext)
	for p, q := range Moduli() {
		for i := range c.Residues[p] {
			c.Residues[p][i] = r.Uint64N(q)
		}
		c.Residues[p][0] = q - 1
	}
	return c
}

func TestCiphertextRoundTrip(t *testing.T) {
	c, d := randomCiphertext(), new(Ciphertext)
	b, err := c.MarshalBinary()
	if err != nil || len(b) != CiphertextSize {
		t.Fatalf("encoding has %d bytes, %v", len(b), err)
	}
	if err := d.UnmarshalBinary(b); err != nil || *d != *c || d.Digest() != c.Digest() {
		t.Errorf("round trip changes the ciphertext: %v", err)
	}
	d.Residues[1][Dim] ^= 1
	if d.Digest() == c.Digest() {
		t.Error("the digest ignores the last word")
	}
}

func TestCiphertextRefuses(t *testing.T) {
	b, _ := randomCiphertext().MarshalBinary()
	large := func(word int, v uint64) []byte {
		x := bytes.Clone(b)
		binary.BigEndian.PutUint64(x[1+8*word:], v)
		return x
	}
	for name, x := range map[string][]byte{
		"empty":             nil,
		"short":             b[:len(b)-1],
		"long":              append(bytes.Clone(b), 0),
		"other format":      append([]byte{1}, b[1:]...),
		"Q1 modulo Q1":      large(3, Q1),
		"Q2 modulo Q2":      large(Dim+1, Q2),
		"all ones":          large(2*Dim+1, 1<<64-1),
		"Q1 as the body Q2": large(2*Dim+1, Q1),
	} {
		if err := new(Ciphertext).UnmarshalBinary(x); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever decodes encodes to the same bytes.
func FuzzCiphertext(f *testing.F) {
	b, _ := randomCiphertext().MarshalBinary()
	f.Add(b)
	f.Add(b[:100])
	f.Add(make([]byte, CiphertextSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := new(Ciphertext)
		if c.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := c.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("decoded bytes encode differently: %v", err)
		}
	})
}
