package opening_test

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/opening"
	"fhevm/threshold/shamir"
)

// The tests here demonstrate what SECURITY.md says is not guaranteed: t+1
// parties that collude are the committee.

// TestColludersReadTheSecret: t+1 parties' shares are the secret key.
func TestColludersReadTheSecret(t *testing.T) {
	for _, size := range sizes {
		d := lwetest.Deal(t, size, 99)
		q := d.Margin.Quorum
		colluders := slices.Collect(q.All().All())[q.T:][:q.T+1]
		secret := make([]shamir.Element, squash.Dim)
		for _, id := range colluders {
			encoding, weight := d.Secrets[id-1].Share.Append(nil), atZero(id, colluders)
			for i := range secret {
				for k, f := range shamir.Fields {
					share := binary.BigEndian.Uint64(encoding[8*(k*squash.Dim+i):])
					secret[i][k] = f.Add(secret[i][k], f.Mul(share, weight[k]))
				}
			}
		}
		for i, bit := range d.Bits {
			if secret[i] != (shamir.Element{uint64(bit), uint64(bit)}) {
				t.Fatalf("n=%d: bit %d reads %v, is %d", size, i, secret[i], bit)
			}
		}
	}
}

// atZero is the weight of a colluder's share in the secret: prod j/(j-id) over
// the others.
func atZero(id threshold.PartyID, colluders []threshold.PartyID) shamir.Element {
	out := shamir.Element{1, 1}
	for k, f := range shamir.Fields {
		for _, j := range colluders {
			if j != id {
				out[k] = f.Mul(out[k], f.Mul(uint64(j), f.Inv(f.Sub(uint64(j), uint64(id)))))
			}
		}
	}
	return out
}

// TestColludersForgeAValue: where the network is slow for t honest parties, t+1
// that collude have every other honest one open a value of theirs. It is the
// honest ones that come late who are blamed.
func TestColludersForgeAValue(t *testing.T) {
	for _, size := range sizes {
		d := lwetest.Deal(t, size, 99)
		c := liar.NewCase(t, d, 5, fhe.Uint8)
		q := c.Margin.Quorum
		parties := slices.Collect(q.All().All())
		believed, late, colluders := parties[:q.T], parties[q.T:2*q.T], parties[2*q.T:]
		m, err := opening.New(c.Margin, 1, c.Types, c.Partials[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range believed[1:] {
			m.Answered(id, opening.NewAnswer(c.Partials[id]))
		}
		for _, id := range colluders {
			forged := slices.Clone(c.Partials[id])
			forged[0].Share = forged[0].Share.Add(liar.Vanishing(flip(c), believed, id))
			m.Answered(id, opening.NewAnswer(forged))
		}
		values, err := m.Values()
		if err != nil || values[0].Uint64() != c.Want[0].Uint64()^1 || len(m.Blames()) != 0 {
			t.Errorf("n=%d: opened %v, %v, where %v is encrypted and the forgery's last bit differs", size, values, err, c.Want)
		}
		for _, id := range late {
			m.Answered(id, opening.NewAnswer(c.Partials[id]))
		}
		for i, b := range m.Blames() {
			if b != (threshold.Blame{Party: late[i], Reason: threshold.WrongShares}) {
				t.Errorf("n=%d: blamed are %v", size, m.Blames())
			}
		}
	}
}

// flip is one step of plaintexts, Q/32, up or down so that the value's last bit
// flips.
func flip(c *liar.Case) (e shamir.Element) {
	step := new(big.Int).Rsh(squash.Modulus(), 5)
	if c.Want[0].Uint64()&1 == 1 {
		step.Sub(squash.Modulus(), step)
	}
	for k, q := range squash.Moduli() {
		e[k] = new(big.Int).Mod(step, new(big.Int).SetUint64(q)).Uint64()
	}
	return e
}
