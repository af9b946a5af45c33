package radix

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// A uniform phase gives each value of a block, and each bit, exactly as often:
// a blind rotation reads every entry of the table with both signs.
func TestRandomTablesAreUniform(t *testing.T) {
	p := &tfhe.Default
	for tab, values := range map[*table]int{slotHigh: base, randomBit: 2} {
		lut, count := tab.lut(p), make(map[uint64]int)
		for _, entry := range lut.Poly {
			for _, v := range []uint64{entry, -entry} {
				count[v+quantum*uint64(tab.twice[0])]++
			}
		}
		for v := range values {
			if got, want := count[tfhe.Delta*uint64(v)], 2*p.PolySize/values; got != want {
				t.Errorf("%d of %d phases give %d of %d, want %d", got, 2*p.PolySize, v, values, want)
			}
		}
	}
}

// scaled is SPEC 4.6 with numbers: what scale makes of x < 4^m.
func scaled(x, k *big.Int, m int) *big.Int {
	n := blocksOf(k)
	left := uint(2 * max(0, n-5))
	sum, rest, rows := new(big.Int), new(big.Int), int64(1)
	cut := func(v *big.Int) *big.Int { return v.Lsh(v.Rsh(v, left), left) }
	for j, d := range recode(k, n+1) {
		if d == 0 {
			continue
		}
		rows++
		row, size := new(big.Int).Mul(x, big.NewInt(int64(max(d, -d)))), m+max(d, -d)-1
		if d < 0 {
			row.Sub(power(size), big.NewInt(1)).Sub(row, new(big.Int).Mul(x, big.NewInt(int64(-d))))
			rest.Add(rest, power(j)).Sub(rest, power(j+size))
		}
		sum.Add(sum, cut(row.Mul(row, power(j))))
	}
	if left > 0 {
		rest.Add(rest, new(big.Int).Lsh(big.NewInt(rows), left))
	}
	sum.Add(sum, cut(rest.Mod(rest, power(m+n))))
	return sum.Rsh(sum.Mod(sum, power(m+n)), uint(2*m))
}

// For every number that can be drawn, what is scaled is the product's integer
// part or, as rarely as promised, one more; it is below the factor, and as
// close to uniform as SPEC 4.6 says. Short numbers show what long ones do.
func TestScaledDistribution(t *testing.T) {
	const m = 7
	for _, factor := range []int64{3, 5, 250, 1023, 1026, 2899, 4095, 5461, 10922, 11277} {
		k := big.NewInt(factor)
		count := make([]int, factor)
		up := 0
		for x := range int64(1 << (2 * m)) {
			v, exact := scaled(big.NewInt(x), k, m).Int64(), x*factor>>(2*m)
			if v != exact && v != exact+1 || v >= factor {
				t.Fatalf("%d * %d gives %d, want %d or one more", x, factor, v, exact)
			}
			count[v]++
			up += int(v - exact)
		}
		distance := 0.0
		for _, c := range count {
			distance += math.Abs(math.Ldexp(float64(c), -2*m)-1/float64(factor)) / 2
		}
		scale := math.Ldexp(1, 2*(blocksOf(k)-m))
		if upward := math.Ldexp(float64(up), -2*m); upward > scale/7 {
			t.Errorf("factor %d: rounded up with probability %g, want at most %g", factor, upward, scale/7)
		}
		if distance > scale*(0.5+1.0/7) {
			t.Errorf("factor %d: distance %g from uniform, want at most %g", factor, distance, scale*(0.5+1.0/7))
		}
	}
}

// The margins that the claims of scale and Random rest on, for all widths: what
// makes up for the columns left out is below any factor and a seventh of 4^n, and
// the distance from uniform is below 2^-64.
func TestScaleMargins(t *testing.T) {
	for n := 6; n <= 128; n++ {
		spare := new(big.Int).Mul(big.NewInt(int64(n+2)), power(n-5))
		spare.Add(spare, big.NewInt(1))
		if spare.Cmp(power(n-1)) >= 0 || spare.Mul(spare, big.NewInt(7)).Cmp(power(n)) > 0 {
			t.Errorf("%d blocks: the spare is too large", n)
		}
	}
	if (0.5+1.0/7)*math.Ldexp(1, -2*excess) >= math.Ldexp(1, -64) {
		t.Error("the distance is too large")
	}
}

// bounds are those that differ in kind: small, powers of 2, just beside them,
// with and without factors 4, and pseudo-random ones of every length.
func bounds(t fhe.Type) (bs []*uint256.Int) {
	full := uint256.NewInt(1)
	full.Lsh(full, uint(t.Bits())) // 0 for 256 bits
	r := rand.New(rand.NewPCG(4, uint64(t)))
	for _, v := range []uint64{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 100, 127, 128, 129, 255} {
		bs = append(bs, uint256.NewInt(v))
	}
	for range 6 {
		v := &uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
		bs = append(bs, v.Rsh(v, uint(256-t.Bits()+r.IntN(t.Bits()))))
	}
	minus := new(uint256.Int).SubUint64(full, 1)
	bs = append(bs, minus, new(uint256.Int).SubUint64(full, 4), new(uint256.Int).Rsh(minus, 1))
	if !full.IsZero() {
		bs = append(bs, full)
	}
	return slices.DeleteFunc(bs, (*uint256.Int).IsZero)
}

// Every type and kind of bound on drawn blocks in the clear: the circuit makes
// of them what SPEC 4.6 says, for the price that it states.
func TestRandomCircuits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, typ := range fhe.Types() {
		all := []*uint256.Int{nil}
		if typ.Kind() == fhe.Uints {
			all = append(all, bounds(typ)...)
		}
		for _, bound := range all {
			d, err := newDrawing(typ, bound)
			if err != nil {
				t.Fatal(err)
			}
			for _, bits := range []uint64{0, math.MaxUint64, r.Uint64()} {
				checkDrawing(t, d, bits)
			}
			checkCost(t, d, bound)
		}
	}
}

// checkDrawing runs d's circuit on blocks with the given bits, over and over.
func checkDrawing(t *testing.T, d drawing, bits uint64) {
	t.Helper()
	blocks, drawn := make([]tfhe.LWE, d.blocks()), new(big.Int)
	for i := range blocks {
		v := bits >> (i % 31 * 2) & (base - 1)
		if d.table(i) == randomBit {
			v &= 1
		}
		blocks[i] = plainParams.NewLWE()
		blocks[i][0], blocks[i][1] = rand.Uint64(), rand.Uint64()
		blocks[i].AddClear(tfhe.Delta * v)
		drawn.Or(drawn, new(big.Int).Mul(power(i), number(v)))
	}
	p, err := d.compile()
	if err != nil {
		t.Fatalf("%s below %s: %v", d.typ, d.bound, err)
	}
	out, err := newPlain().run(t.Context(), p, blocks)
	if err != nil {
		t.Fatalf("%s below %s: %v", d.typ, d.bound, err)
	}
	want := drawn
	if d.isScaled() {
		above := scaled(new(big.Int).Rsh(drawn, uint(2*d.low)), d.factor, len(blocks)-d.low)
		want = new(big.Int).Mod(drawn, power(d.low))
		want.Add(want, above.Mul(above, power(d.low)))
	}
	if got := reveal(t, out[0]); got.Cmp(want) != 0 || got.Cmp(d.bound) >= 0 {
		t.Errorf("%s below %s of %s is %s, want %s", d.typ, d.bound, drawn, got, want)
	}
}

// checkCost compares the stated cost with that of drawing and of running the
// circuit.
func checkCost(t *testing.T, d drawing, bound *uint256.Int) {
	t.Helper()
	p, err := d.compile()
	if err != nil {
		t.Fatal(err)
	}
	var c countingBootstrapper
	e := NewEvaluator(plainParams, &c)
	blocks, err := e.draw(t.Context(), d, fhe.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(blocks) == 0 {
		c.layers--
	}
	if _, err := e.run(t.Context(), p, blocks); err != nil {
		t.Fatal(err)
	}
	if got, err := RandomCost(d.typ, bound); err != nil || got != (fhe.Cost{Bootstraps: c.jobs, Depth: c.layers}) {
		t.Errorf("%s below %s costs %v, %v; counted %v", d.typ, d.bound, got, err, c)
	}
	if powerOf2 := new(big.Int).Lsh(big.NewInt(1), d.bound.TrailingZeroBits()).Cmp(d.bound) == 0; powerOf2 {
		if want := (d.bound.BitLen() - 1 + messageBits - 1) / messageBits; c.jobs != want {
			t.Errorf("%s below %s takes %d bootstraps, want %d", d.typ, d.bound, c.jobs, want)
		}
	}
}

// The blocks of other seeds, types and bounds are others'; the full range and
// its size as a bound are one.
func TestRandomContents(t *testing.T) {
	seen := make(map[fhe.Digest]bool)
	for _, seed := range [][32]byte{{}, {1}} {
		for _, typ := range []fhe.Type{fhe.Uint8, fhe.Uint16} {
			for _, bound := range []*uint256.Int{nil, uint256.NewInt(5), uint256.NewInt(6), uint256.NewInt(1 << typ.Bits())} {
				d, err := newDrawing(typ, bound)
				if err != nil {
					t.Fatal(err)
				}
				seen[d.content(seed)] = true
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d contents, want 12", len(seen))
	}
}

func TestRandomRefuses(t *testing.T) {
	n := realNetwork()
	for name, c := range map[string]struct {
		typ   fhe.Type
		bound *uint256.Int
	}{
		"unknown type":      {99, nil},
		"bound of nothing":  {fhe.Uint8, new(uint256.Int)},
		"bound beyond type": {fhe.Uint8, uint256.NewInt(257)},
		"bounded bool":      {fhe.Bool, uint256.NewInt(1)},
		"bounded int":       {fhe.Int8, uint256.NewInt(5)},
		"no random key":     {fhe.Bool, nil},
	} {
		if _, err := n.Random(t.Context(), n.zeros(), [32]byte{}, c.typ, c.bound); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := RandomCost(fhe.Int8, uint256.NewInt(5)); err == nil {
		t.Error("a bounded int has a cost")
	}
}

// drawingNetwork is realNetwork with its random key.
var drawingNetwork = sync.OnceValue(func() *network {
	n := &network{secret: realNetwork().secret, key: realNetwork().key}
	engine := tfhe.NewEngine(n.key, 0)
	engine.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) { return n.secret.RandomKey(nil).BootstrapKey(), nil })
	n.Evaluator = NewEvaluator(tfhe.Default, engine)
	return n
})

// Random values of known seeds: every machine must reproduce the ciphertexts.
func TestKnownRandom(t *testing.T) {
	n := drawingNetwork()
	for _, c := range []struct {
		typ    fhe.Type
		bound  *uint256.Int
		value  int64
		digest string
	}{
		{fhe.Bool, nil, 1, "0x4c11afe840d049acc5fdb7866decc99f86cf8bee57d156e3fc3e3e4c4e613ac5"},
		{fhe.Uint16, nil, 2156, "0x7587f5344bdab0047a1520842b0fbeb5ca11fc039a17212a1d702fef5a306dcb"},
		{fhe.Int8, nil, 82, "0x32b6f5f77a941700307dcfb4a7be54e5222c7bacbc11c1eb2ca7cfaa76591c9d"},
		{fhe.Uint8, uint256.NewInt(10), 8, "0xdb3ebc2729bb090d65dedcec7553205c528ba56a323774fedc5b1efd23f0a4ef"},
		{fhe.Uint32, uint256.NewInt(1 << 9), 351, "0xa69d657aad40d2c8ece1ce56f04d7f045b8a86d44f01a8f8a2af459c3f9b5552"},
	} {
		got, err := n.Random(t.Context(), n.zeros(), [32]byte{'k', 'n', 'o', 'w', 'n'}, c.typ, c.bound)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := n.decrypt(got); err != nil || v.Int64() != c.value || got.Digest().String() != c.digest {
			t.Errorf("%s below %v is %d, %v, of digest %s; want %d of %s", c.typ, c.bound, v, err, got.Digest(), c.value, c.digest)
		}
	}
}

// Drawn values under a real key, of fixed seeds: blocks and pairs of neighbours
// look uniform, and blocks have the noise of one bootstrap.
func TestRandomStatistics(t *testing.T) {
	n, values := drawingNetwork(), 16
	if testing.Short() {
		values = 2
	}
	var count [base * base]float64
	all := noise{used: make(map[fhe.Digest]bool)}
	for i := range values {
		c, err := n.Random(t.Context(), n.zeros(), [32]byte{'s', byte(i)}, fhe.Uint256, nil)
		if err != nil {
			t.Fatal(err)
		}
		for j, b := range c.Blocks {
			d := n.deviation(b)
			all.add([]sample{{square: d * d / tfhe.Default.BootstrapVariance(), masks: []fhe.Digest{maskDigest(b)}}})
			if j%2 == 0 {
				count[n.secret.Decrypt(b)+base*n.secret.Decrypt(c.Blocks[j+1])]++
			}
		}
	}
	all.check(t)
	chi2, want := 0.0, float64(64*values)/float64(len(count))
	for _, k := range count {
		chi2 += (k - want) * (k - want) / want
	}
	t.Logf("chi-square of pairs: %.1f", chi2)
	if chi2 > 44.3 { // 15 degrees of freedom, 99.99 %
		t.Errorf("chi-square %.1f exceeds 44.3: %v", chi2, count)
	}
}
