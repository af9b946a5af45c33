package fft

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"testing"
)

const precision = 300

func number(x int64) *big.Float { return new(big.Float).SetPrec(precision).SetInt64(x) }

// arctanInverse is arctan(1/n) by its Taylor series.
func arctanInverse(n int64) *big.Float {
	sum, power := number(0), number(0).Quo(number(1), number(n))
	for k := int64(0); power.Sign() != 0 && power.MantExp(nil) > -precision; k++ {
		term := number(0).Quo(power, number(2*k+1))
		if k%2 == 0 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		power.Quo(power, number(n*n))
	}
	return sum
}

// cosine is cos(x) by its Taylor series.
func cosine(x *big.Float) *big.Float {
	square := number(0).Mul(x, x)
	sum, term := number(0), number(1)
	for k := int64(1); term.Sign() != 0 && term.MantExp(nil) > -precision; k += 2 {
		sum.Add(sum, term)
		term.Mul(term, square)
		term.Quo(term, number(-k*(k+1)))
	}
	return sum
}

// TestRoots computes the cosines in another way than the generator: by
// Machin's formula for pi and Taylor's series.
func TestRoots(t *testing.T) {
	pi := number(0).Mul(number(4), arctanInverse(5))
	pi.Sub(pi, arctanInverse(239))
	pi.Mul(pi, number(4))
	if cosines[0] != math.Float64bits(1) || cosines[M] != 0 {
		t.Error("ends are not exact")
	}
	for k := 1; k < M; k++ {
		x := number(0).Mul(pi, number(int64(k)))
		want, _ := cosine(x.Quo(x, number(2048))).Float64()
		if got := math.Float64frombits(cosines[k]); got != want {
			t.Errorf("cos(%d*pi/2048) = %v, want %v", k, got, want)
		}
	}
}

// TestRootsDigest holds the table to the digest that the specification gives.
func TestRootsDigest(t *testing.T) {
	var table []byte
	for _, c := range cosines {
		table = binary.LittleEndian.AppendUint64(table, c)
	}
	const want = "acd1ee899aacfec1306b53eedf647e81bf772e66eaa6ae7ba6e8fc2bc012adfa"
	if got := sha256.Sum256(table); hex.EncodeToString(got[:]) != want {
		t.Errorf("digest %x, want %s", got, want)
	}
}
