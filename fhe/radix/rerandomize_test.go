package radix

import (
	"math/big"
	"slices"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// zeros re-randomises by the public key of n.
func (n *network) zeros() *tfhe.Rerandomizer { return tfhe.NewRerandomizer(n.secret.PublicKey()) }

// A re-randomised value is the same value under masks that depend on the seed
// alone; what was public or shared a mask still is or does.
func TestRerandomize(t *testing.T) {
	n := realNetwork()
	c := n.encrypt(fhe.Uint16, big.NewInt(0xb4e4), "re-randomise")
	c.Blocks[2].Trivial(2 * tfhe.Delta)
	c.Blocks[4] = slices.Clone(c.Blocks[1])
	c.Blocks[4].AddClear(tfhe.Delta) // one more
	c.Blocks[6].MulClear(c.Blocks[0], -1)
	c.Blocks[6].AddClear(3 * tfhe.Delta) // its complement
	before, err := n.decrypt(c)
	if err != nil {
		t.Fatal(err)
	}
	digest := c.Digest()
	seed := tfhe.RerandomizationSeed(fhe.Digest{1}, digest, 0)
	got, err := n.Rerandomize(n.zeros(), c, seed)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := n.decrypt(got); err != nil || v.Cmp(before) != 0 {
		t.Errorf("%d became %d, %v", before, v, err)
	}
	if c.Digest() != digest {
		t.Error("the operand changed")
	}
	for i, b := range got.Blocks {
		if same := slices.Equal(b, c.Blocks[i]); same != (i == 2) {
			t.Errorf("block %d is the same: %t", i, same)
		}
	}
	ws := newCircuit().operand(got)
	for i, source := range []int{0, 1, -1, 3, 1, 5, 0, 7} {
		if source >= 0 && !ws[i].isSource(source) && ws[i].terms[0].index != source || source < 0 && len(ws[i].terms) > 0 {
			t.Errorf("block %d is %v, want one of source %d", i, ws[i], source)
		}
	}
	again, err := n.Rerandomize(n.zeros(), c, seed)
	if err != nil || again.Digest() != got.Digest() {
		t.Errorf("not a function of value and seed: %v", err)
	}
	other, err := n.Rerandomize(n.zeros(), c, tfhe.RerandomizationSeed(fhe.Digest{2}, digest, 0))
	if err != nil || slices.Equal(other.Blocks[0], got.Blocks[0]) {
		t.Errorf("another seed gives the same block: %v", err)
	}
}

// Values of one packed form, even equal ones, get different encryptions of zero.
func TestRerandomizePacked(t *testing.T) {
	n := realNetwork()
	c := n.encrypt(fhe.Uint8, big.NewInt(0xb4), "re-randomise packed")
	packed, err := Pack(n.packer(), c, c)
	if err != nil {
		t.Fatal(err)
	}
	digest, zeros := packed.Digest(), map[[8]uint64]bool{}
	for i := range 2 {
		before, err := n.Unpack(t.Context(), packed, i)
		if err != nil {
			t.Fatal(err)
		}
		after, err := n.Rerandomize(n.zeros(), before, tfhe.RerandomizationSeed(fhe.Digest{1}, digest, uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if v, err := n.decrypt(after); err != nil || v.Int64() != 0xb4 {
			t.Errorf("value %d became %d, %v", i, v, err)
		}
		for j, b := range after.Blocks {
			var zero [8]uint64
			for k := range zero {
				zero[k] = b[k] - before.Blocks[j][k]
			}
			zeros[zero] = true
		}
	}
	if len(zeros) != 8 {
		t.Errorf("eight blocks got %d encryptions of zero", len(zeros))
	}
}

// A re-randomised list expands to the same values. Its mask and bodies depend on
// all of the list.
func TestRerandomizeList(t *testing.T) {
	n := realNetwork()
	list := &fhe.InputList{Types: []fhe.Type{fhe.Bool, fhe.Uint8}}
	var err error
	if list.Mask, list.Bodies, err = n.secret.PublicKey().Encrypt([]uint8{1, 9, 14}); err != nil {
		t.Fatal(err)
	}
	fresh, err := RerandomizeList(n.zeros(), list)
	if err != nil {
		t.Fatal(err)
	}
	values, err := n.Expand(t.Context(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{1, 0xe9} {
		if got, err := n.decrypt(values[i]); err != nil || got.Int64() != want {
			t.Errorf("value %d is %v, %v; want %d", i, got, err, want)
		}
	}
	bound := *list
	bound.Binding.User[0]++
	other, err := RerandomizeList(n.zeros(), &bound)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*fhe.InputList{list, other} {
		if slices.Equal(l.Mask, fresh.Mask) || slices.Equal(l.Bodies, fresh.Bodies) {
			t.Error("two lists have a mask or bodies in common")
		}
	}
	list.Types = nil
	if _, err := RerandomizeList(n.zeros(), list); err == nil {
		t.Error("a list without types is accepted")
	}
}

func TestRerandomizeRefuses(t *testing.T) {
	n := realNetwork()
	for name, c := range map[string]*Ciphertext{
		"no blocks": {Type: fhe.Uint8}, "short blocks": plain(fhe.Uint8, big.NewInt(1)), "unknown type": {Type: 99},
	} {
		if _, err := n.Rerandomize(n.zeros(), c, tfhe.Seed{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
