package prss

import (
	"bufio"
	"crypto/sha3"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

const uniformTag = "fhevm threshold uniform"

// Uniform returns party id's shares, of degree t, of count pseudorandom field
// elements: uniform to whoever lacks the key of one set, where masks are
// bounded. The elements are a function of the keys, in the order of SetsOf, and
// of context, which is to be used once.
//
// Each key expands into SHAKE256(tag | key | context), from which each element's
// two residues are drawn in order.
func Uniform(q threshold.Quorum, id threshold.PartyID, keys []Key, context fhe.Digest, count int) ([]shamir.Element, error) {
	sets := SetsOf(q, id)
	if len(keys) != len(sets) {
		return nil, fmt.Errorf("party %d has %d PRSS keys, want %d", id, len(keys), len(sets))
	}
	out := make([]shamir.Element, count)
	for i, set := range sets {
		if err := addUniform(out, keys[i], context, coefficient(q, set, id)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func addUniform(out []shamir.Element, key Key, context fhe.Digest, factor shamir.Element) error {
	h := sha3.NewSHAKE256()
	for _, part := range [][]byte{[]byte(uniformTag), key[:], context[:]} {
		h.Write(part)
	}
	stream := bufio.NewReader(h)
	for i := range out {
		for k, f := range shamir.Fields {
			x, err := f.Uniform(stream)
			if err != nil {
				return err
			}
			out[i][k] = f.Add(out[i][k], f.Mul(x, factor[k]))
		}
	}
	return nil
}
