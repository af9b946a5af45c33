package fhe

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"
)

var two256 = new(big.Int).Lsh(big.NewInt(1), 256)

// Words and texts against math/big, whose numbers have a sign.
func TestValueForms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range Types() {
		for _, want := range signedValues(r, typ) {
			v, err := typ.ParseValue(want.String())
			if err != nil {
				t.Fatal(err)
			}
			word := typ.Word(v)
			if got := new(big.Int).SetBytes(word[:]); got.Cmp(new(big.Int).Mod(want, two256)) != 0 {
				t.Errorf("%s %s has word %x", typ, want, word)
			}
			if back, err := typ.Value(word); err != nil || !back.Eq(v) || typ.Text(v) != want.String() || v.BitLen() > typ.Bits() {
				t.Errorf("%s %s: %s, %v, text %s", typ, want, back, err, typ.Text(v))
			}
		}
	}
}

// signedValues are the extremes of a type, and random ones.
func signedValues(r *rand.Rand, t Type) []*big.Int {
	size := new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()))
	least := new(big.Int)
	if t.Signed() {
		least.Rsh(size, 1).Neg(least)
	}
	out := []*big.Int{least, new(big.Int).Add(least, new(big.Int).Sub(size, big.NewInt(1))), new(big.Int)}
	for range 20 {
		x := new(big.Int).SetUint64(r.Uint64())
		x.Mul(x, x).Mul(x, x).Add(x, big.NewInt(int64(r.IntN(256)))).Mod(x, size)
		out = append(out, x.Add(x, least))
	}
	return out
}

func TestValueRefuses(t *testing.T) {
	for typ, texts := range map[Type][]string{
		Bool:    {"2", "-1", ""},
		Uint8:   {"256", "-1", "1.5", "0x100", "0x", "--1"},
		Int8:    {"128", "-129", "-256", "-300", "0xff", "- 1"},
		Uint256: {two256.String(), "-1"},
		Int256:  {new(big.Int).Lsh(big.NewInt(1), 255).String(), "-" + new(big.Int).Sub(two256, big.NewInt(1)).String()},
	} {
		for _, text := range texts {
			if v, err := typ.ParseValue(text); err == nil {
				t.Errorf("%s takes %q as %s", typ, text, v)
			}
		}
	}
	for typ, word := range map[Type]*uint256.Int{
		Bool: uint256.NewInt(2), Uint64: new(uint256.Int).Lsh(uint256.NewInt(1), 64), Int8: uint256.NewInt(128), Int64: new(uint256.Int).SetAllOne().Lsh(new(uint256.Int).SetAllOne(), 64),
	} {
		if v, err := typ.Value(word.Bytes32()); err == nil {
			t.Errorf("%s takes word %s as %s", typ, word.Hex(), v)
		}
	}
}
