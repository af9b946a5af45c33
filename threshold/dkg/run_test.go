package dkg

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"fhevm/accel/ntt"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
)

// open returns secrets of degree t modulo prime k by the shares of t+1 honest parties.
func (n *net) open(k int, shares func(*secret) []uint64) []uint64 {
	f, few := fields[k], slices.Collect(n.honest().All())[:n.run.quorum.T+1]
	out := make([]uint64, len(shares(n.machines[few[0]].secret)))
	for _, i := range few {
		w := uint64(1)
		for _, j := range few {
			if i != j {
				w = f.Mul(w, f.Mul(uint64(j), f.Inv(f.Sub(uint64(j), uint64(i)))))
			}
		}
		for x, s := range shares(n.machines[i].secret) {
			out[x] = f.Add(out[x], f.Mul(w, s))
		}
	}
	return out
}

// bits opens secret bits, which must be bits, and the same in all fields.
func (n *net) bits(name string, fields int, shares func(s *secret, k int) []uint64) []uint64 {
	n.t.Helper()
	first := n.open(0, func(s *secret) []uint64 { return shares(s, 0) })
	ones := 0
	for k := range fields {
		for i, b := range n.open(k, func(s *secret) []uint64 { return shares(s, k) }) {
			if b > 1 || b != first[i] {
				n.t.Fatalf("bit %d of the %s is %d modulo prime %d, %d modulo the first", i, name, b, k, first[i])
			}
			ones += int(b)
		}
	}
	if ones /= fields; len(first) > 1000 && (ones < len(first)*2/5 || ones > len(first)*3/5) {
		n.t.Errorf("%d of %d bits of the %s are set", ones, len(first), name)
	}
	return first
}

// TestRun has committees of 4 and of 7 make keys, and checks with the secrets, which
// nobody but the test puts together, that all rows encrypt what they should with
// errors as large as they should be.
func TestRun(t *testing.T) {
	t.Parallel()
	for i, parties := range []int{4, 7} {
		run := newTestRun(t, parties, &small)
		n := newNet(t, run, uint64(i))
		n.play()
		for id, m := range n.machines {
			if !m.Done() {
				t.Fatalf("party %d of %d: %v, waits for %v of %v", id, parties, m.Failure(), m.phase, m.Awaited())
			}
			if got, want := m.Keys().digests(), n.machines[1].Keys().digests(); string(got) != string(want) {
				t.Errorf("party %d of %d has other keys", id, parties)
			}
			if !run.Certified(m.Certificate(), m.Keys().ID(), m.Keys().Squash.Digest()) {
				t.Errorf("party %d of %d has no certificate", id, parties)
			}
		}
		n.checkKeys()
	}
}

// assembly is the keys as an honest party has them.
func (n *net) assembly() *assembly {
	for id := range n.honest().All() {
		return n.machines[id].assembly
	}
	return nil
}

// checkSecrets checks that what the parties share is bits, those of the public key and
// of the squash key, which it returns with those of the big and the small key.
func (n *net) checkSecrets() (big, small []uint64) {
	p, a := n.run.Params, n.assembly()
	big = n.bits("big key", narrows, func(s *secret, k int) []uint64 { return s.bigBits[k] })
	small = n.bits("small key", narrows, func(s *secret, k int) []uint64 { return s.small[k] })
	squashed := n.bits("squash key", squashers, func(s *secret, k int) []uint64 { return s.squash[k] })
	n.checkRow("public key", a.tfhe.PublicMask(), a.tfhe.PublicBodies(), big, func(int) uint64 { return 0 }, n.largest())
	for i := range p.LWEDim {
		n.checkSquash(i, small[i], squashed)
	}
	return big, small
}

// largest bounds the errors of GLWE rows.
func (n *net) largest() int64 {
	return int64(Shared(n.run.Params, n.run.quorum).KeyShares) << n.run.Params.GLWENoise
}

func (n *net) checkKeys() {
	p, a := n.run.Params, n.assembly()
	big, small := n.checkSecrets()
	random := n.bits("random key", narrows, func(s *secret, k int) []uint64 { return s.random[k] })
	for i := range p.LWEDim {
		for name, row := range map[string]struct {
			masks  func(int, func(int, []uint64))
			bodies []uint64
			bit    uint64
		}{
			"evaluation key": {a.tfhe.BootstrapMasks, a.tfhe.BootstrapBodies(i), small[i]},
			"random key":     {a.tfhe.RandomMasks, a.tfhe.RandomBodies(i), random[i]},
		} {
			weight := row.bit << (64 - p.BootstrapBaseLog)
			row.masks(i, func(r int, mask []uint64) {
				n.checkRow(name, mask, row.bodies[r*p.PolySize:][:p.PolySize], big, func(x int) uint64 {
					if r == 0 {
						return -weight * big[x]
					}
					return weight * uint64(1-min(x, 1))
				}, n.largest())
			})
		}
		n.checkPacking(i, small)
	}
	n.checkSwitch(big, small)
}

// checkRow compares bodies with mask*secret + message.
func (n *net) checkRow(name string, mask, bodies, secret []uint64, message func(x int) uint64, limit int64) {
	n.t.Helper()
	var largest int64
	for x, b := range bodies {
		e := b - message(x)
		for j, s := range secret {
			if j <= x {
				e -= s * mask[x-j]
			} else {
				e += s * mask[len(bodies)+x-j]
			}
		}
		largest = max(largest, int64(e), -int64(e))
	}
	if largest > limit || largest < limit/4 {
		n.t.Errorf("largest error of a row of the %s is %d, want at most %d", name, largest, limit)
	}
}

func (n *net) checkSwitch(big, small []uint64) {
	p, a := n.run.Params, n.assembly()
	seen := make(map[int32]int)
	for j := range p.BigDim() {
		a.tfhe.KeySwitchMasks(j, func(l int, mask []uint32) {
			e := a.tfhe.KeySwitchBodies(j)[l] - uint32(big[j])<<(32-p.KeySwitchBaseLog*(l+1))
			for i, w := range mask {
				e -= w * uint32(small[i])
			}
			seen[int32(e)]++
		})
	}
	rows := float64(p.KeySwitchDigits())
	for e, count := range seen { // TUniform(2): 4 and -4 are half as likely as the others
		want := rows / 8
		if e == 4 || e == -4 {
			want /= 2
		}
		if e < -4 || e > 4 || float64(count) < want*0.85 || float64(count) > want*1.15 {
			n.t.Errorf("error %d has %d of %g rows", e, count, rows)
		}
	}
}

func (n *net) checkPacking(i int, small []uint64) {
	p, a := n.run.Params, n.assembly()
	limit := int32(Shared(p, n.run.quorum).KeyShares) << p.LWENoise
	a.tfhe.PackingMasks(i, func(l, _ int, mask []uint32) { // one polynomial has all of so few bits
		for x := range p.PackSize {
			e := a.tfhe.PackingBodies(i)[l*p.PackSize+x]
			if x == 0 {
				e -= uint32(small[i]) << (32 - p.PackBaseLog*(l+1))
			}
			for j, s := range small {
				if j <= x {
					e -= uint32(s) * mask[x-j]
				} else {
					e += uint32(s) * mask[p.PackSize+x-j]
				}
			}
			if v := int32(e); v > limit || v < -limit {
				n.t.Errorf("packing row %d of bit %d has error %d at %d, want at most %d", l, i, v, x, limit)
			}
		}
	})
}

// checkSquash compares row i of the squash key with what the secret says.
func (n *net) checkSquash(i int, bit uint64, secret []uint64) {
	limit := uint64(Shared(n.run.Params, n.run.quorum).KeyShares) << squash.NoiseLog
	matrices := n.assembly().masks(i) // with the opened bodies in their places
	for k := range squashers {
		m := transforms()[k]
		linear, want, scale := squash.NewLinear(k, secret), new(ntt.Digits), new(ntt.Digits)
		linear.Bodies(want, matrices[k], bit, new(ntt.Digits))
		one := new(ntt.Digits)
		one[0][0] = 1
		linear.Bodies(scale, make([]uint64, ntt.MatrixWords), 0, one)
		unscale, largest := m.Inv(scale[0][0]), uint64(0)
		for r := range want {
			e := new(ntt.Poly)
			for x := range e {
				e[x] = m.Mul(unscale, m.Sub(matrices[k][ntt.MatrixIndex(r, ntt.Columns-1, x)], want[r][x]))
			}
			m.Inverse(e)
			for _, v := range e {
				largest = max(largest, min(v, m.Q-v))
			}
		}
		if largest > limit || largest < limit/2 {
			n.t.Errorf("largest error of row %d of the squash key is %d modulo prime %d, want at most %d", i, largest, k, limit)
		}
	}
}

// TestSecret gives each party what the committee's service decrypts with.
func TestSecret(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 2)
	m := n.machines[2]
	if _, err := m.Secret(); err == nil {
		t.Error("a secret of a run that has not begun")
	}
	n.play()
	s, err := m.Secret()
	if err != nil {
		t.Fatal(err)
	}
	if s.Committee.Epoch.Key != m.Keys().ID() || s.Committee.Epoch.SquashKey != m.Keys().Squash.Digest() || s.Party != 2 {
		t.Errorf("a secret of party %d, %+v", s.Party, s.Committee.Epoch)
	}
	if _, err := s.Key(); err != nil {
		t.Error(err)
	}
	for verb, v := range map[string]any{"%v": m, "%+v": m, "%x": m.own[2|4], "%s": m} {
		if got := fmt.Sprintf(verb, v); got != threshold.Redacted {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

// TestStart refuses what a run could not keep.
func TestStart(t *testing.T) {
	c := *newTestRun(t, 4, &small).Committee
	c.Noise = squash.NoiseBound().Uint64()
	if _, err := NewRun(&c, &small, fhe.Digest{}, 0); err == nil {
		t.Error("a committee that drowns too little noise")
	}
	real := newTestRun(t, 7, &tfhe.Default)
	for kind := Commitments; kind < Verdict; kind++ {
		if n := 1 + real.quorum.T*(4+headSize+real.limit(kind)); n > maxBody {
			t.Errorf("a verdict on %v has %d bytes, want at most %d", kind, n, maxBody)
		}
	}
	ten := newTestRun(t, 10, &small)
	if _, err := NewRun(ten.Committee, &tfhe.Default, fhe.Digest{}, 0); err == nil {
		t.Error("keys of ten parties with the default set")
	}
	for _, parties := range []int{4, 7, 10, 13} {
		q := threshold.Quorum{N: parties, T: (parties - 1) / 3}
		if largestOpened(q).Cmp(product()) >= 0 {
			t.Errorf("%d parties: opened integers wrap around", parties)
		}
		sets := new(big.Int).Binomial(int64(q.N), int64(q.T))
		if sets.Lsh(sets, maskBits).Cmp(new(big.Int).Lsh(big.NewInt(1), 126)) > 0 {
			t.Errorf("%d parties: masks wrap around", parties)
		}
	}
}

// TestHiding refuses sets of which more would be opened, or more carried, than the
// random multiples of the modulus hide, and takes those that just fit.
func TestHiding(t *testing.T) {
	c := newTestRun(t, 4, &small).Committee
	for _, tc := range []struct {
		change func(p *tfhe.Params)
		want   string
	}{
		{func(p *tfhe.Params) { p.PackLevel = 21799 }, ""}, // 10240 + 3*(8192 + 256*21799) = 2^24 - 768 openings
		{func(p *tfhe.Params) { p.PackLevel = 21800 }, "integers are opened"},
		{func(p *tfhe.Params) { p.PolySize, p.GLWEDim = 2047, 2 }, ""},
		{func(p *tfhe.Params) { p.PolySize, p.GLWEDim = 4095, 1 }, "carry up to 4097 multiples"},
		{func(p *tfhe.Params) { p.GLWENoise = 75 }, "carry up to 6146 multiples"},
		{func(p *tfhe.Params) { p.LWENoise = 43 }, "carry up to 4101 multiples"},
	} {
		p := small
		tc.change(&p)
		run := &Run{Committee: c, Params: &p, quorum: c.Quorum()}
		switch err := run.checkOpened(); {
		case tc.want == "" && err != nil:
			t.Errorf("%+v: %v", p, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%+v: %v, want %q", p, err, tc.want)
		}
	}
	p := small
	p.PackLevel = 21800
	if _, err := NewRun(c, &p, fhe.Digest{}, 0); err == nil || !strings.Contains(err.Error(), "integers are opened") {
		t.Errorf("a run that opens too much: %v", err)
	}
}
