package radix

import (
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// MarshalBinary encodes p (SPEC 4.8), words of so many bits each one after another, least
// significant bit first, padded with zeros to whole bytes:
//
//	format(1) = 0 | count(1) | types(count) | public, 1 bit for each block
//	| public blocks, 2 bits each | for each packed ciphertext: mask and bodies, 11 bits each
func (p *Packed) MarshalBinary() ([]byte, error) {
	b := []byte{0, uint8(len(p.types))}
	for _, t := range p.types {
		b = append(b, uint8(t))
	}
	b = appendWords(b, p.public, 1)
	b = appendWords(b, p.clear, messageBits)
	for _, c := range p.secret {
		b = appendWords(b, slices.Concat(c.Mask, c.Bodies), tfhe.Default.PackBits)
	}
	return b, nil
}

// UnmarshalBinary is the inverse of MarshalBinary. It accepts what Pack can make
// and nothing else, and checks every bound before it allocates.
func (p *Packed) UnmarshalBinary(b []byte) error {
	types, b, err := parsePackedTypes(b)
	if err != nil {
		return err
	}
	d := Packed{types: types}
	if b, err = d.parsePublic(b); err != nil {
		return err
	}
	for slots := len(d.public) - len(d.clear); slots > 0; slots -= packSize {
		n := min(slots, packSize)
		words := tfhe.Default.PackedMaskWords(n)
		var all []uint16
		if all, b, err = parseWords[uint16](b, words+n, tfhe.Default.PackBits); err != nil {
			return fmt.Errorf("packed blocks: %w", err)
		}
		d.secret = append(d.secret, &tfhe.Packed{Mask: all[:words:words], Bodies: all[words:]})
	}
	if len(b) > 0 {
		return fmt.Errorf("%d bytes follow the packed values", len(b))
	}
	*p = d
	return nil
}

func parsePackedTypes(b []byte) (types []fhe.Type, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, fmt.Errorf("packed values have %d bytes", len(b))
	}
	format, count, b := b[0], int(b[1]), b[2:]
	switch {
	case format != 0:
		return nil, nil, fmt.Errorf("packed values have format %d, want 0", format)
	case count == 0 || len(b) < count:
		return nil, nil, fmt.Errorf("%d types of packed values in %d bytes", count, len(b))
	}
	for i, t := range b[:count] {
		if !fhe.Type(t).Valid() {
			return nil, nil, fmt.Errorf("packed value %d has unknown %s", i, fhe.Type(t))
		}
		types = append(types, fhe.Type(t))
	}
	return types, b[count:], nil
}

// parsePublic reads the marks and the public blocks.
func (p *Packed) parsePublic(b []byte) (rest []byte, err error) {
	if p.public, b, err = parseWords[uint8](b, countBlocks(p.types), 1); err != nil {
		return nil, fmt.Errorf("marks of public blocks: %w", err)
	}
	_, clear, _ := p.place(len(p.types))
	if p.clear, b, err = parseWords[uint8](b, clear, messageBits); err != nil {
		return nil, fmt.Errorf("public blocks: %w", err)
	}
	return b, p.checkPublic()
}

// checkPublic reports a public block beyond its type.
func (p *Packed) checkPublic() error {
	marks, clear := p.public, p.clear
	for i, t := range p.types {
		for _, mark := range marks[:t.Blocks()] {
			if mark == 1 && int(clear[0]) > top(t) {
				return fmt.Errorf("packed value %d, a %s, has public block %d", i, t, clear[0])
			}
			clear = clear[mark:]
		}
		marks = marks[t.Blocks():]
	}
	return nil
}

// Digest is the Keccak-256 hash of p's encoding.
func (p *Packed) Digest() fhe.Digest {
	b, _ := p.MarshalBinary() // has no error to return
	return fhe.Keccak(b)
}

// appendWords appends words of width bits each, the first at the lowest bits of
// the first byte, padded with zeros to whole bytes.
func appendWords[T uint8 | uint16](b []byte, words []T, width int) []byte {
	var held uint32
	n := 0
	for _, w := range words {
		held |= uint32(w) << n
		for n += width; n >= 8; n -= 8 {
			b = append(b, byte(held))
			held >>= 8
		}
	}
	if n > 0 {
		b = append(b, byte(held))
	}
	return b
}

// parseWords reads n words that appendWords wrote, and returns what follows.
func parseWords[T uint8 | uint16](b []byte, n, width int) (words []T, rest []byte, err error) {
	size := (n*width + 7) / 8
	if len(b) < size {
		return nil, nil, fmt.Errorf("%d bytes are left, want %d", len(b), size)
	}
	words = make([]T, n)
	var held uint32
	at, left := 0, 0
	for i := range words {
		for ; left < width; left += 8 {
			held |= uint32(b[at]) << left
			at++
		}
		words[i] = T(held & (1<<width - 1))
		held >>= width
		left -= width
	}
	if held != 0 {
		return nil, nil, errors.New("padding is not zero")
	}
	return words, b[size:], nil
}
