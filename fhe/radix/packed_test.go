package radix

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// packer is the engine of the real network.
func (n *network) packer() *tfhe.Engine { return n.boot.(*tfhe.Engine) }

// store packs values, encodes and decodes them.
func (n *network) store(t *testing.T, values ...*Ciphertext) *Packed {
	t.Helper()
	p, err := Pack(n.packer(), values...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var q Packed
	if err := q.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if q.Digest() != p.Digest() || p.Digest() != fhe.Keccak(b) {
		t.Error("digest changes on the way through storage")
	}
	for i, c := range values {
		if q.Types()[i] != c.Type {
			t.Errorf("value %d is a %s, want %s", i, q.Types()[i], c.Type)
		}
	}
	q.Types()[0] = 99
	if q.Types()[0] == 99 {
		t.Error("a caller can change the types")
	}
	return &q
}

func (n *network) load(t *testing.T, p *Packed, i int) *Ciphertext {
	t.Helper()
	c, err := n.Unpack(context.Background(), p, i)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (n *network) mustHold(t *testing.T, c *Ciphertext, want *big.Int) {
	t.Helper()
	if got, err := n.decrypt(c); err != nil || got.Cmp(want) != 0 {
		t.Errorf("%s holds %v, want %v: %v", c.Type, got, want, err)
	}
}

// publish makes a public value.
func publish(t fhe.Type, v *big.Int) *Ciphertext {
	c := &Ciphertext{Type: t}
	for _, d := range digits(v, t.Blocks()) {
		b := tfhe.Default.NewLWE()
		b.Trivial(d * tfhe.Delta)
		c.Blocks = append(c.Blocks, b)
	}
	return c
}

// A value alone comes back from storage, clean enough for the next operation,
// and its bytes are a function of the ciphertext.
func TestPackedAlone(t *testing.T) {
	n := realNetwork()
	for _, typ := range []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Int64, fhe.Uint160} {
		v := edgeValues(typ)[1]
		v = new(big.Int).Sub(new(big.Int).Lsh(number(1), uint(typ.Bits())), v)
		c, err := n.computed(typ, v, 0)
		if err != nil {
			t.Fatal(err)
		}
		p := n.store(t, c)
		if p.Digest() != n.store(t, c).Digest() {
			t.Errorf("%s packs to other bytes each time", typ)
		}
		stored := n.load(t, p, 0)
		n.mustHold(t, stored, v)
		if stored.Digest() != n.load(t, p, 0).Digest() {
			t.Errorf("%s unpacks to other bytes each time", typ)
		}
	}
}

// What comes from storage is an operand as good as what comes from an operation.
func TestPackedOperands(t *testing.T) {
	n := realNetwork()
	x, y := number(0xfe01), number(0x01ff)
	p := n.store(t, n.encrypt(fhe.Uint16, x, "x"), n.encrypt(fhe.Uint16, y, "y"))
	a, b := Encrypted(n.load(t, p, 0)), Encrypted(n.load(t, p, 1))
	for _, c := range []struct {
		op   fhe.Op
		want uint64
	}{{fhe.Add, 0}, {fhe.Sub, 0xfc02}, {fhe.Gt, 1}, {fhe.Max, 0xfe01}} {
		out, err := n.Eval(t.Context(), c.op, fhe.Uint16, a, b)
		if err != nil {
			t.Fatal(err)
		}
		n.mustHold(t, out[0], number(c.want))
	}
}

// Values of one derivation share masks: here three ciphertexts for 565 blocks.
func TestPackedTogether(t *testing.T) {
	n := realNetwork()
	types := []fhe.Type{fhe.Bool, fhe.Uint256, fhe.Uint8, fhe.Int256, fhe.Uint256, fhe.Uint256, fhe.Uint64, fhe.Uint32}
	var values []*Ciphertext
	var want []*big.Int
	for i, typ := range types {
		v := new(big.Int).Lsh(number(uint64(i)*0x123456789+1), uint(typ.Bits()/2))
		want = append(want, v.And(v, new(big.Int).Sub(new(big.Int).Lsh(number(1), uint(typ.Bits())), number(1))))
		values = append(values, n.encrypt(typ, want[i], "together"))
	}
	p := n.store(t, values...)
	if len(p.secret) != 3 {
		t.Errorf("%d packed ciphertexts", len(p.secret))
	}
	for _, i := range []int{0, 2, 6, 7} {
		n.mustHold(t, n.load(t, p, i), want[i])
	}
}

// A 64-bit value takes at most 1.6 KB alone, at most 240 B among eight, and one
// byte for four public blocks.
func TestPackedSize(t *testing.T) {
	n := realNetwork()
	one := n.encrypt(fhe.Uint64, number(1), "size")
	for _, c := range []struct {
		values []*Ciphertext
		most   int
	}{
		{[]*Ciphertext{one}, 1600},
		{slices.Repeat([]*Ciphertext{one}, 8), 8 * 240},
		{[]*Ciphertext{publish(fhe.Uint64, number(77))}, 3 + 4 + 8},
	} {
		p, err := Pack(n.packer(), c.values...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if t.Logf("%d values of 64 bits: %d bytes", len(c.values), len(b)); len(b) > c.most {
			t.Errorf("%d values of 64 bits take %d bytes, want at most %d", len(c.values), len(b), c.most)
		}
	}
}

// Public blocks stay what they are: constants of the next circuit, which costs
// nothing where all of its operands are.
func TestPackedPublic(t *testing.T) {
	n := realNetwork()
	v := number(0xe4a7)
	mixed := publish(fhe.Uint16, v)
	for _, i := range []int{1, 6} {
		mixed.Blocks[i] = n.encrypt(fhe.Uint16, v, "mixed").Blocks[i]
	}
	for _, c := range []struct {
		value  *Ciphertext
		secret int
	}{{publish(fhe.Uint16, v), 0}, {mixed, 2}, {publish(fhe.Bool, number(1)), 0}} {
		p := n.store(t, c.value)
		before := n.packer().Bootstraps()
		stored := n.load(t, p, 0)
		if got := n.packer().Bootstraps() - before; int(got) != c.secret {
			t.Errorf("%d bootstraps for %d secret blocks", got, c.secret)
		}
		for i, b := range c.value.Blocks {
			if isPublic(b) && !slices.Equal(stored.Blocks[i], b) {
				t.Errorf("public block %d has changed", i)
			}
		}
		want, err := n.decrypt(c.value)
		if err != nil {
			t.Fatal(err)
		}
		n.mustHold(t, stored, want)
	}
	p := n.store(t, publish(fhe.Uint16, v), publish(fhe.Uint16, number(2)))
	before := n.packer().Bootstraps()
	sum, err := n.Eval(t.Context(), fhe.Add, fhe.Uint16, Encrypted(n.load(t, p, 0)), Encrypted(n.load(t, p, 1)))
	if err != nil || n.packer().Bootstraps() != before {
		t.Fatalf("%d bootstraps to add public values: %v", n.packer().Bootstraps()-before, err)
	}
	n.mustHold(t, sum[0], number(0xe4a9))
}

// Blocks that were equal or complements are unpacked with masks of their own.
func TestPackedBlocksAreIndependent(t *testing.T) {
	n := realNetwork()
	c := n.encrypt(fhe.Uint8, number(0b01_10_01_01), "equal")
	c.Blocks[1] = c.Blocks[0]
	complement := n.params.NewLWE()
	complement.MulClear(c.Blocks[0], -1)
	complement.AddClear(3 * tfhe.Delta)
	c.Blocks[2] = complement
	stored := n.load(t, n.store(t, c), 0)
	n.mustHold(t, stored, number(0b01_10_01_01))
	masks := make(map[fhe.Digest]bool)
	for _, b := range stored.Blocks {
		masks[maskDigest(b)] = true
	}
	if len(masks) != 4 {
		t.Errorf("4 blocks have %d masks", len(masks))
	}
}

func TestPackRefuses(t *testing.T) {
	n := realNetwork()
	good := func() *Ciphertext { return publish(fhe.Bool, number(1)) }
	beyond, between := good(), good()
	beyond.Blocks[0].AddClear(tfhe.Delta)
	between.Blocks[0].AddClear(1)
	for name, values := range map[string][]*Ciphertext{
		"none":                    nil,
		"too many":                slices.Repeat([]*Ciphertext{good()}, MaxPackedValues+1),
		"no blocks":               {good(), {Type: fhe.Bool}},
		"other parameters":        {plain(fhe.Bool, number(1))},
		"public beyond its type":  {beyond},
		"public, not a plaintext": {between},
	} {
		if _, err := Pack(n.packer(), values...); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
	p := n.store(t, good(), n.encrypt(fhe.Bool, number(1), "refuse"))
	for _, i := range []int{-1, 2} {
		if _, err := n.Unpack(t.Context(), p, i); err == nil {
			t.Errorf("unpacked value %d of 2", i)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Unpack(ended, p, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("unpack in an ended context: %v", err)
	}
}

// counter writes words in order, to show the layout.
type counter struct{}

func (counter) Pack(blocks []tfhe.LWE) (*tfhe.Packed, error) {
	c := &tfhe.Packed{Mask: make([]uint16, tfhe.Default.PackedMaskWords(len(blocks))), Bodies: make([]uint16, len(blocks))}
	for i := range c.Mask {
		c.Mask[i] = uint16(i)
	}
	for i := range c.Bodies {
		c.Bodies[i] = 0x7ff
	}
	return c, nil
}

// layout is a bool that is public, a uint8 whose blocks 1 and 2 are, and counting
// words.
func layout(t testing.TB) *Packed {
	flag, number := publish(fhe.Bool, number(1)), publish(fhe.Uint8, number(0b00_10_11_00))
	number.Blocks[0][0], number.Blocks[3][0] = 1, 1
	p, err := Pack(counter{}, flag, number)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPackedEncoding(t *testing.T) {
	b, err := layout(t).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	// Marks 1, 0, 1, 1, 0; blocks 1, 3, 2; words 0, 1, 2, 3, 4, ...
	const begin = "00" + "02" + "00" + "02" + "0d" + "2d" + "000880000640800218"
	if got := hex.EncodeToString(b); got[:len(begin)] != begin {
		t.Errorf("encoding begins with %s, want %s", got[:len(begin)], begin)
	}
	// 919 mask words and two bodies of ones end at bit 3 of the last byte.
	if end := b[len(b)-4:]; len(b) != 6+(921*11+7)/8 || end[3] != 0x07 || end[2] != 0xff || end[1] != 0xff {
		t.Errorf("encoding has %d bytes and ends with %x", len(b), end)
	}
}

func TestMostPackedValues(t *testing.T) {
	p, err := Pack(counter{}, slices.Repeat([]*Ciphertext{publish(fhe.Bool, number(1))}, MaxPackedValues)...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var q Packed
	if err := q.UnmarshalBinary(b); err != nil || q.Digest() != p.Digest() {
		t.Errorf("%d values differ after a round trip: %v", MaxPackedValues, err)
	}
}

func TestMalformedPacked(t *testing.T) {
	good, err := layout(t).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":                func(b []byte) []byte { return nil },
		"format":               func(b []byte) []byte { b[0] = 1; return b },
		"no values":            func(b []byte) []byte { b[1] = 0; return b },
		"only types":           func(b []byte) []byte { return b[:4] },
		"more types":           func(b []byte) []byte { b[1] = 255; return b[:40] },
		"unknown type":         func(b []byte) []byte { b[2] = 1; return b },
		"other mark":           func(b []byte) []byte { b[4] = 0x0f; return b },
		"padding of marks":     func(b []byte) []byte { b[4] |= 0x20; return b },
		"bool of 2":            func(b []byte) []byte { b[5] = 0x2e; return b },
		"padding of blocks":    func(b []byte) []byte { b[5] |= 0x40; return b },
		"padding of words":     func(b []byte) []byte { b[len(b)-1] |= 0x08; return b },
		"truncated":            func(b []byte) []byte { return b[:len(b)-1] },
		"truncated at types":   func(b []byte) []byte { return b[:3] },
		"truncated at publics": func(b []byte) []byte { return b[:5] },
		"byte after the end":   func(b []byte) []byte { return append(b, 0) },
	} {
		if err := new(Packed).UnmarshalBinary(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever is accepted has one encoding and can be unpacked.
func FuzzUnmarshalPacked(f *testing.F) {
	b, err := layout(f).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0, 1, 0, 1, 1}) // true, public
	f.Add(append([]byte{0, 255}, make([]byte, 300)...))
	e := NewEvaluator(tfhe.Default, new(countingBootstrapper))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packed
		if err := p.UnmarshalBinary(b); err != nil {
			return
		}
		if again, err := p.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("accepted a second encoding: %v", err)
		}
		if c, err := e.Unpack(t.Context(), &p, len(p.types)-1); err != nil || c.checkShape(tfhe.Default.BigDim()+1) != nil {
			t.Errorf("accepted what cannot be unpacked: %v", err)
		}
	})
}
