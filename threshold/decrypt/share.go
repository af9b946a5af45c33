package decrypt

import (
	"encoding/binary"
	"fmt"

	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// Share is a party's share of the squash secret in both fields. It prints as
// "[secret]".
type Share struct{ words [2][squash.Dim]uint64 }

// ShareSize is the encoded size of a Share.
const ShareSize = 2 * squash.Dim * 8

// Set stores the share of bit i of the secret in field k.
func (s *Share) Set(k, i int, word uint64) { s.words[k][i] = word }

// Elements lists the party's share of each bit of the secret.
func (s *Share) Elements() []shamir.Element {
	out := make([]shamir.Element, squash.Dim)
	for i := range out {
		out[i] = shamir.Element{s.words[0][i], s.words[1][i]}
	}
	return out
}

// NewShare is the inverse of Elements.
func NewShare(elements []shamir.Element) (*Share, error) {
	if len(elements) != squash.Dim {
		return nil, fmt.Errorf("share has %d elements, want %d", len(elements), squash.Dim)
	}
	s := new(Share)
	for i, e := range elements {
		if !e.Valid() {
			return nil, fmt.Errorf("share: element %d is not reduced", i)
		}
		s.words[0][i], s.words[1][i] = e[0], e[1]
	}
	return s, nil
}

// Append appends the encoding of s to b: the words modulo Q1, then those
// modulo Q2, big-endian.
func (s *Share) Append(b []byte) []byte {
	for k := range s.words {
		for _, w := range s.words[k] {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b
}

// ParseShare decodes a share, refusing words that are not reduced.
func ParseShare(b []byte) (*Share, error) {
	if len(b) != ShareSize {
		return nil, fmt.Errorf("share has %d bytes, want %d", len(b), ShareSize)
	}
	s := new(Share)
	for k, q := range squash.Moduli() {
		for i := range s.words[k] {
			w := binary.BigEndian.Uint64(b)
			if w >= q {
				return nil, fmt.Errorf("share: word %d modulo %d is not reduced", i, q)
			}
			s.words[k][i], b = w, b[8:]
		}
	}
	return s, nil
}

// Wipe overwrites the share with zeros.
func (s *Share) Wipe() { clear(s.words[0][:]); clear(s.words[1][:]) }

// Format implements fmt.Formatter.
func (*Share) Format(f fmt.State, _ rune) { threshold.Redact(f) }
