package shamir

import (
	"encoding/binary"
	"fmt"
	"io"

	"fhevm/threshold"
)

// Element is a number modulo Q by its residues modulo Q1 and Q2: a secret, or
// one party's share of one.
type Element [2]uint64

// ElementSize is the encoded size of an Element.
const ElementSize = 16

// Valid reports whether both residues are canonical.
func (e Element) Valid() bool { return e[0] < Q1 && e[1] < Q2 }

// Add returns e + x.
func (e Element) Add(x Element) Element {
	return Element{Fields[0].Add(e[0], x[0]), Fields[1].Add(e[1], x[1])}
}

// Sub returns e - x.
func (e Element) Sub(x Element) Element {
	return Element{Fields[0].Sub(e[0], x[0]), Fields[1].Sub(e[1], x[1])}
}

// Append appends the encoding of e to b: both residues as big-endian words.
func (e Element) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e[0])
	return binary.BigEndian.AppendUint64(b, e[1])
}

// ParseElements decodes exactly count elements.
func ParseElements(b []byte, count int) ([]Element, error) {
	if len(b)%ElementSize != 0 || len(b)/ElementSize != count {
		return nil, fmt.Errorf("%d bytes of field elements, want %d of %d", len(b), count, ElementSize)
	}
	out := make([]Element, count)
	for i := range out {
		at := b[i*ElementSize:]
		out[i] = Element{binary.BigEndian.Uint64(at), binary.BigEndian.Uint64(at[8:])}
		if !out[i].Valid() {
			return nil, fmt.Errorf("field element %d is not canonical", i)
		}
	}
	return out, nil
}

// Split shares secret among the quorum's parties with polynomials of degree t
// drawn from rand. The share of party i is at index i-1.
func Split(q threshold.Quorum, secret Element, rand io.Reader) ([]Element, error) {
	shares := make([]Element, q.N)
	for k, f := range Fields {
		coefficients := make([]uint64, q.T+1)
		coefficients[0] = secret[k]
		for j := range q.T {
			c, err := f.Uniform(rand)
			if err != nil {
				return nil, err
			}
			coefficients[j+1] = c
		}
		for i := range shares {
			shares[i][k] = f.evaluate(coefficients, uint64(i+1))
		}
	}
	return shares, nil
}
