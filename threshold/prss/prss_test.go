package prss

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// noise is the bound that the squash's noise model gives, about 2^40.2. The
// transcripts depend on it: the model may not move unnoticed.
const noise = 1_234_972_823_165

func TestNoiseIsThatOfTheSquash(t *testing.T) {
	if b := squash.NoiseBound(); b.Cmp(big.NewInt(noise)) != 0 {
		t.Errorf("the squash's noise bound is %v, want %d", b, noise)
	}
}

var epoch = threshold.Epoch{Number: 7, Key: fhe.Digest{1}, SquashKey: fhe.Digest{2}}

func quorum(t *testing.T, n int) threshold.Quorum {
	t.Helper()
	q, err := threshold.NewQuorum(n)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// setup returns every party's generator and the keys of all sets.
func setup(t *testing.T, n int) (threshold.Quorum, []*Generator, map[threshold.PartySet]Key) {
	t.Helper()
	q := quorum(t, n)
	m, err := NewMargin(q, noise)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[threshold.PartySet]Key{}
	for i, set := range Sets(q) {
		k := Key{}
		binary.BigEndian.PutUint32(k[:], uint32(i+1))
		keys[set] = k
	}
	gens := make([]*Generator, n+1)
	for id := range q.All().All() {
		var own []Key
		for _, set := range SetsOf(q, id) {
			own = append(own, keys[set])
		}
		if gens[id], err = NewGenerator(m, epoch, id, own); err != nil {
			t.Fatal(err)
		}
	}
	return q, gens, keys
}

func session(i uint64) (s threshold.Session) {
	binary.BigEndian.PutUint64(s[:], i)
	return s
}

// TestMaskIsASharing opens masks and compares with the sum of all integers in
// math/big; every integer and the sum are within their bounds.
func TestMaskIsASharing(t *testing.T) {
	modulus := squash.Modulus()
	for _, n := range []int{4, 7, 10, 13} {
		q, gens, keys := setup(t, n)
		bound := new(big.Int).Lsh(big.NewInt(noise), uint(stat(gens[1])))
		for i := range uint64(8) {
			sum := new(big.Int)
			for _, key := range keys {
				for _, c := range []counter{first, second} {
					x := toBig(gens[1].draw(key, session(i), c))
					if x.Cmp(new(big.Int).Lsh(bound, 1)) > 0 {
						t.Fatalf("integer %v exceeds twice the bound %v", x, bound)
					}
					sum.Add(sum, x.Sub(x, bound))
				}
			}
			if limit := new(big.Int).Mul(bound, big.NewInt(int64(2*len(keys)))); sum.CmpAbs(limit) > 0 {
				t.Fatalf("mask %v exceeds %v", sum, limit)
			}
			o := shamir.NewOpening(q, 1)
			for id := range q.All().All() {
				if err := o.Add(id, []shamir.Element{gens[id].Mask(session(i))}); err != nil {
					t.Fatal(err)
				}
			}
			sum.Mod(sum, modulus)
			for k, f := range shamir.Fields {
				want := new(big.Int).Mod(sum, new(big.Int).SetUint64(f.Modulus())).Uint64()
				if got := o.Secrets()[0][k]; got != want {
					t.Errorf("n=%d session %d field %d: opened %d, want %d", n, i, k, got, want)
				}
			}
			if o.Liars() != 0 {
				t.Errorf("n=%d: honest masks blame %v", n, o.Liars())
			}
		}
	}
}

func toBig(x uint128) *big.Int {
	b := new(big.Int).SetUint64(x.hi)
	return b.Lsh(b, 64).Add(b, new(big.Int).SetUint64(x.lo))
}

func stat(g *Generator) int { return toBig(g.bound).BitLen() - big.NewInt(noise).BitLen() }

// TestEveryCorruptSetMissesOneKey: whatever t parties collude, exactly one key
// is unknown to them.
func TestEveryCorruptSetMissesOneKey(t *testing.T) {
	for _, n := range []int{4, 7, 10, 13} {
		q := quorum(t, n)
		for corrupt := threshold.PartySet(0); corrupt <= q.All(); corrupt += 2 {
			if corrupt.Len() != q.T {
				continue
			}
			missing := 0
			for _, set := range Sets(q) {
				if set&corrupt == 0 {
					missing++
				}
			}
			if missing != 1 {
				t.Fatalf("n=%d: parties %v miss %d keys, want 1", n, corrupt, missing)
			}
		}
	}
}

// TestDrawsAreDisjoint: no two of (key, epoch, session, counter) share a draw.
func TestDrawsAreDisjoint(t *testing.T) {
	_, gens, keys := setup(t, 7)
	later := *gens[1]
	later.epoch.Number++
	seen := map[uint128]string{}
	for name, g := range map[string]*Generator{"epoch 7": gens[1], "epoch 8": &later} {
		for set, key := range keys {
			for i := range uint64(300) {
				for _, c := range []counter{first, second} {
					at := fmt.Sprint(name, set, i, c)
					x := g.draw(key, session(i), c)
					if other, dup := seen[x]; dup {
						t.Fatalf("%s draws the same as %s", at, other)
					}
					seen[x] = at
				}
			}
		}
	}
}

// TestDrawIsUniform counts draws from a small range, where a bias of the
// rejection would show. Sessions are fixed, so the statistic is too.
func TestDrawIsUniform(t *testing.T) {
	g := &Generator{epoch: epoch, bound: uint128{0, 6}} // [0, 12]: 13 of 16 words
	var counts [13]float64
	const draws = 26000
	for i := range uint64(draws) {
		counts[g.draw(Key{9}, session(i), first).lo]++
	}
	chi2 := 0.0
	for _, c := range counts {
		chi2 += (c - draws/13) * (c - draws/13) / (draws / 13)
	}
	if chi2 > 32.9 { // 99.9 % of chi-squared with 12 degrees of freedom
		t.Errorf("chi-squared %.1f of %v", chi2, counts)
	}
}

// TestTranscript pins the bytes of the expansion for all time: a change would
// mask one squashed block twice with different masks.
func TestTranscript(t *testing.T) {
	for n, want := range map[int]string{
		4:  "0x63ca50d06be9d25b075b4489c9bdb879b95d78dd1cab95c307c8564bee8eb2c4",
		13: "0x9b977d997becb3c73b9a5e205ce563cff8304447952c16e43b13275be213b026",
	} {
		q, gens, _ := setup(t, n)
		var b []byte
		for id := range q.All().All() {
			for i := range uint64(4) {
				b = gens[id].Mask(session(i)).Append(b)
			}
		}
		if got := fhe.Keccak(b).String(); got != want {
			t.Errorf("n=%d: masks hash to %s, want %s", n, got, want)
		}
	}
}

// TestMarginTable: the best Stat for each committee, and that the next one is
// refused by the same integers.
func TestMarginTable(t *testing.T) {
	for n, want := range map[int]float64{4: 50.83, 7: 48.44, 10: 45.93, 13: 43.35} {
		q := quorum(t, n)
		if room := Room(q, noise); math.Abs(room-want) > 0.01 {
			t.Errorf("n=%d: room for %.2f bits, want %.2f", n, room, want)
		}
		m, err := NewMargin(q, noise)
		if err != nil || m.Stat != int(want) {
			t.Fatalf("n=%d: %d bits and %v, want %d", n, m.Stat, err, int(want))
		}
		m.Stat++
		if m.Check() == nil {
			t.Errorf("n=%d: a margin of %d bits is accepted", n, m.Stat)
		}
	}
}

func TestMarginRefusesNoise(t *testing.T) {
	q := quorum(t, 13)
	if m, err := NewMargin(q, noise<<5); err == nil {
		t.Errorf("noise of 2^45 leaves %d bits and is accepted", m.Stat)
	}
	if m, err := NewMargin(q, 0); err == nil {
		t.Errorf("noise 0 gives %d bits and is accepted", m.Stat)
	}
}

// TestLimitKeepsAdvantage: the limit respects the advantage and is the largest
// power of two that does.
func TestLimitKeepsAdvantage(t *testing.T) {
	for n, want := range map[int]uint64{4: 1 << 46, 7: 1 << 43, 10: 1 << 37, 13: 1 << 33} {
		m, err := NewMargin(quorum(t, n), noise)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Limit(); got != want {
			t.Errorf("n=%d: limit 2^%.0f, want 2^%.0f", n, math.Log2(float64(got)), math.Log2(float64(want)))
		}
		if m.Advantage(float64(m.Limit())) > math.Exp2(limitLog) || m.Advantage(float64(2*m.Limit())) <= math.Exp2(limitLog) {
			t.Errorf("n=%d: limit %d does not fit its advantage", n, m.Limit())
		}
	}
}

// TestAdvantageTable compares with published evaluations of the same lemma,
// for noise 2^70 and masks of 40, 44 and 48 bits.
func TestAdvantageTable(t *testing.T) {
	for _, c := range []struct{ stat, log, want float64 }{
		{40, 0, -37.4}, {40, 20, -27.4}, {44, 32, -25.3}, {48, 40, -25.3},
	} {
		m := Margin{Noise: 1 << 63, Stat: int(c.stat)}
		// The logarithm of the mask's bound moves by 7 bits of 110: below 0.06.
		if got := math.Log2(m.Advantage(math.Exp2(c.log))); math.Abs(got-c.want) > 0.12 {
			t.Errorf("stat %v, 2^%v openings: 2^%.2f, want 2^%v", c.stat, c.log, got, c.want)
		}
	}
}

// TestSecretsDoNotPrint formats a key and a generator in every verb.
func TestSecretsDoNotPrint(t *testing.T) {
	_, gens, _ := setup(t, 4)
	for _, v := range []any{Key{1, 2}, gens[1]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			if got := fmt.Sprintf(verb, v); got != threshold.Redacted {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
}
