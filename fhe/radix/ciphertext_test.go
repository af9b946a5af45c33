package radix

import (
	"bytes"
	"math/big"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

func TestCiphertextEncoding(t *testing.T) {
	for _, typ := range fhe.Types() {
		c := plain(typ, number(0xfedcba9876543210))
		b, err := c.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var d Ciphertext
		if err := d.UnmarshalBinary(b); err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if again, err := d.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: encoding changes: %v", typ, err)
		}
		if d.Digest() != fhe.Keccak(b) || d.Type != typ {
			t.Errorf("%s: decoded %s with another digest", typ, d.Type)
		}
		for _, cut := range []int{0, 1, len(b) - 8, len(b) - 1} {
			if err := d.UnmarshalBinary(b[:cut]); err == nil {
				t.Errorf("%s: accepted %d of %d bytes", typ, cut, len(b))
			}
		}
	}
}

// Public blocks take 8 bytes each, and have no second encoding.
func TestPublicBlocksAreShort(t *testing.T) {
	c := plain(fhe.Uint64, number(0x123456789abcdef0))
	words := len(c.Blocks[0])
	for i, b := range c.Blocks {
		if i%2 == 0 {
			b.Trivial(b[words-1])
		}
	}
	b, err := c.MarshalBinary()
	if want := ciphertextHeader + 4 + 8*(16+16*words); err != nil || len(b) != want {
		t.Fatalf("%d bytes, %v, want %d", len(b), err, want)
	}
	long := append([]byte(nil), b[:ciphertextHeader+4]...)
	long[4] &^= 1 // block 0 is not marked public
	long = append(append(long, make([]byte, 8*(words-1))...), b[ciphertextHeader+4:]...)
	beyond := append([]byte(nil), b[:ciphertextHeader+4]...)
	beyond[1], beyond[4] = byte(fhe.Uint8), 0x10
	beyond = append(beyond[:5], make([]byte, 8*(1+3*words))...)
	for name, b := range map[string][]byte{"zero mask in full": long, "mark beyond the blocks": beyond} {
		if err := new(Ciphertext).UnmarshalBinary(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMalformedCiphertexts(t *testing.T) {
	for name, spoil := range map[string]func(c *Ciphertext){
		"type":          func(c *Ciphertext) { c.Type = 1 },
		"no blocks":     func(c *Ciphertext) { c.Blocks = nil },
		"missing block": func(c *Ciphertext) { c.Blocks = c.Blocks[1:] },
		"short block":   func(c *Ciphertext) { c.Blocks[1] = c.Blocks[1][1:] },
		"all too short": func(c *Ciphertext) { c.Blocks[0], c.Blocks[1], c.Blocks[2], c.Blocks[3] = nil, nil, nil, nil },
	} {
		c := plain(fhe.Uint8, number(1))
		spoil(c)
		if _, err := c.MarshalBinary(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		if _, err := newPlain().Eval(t.Context(), fhe.Not, fhe.Uint8, Encrypted(c)); err == nil {
			t.Errorf("%s: evaluated", name)
		}
	}
}

func FuzzUnmarshalCiphertext(f *testing.F) {
	for _, typ := range fhe.Types() {
		b, err := plain(typ, number(7)).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0, 5, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 2, 1, 8, 0, 0, 0, 0, 0, 0, 0}) // true, public
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Ciphertext
		if err := c.UnmarshalBinary(b); err != nil {
			return
		}
		if again, err := c.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("accepted a second encoding: %v", err)
		}
	})
}

// Pair's blocks are the digits of 4 bits.
func TestPair(t *testing.T) {
	for _, typ := range fhe.Types() {
		for _, v := range edgeValues(typ) {
			pairs := Pair(plain(typ, v))
			if len(pairs) != typ.Slots() {
				t.Fatalf("%s pairs into %d blocks, want %d", typ, len(pairs), typ.Slots())
			}
			got := new(big.Int)
			for i, b := range pairs {
				digit := number(b[len(b)-1] / tfhe.Delta)
				got.Add(got, digit.Lsh(digit, uint(2*messageBits*i)))
			}
			if got.Cmp(v) != 0 {
				t.Errorf("the pairs of %s %d are those of %d", typ, v, got)
			}
		}
	}
}

// Pairing leaves its argument alone and shares no memory with it.
func TestPairCopies(t *testing.T) {
	c := plain(fhe.Bool, number(1))
	before := c.Digest()
	Pair(c)[0][0]++
	if c.Digest() != before {
		t.Error("Pair shares memory with its argument")
	}
}
