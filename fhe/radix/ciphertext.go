package radix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// Ciphertext is an encrypted value: Type.Blocks() blocks, least significant
// first. Each is clean: its plaintext is in [0, 3], or [0, 1] for a bool, and
// its noise is that of one bootstrap output (2-norm squared 1, or 0 without a
// mask). It is immutable once handed out.
type Ciphertext struct {
	Type   fhe.Type
	Blocks []tfhe.LWE
}

// MaxBlockWords bounds the words of a block in an encoding.
const MaxBlockWords = 1 << 13

const ciphertextHeader = 1 + 1 + 2

// MarshalBinary encodes c (SPEC 4.1), integers and words big-endian:
//
//	format(1) = 0 | type(1) | words of a block(2) | public(ceil(blocks/8)) | blocks
//
// Bit i mod 8 of byte floor(i/8) of public says whether the mask of block i is
// zero. Such a block, which is no secret, is its body alone.
func (c *Ciphertext) MarshalBinary() ([]byte, error) {
	words := 0
	if len(c.Blocks) > 0 {
		words = len(c.Blocks[0])
	}
	if err := c.checkShape(words); err != nil {
		return nil, err
	}
	b := []byte{0, uint8(c.Type)}
	b = binary.BigEndian.AppendUint16(b, uint16(words))
	public := c.public()
	b = append(b, public...)
	b = slices.Grow(b, bodySize(c.Type, words, public))
	for i, block := range c.Blocks {
		if marked(public, i) {
			block = block[words-1:]
		}
		for _, w := range block {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b, nil
}

// public marks the blocks with a zero mask.
func (c *Ciphertext) public() []byte {
	marks := make([]byte, markSize(c.Type))
	for i, b := range c.Blocks {
		if isPublic(b) {
			marks[i/8] |= 1 << (i % 8)
		}
	}
	return marks
}

// markSize is the number of bytes that mark public blocks.
func markSize(t fhe.Type) int { return (t.Blocks() + 7) / 8 }

func marked(public []byte, i int) bool { return public[i/8]>>(i%8)&1 == 1 }

// bodySize is the number of bytes of all blocks.
func bodySize(t fhe.Type, words int, public []byte) int {
	n := 0
	for _, b := range public {
		n += bits.OnesCount8(b)
	}
	return 8 * (n + words*(t.Blocks()-n))
}

// UnmarshalBinary is the inverse of MarshalBinary. It checks every bound before
// it allocates; the parameter set is for Eval to check.
func (c *Ciphertext) UnmarshalBinary(b []byte) error {
	if len(b) < ciphertextHeader {
		return fmt.Errorf("ciphertext has %d bytes, want at least %d", len(b), ciphertextHeader)
	}
	t, words := fhe.Type(b[1]), int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0] != 0:
		return fmt.Errorf("ciphertext has format %d, want 0", b[0])
	case !t.Valid():
		return fmt.Errorf("ciphertext has unknown %s", t)
	case words < 2 || words > MaxBlockWords:
		return fmt.Errorf("ciphertext has blocks of %d words, want 2 to %d", words, MaxBlockWords)
	}
	return c.unmarshalBlocks(t, words, b[ciphertextHeader:])
}

func (c *Ciphertext) unmarshalBlocks(t fhe.Type, words int, b []byte) error {
	n := markSize(t)
	if len(b) < n {
		return fmt.Errorf("ciphertext of %s ends within its marks", t)
	}
	public, rest := b[:n], b[n:]
	switch {
	case t.Blocks()%8 != 0 && public[n-1]>>(t.Blocks()%8) != 0:
		return fmt.Errorf("ciphertext of %s has public blocks %#x", t, public)
	case len(rest) != bodySize(t, words, public):
		return fmt.Errorf("ciphertext of %s has blocks of %d bytes, want %d", t, len(rest), bodySize(t, words, public))
	}
	d := Ciphertext{Type: t, Blocks: parseBlocks(rest, t.Blocks(), words, public)}
	if got := d.public(); !bytes.Equal(got, public) {
		return fmt.Errorf("ciphertext has public blocks %#x, marked are %#x", got, public)
	}
	*c = d
	return nil
}

// parseBlocks reads n blocks, of which public are bodies alone.
func parseBlocks(b []byte, n, words int, public []byte) []tfhe.LWE {
	blocks := make([]tfhe.LWE, n)
	for i := range blocks {
		blocks[i] = make(tfhe.LWE, words)
		from := 0
		if marked(public, i) {
			from = words - 1
		}
		for j := from; j < words; j++ {
			blocks[i][j] = binary.BigEndian.Uint64(b)
			b = b[8:]
		}
	}
	return blocks
}

// checkShape verifies type, number of blocks and words of each.
func (c *Ciphertext) checkShape(words int) error {
	if !c.Type.Valid() || len(c.Blocks) != c.Type.Blocks() {
		return fmt.Errorf("ciphertext of %s has %d blocks, want %d", c.Type, len(c.Blocks), c.Type.Blocks())
	}
	if words < 2 || words > MaxBlockWords {
		return fmt.Errorf("ciphertext has blocks of %d words, want 2 to %d", words, MaxBlockWords)
	}
	for i, b := range c.Blocks {
		if len(b) != words {
			return fmt.Errorf("block %d has %d words, want %d", i, len(b), words)
		}
	}
	return nil
}

// Digest is the Keccak-256 hash of c's encoding. It panics on a ciphertext
// that has none, which only a bug can make.
func (c *Ciphertext) Digest() fhe.Digest {
	b, err := c.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return fhe.Keccak(b)
}

// Pair sums pairs of blocks as x + 4y, 4 bits each, for decryption: half the
// blocks, with 2-norm squared 17 if x and y are independent and at most 25, for
// equal blocks, if not. A single block stays as it is.
func Pair(c *Ciphertext) []tfhe.LWE {
	pairs := make([]tfhe.LWE, (len(c.Blocks)+1)/2)
	for i := range pairs {
		p := append(tfhe.LWE(nil), c.Blocks[2*i]...)
		if 2*i+1 < len(c.Blocks) {
			p.MulAddClear(c.Blocks[2*i+1], base)
		}
		pairs[i] = p
	}
	return pairs
}
