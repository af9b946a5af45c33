package liar

import (
	"math/rand/v2"
	"slices"

	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/opening"
	"fhevm/threshold/shamir"
)

// Garble spoils an encoded message, a JSON object, so that mostly nothing can be read
// of it.
func Garble(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	switch rng.IntN(6) {
	case 0:
		return b[:rng.IntN(len(b))]
	case 1:
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		return b
	case 2:
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	case 3:
		return []byte([]string{"{}", "null", "[]", "{", `{"digests":[],"shares":"0x"}`, `{"digests":null,"more":1}`}[rng.IntN(6)])
	case 4:
		return append(b, b...)
	}
	return slices.Concat([]byte(`{"x":0,`), b[1:])
}

// Verdict is what a party deserves that sends an answer where its partials are
// others; "" is nothing.
func Verdict(right []decrypt.Partial, a *opening.Answer) string {
	shares, err := shamir.ParseElements(a.Shares, len(right))
	if err != nil || len(a.Digests) != len(right) {
		return threshold.UnusableBytes
	}
	for i, p := range right {
		if a.Digests[i] != p.Digest {
			return threshold.OtherCiphertexts
		}
	}
	if !slices.EqualFunc(shares, right, func(e shamir.Element, p decrypt.Partial) bool { return e == p.Share }) {
		return threshold.WrongShares
	}
	return ""
}
