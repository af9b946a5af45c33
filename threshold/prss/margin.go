package prss

import (
	"fmt"
	"math"
	"math/big"

	"fhevm/fhe/squash"
	"fhevm/threshold"
)

// Margin is what flooding takes and gives: masks of up to 2^Stat*Noise from
// each uniform draw hide noise of up to Noise.
type Margin struct {
	Quorum threshold.Quorum
	Noise  uint64 // B: bound of a squashed ciphertext's noise, except with probability 2^-128
	Stat   int    // bits by which masks exceed noise
}

// minStat is the least Stat that is put up with: the advantage of one opening
// is then about 2^-37.
const minStat = 40

// NewMargin returns the margin with the largest Stat that the modulus leaves
// room for, and refuses noise that leaves less than 40 bits.
func NewMargin(q threshold.Quorum, noise uint64) (Margin, error) {
	m := Margin{Quorum: q, Noise: noise, Stat: int(math.Floor(Room(q, noise)))}
	return m, m.Check()
}

// MarginOf returns the margin that the committee's epoch fixes, after Check.
// It also refuses an epoch whose noise bound is below that of squashed
// ciphertexts as they are made now.
func MarginOf(c *threshold.Committee) (Margin, error) {
	m := Margin{Quorum: c.Quorum(), Noise: c.Noise, Stat: c.Stat}
	if bound := squash.NoiseBound(); new(big.Int).SetUint64(m.Noise).Cmp(bound) < 0 {
		return m, fmt.Errorf("epoch %d drowns noise up to %d, squashed ciphertexts have up to %v", c.Epoch.Number, m.Noise, bound)
	}
	return m, m.Check()
}

// Check asserts that masked noise never reaches a wrong plaintext,
// 2*C(n,t)*2^Stat*B + B < Q/2^6, and that Stat is at least 40. A process that
// decrypts refuses to start otherwise: opened values would be wrong in silence.
func (m Margin) Check() error {
	if m.Stat < minStat || m.Stat > 64 {
		return fmt.Errorf("flooding margin of %d parties at noise %d is %d bits, want at least %d", m.Quorum.N, m.Noise, m.Stat, minStat)
	}
	if m.MaxOpened().Cmp(squash.Margin()) >= 0 {
		return fmt.Errorf("flooding margin: masks of %d parties at noise %d and %d bits exceed Q/2^6", m.Quorum.N, m.Noise, m.Stat)
	}
	return nil
}

// MaxOpened is the largest distance of an opened phase from its plaintext, in
// units of 1/Q.
func (m Margin) MaxOpened() *big.Int {
	b := new(big.Int).SetUint64(m.Noise)
	masks := new(big.Int).Lsh(b, uint(m.Stat)+1)
	masks.Mul(masks, new(big.Int).Binomial(int64(m.Quorum.N), int64(m.Quorum.T)))
	return masks.Add(masks, b)
}

// Room is the largest Stat, with its fraction, that the modulus leaves for the
// quorum and noise bound: log2((Q/2^6 - B) / (2*C(n,t)*B)).
func Room(q threshold.Quorum, noise uint64) float64 {
	b := new(big.Int).SetUint64(max(noise, 1))
	room, _ := new(big.Float).SetInt(new(big.Int).Sub(squash.Margin(), b)).Float64()
	c, _ := new(big.Float).SetInt(new(big.Int).Binomial(int64(q.N), int64(q.T))).Float64()
	return math.Log2(room) - 1 - math.Log2(c) - math.Log2(float64(max(noise, 1)))
}

// Advantage bounds the statistical distance, after m openings, between masked
// noise and masks alone (eprint 2025/699, lemma 18, with |e| <= B):
//
//	m*B/B1^2 + sqrt(m*B^2*(ln B1 + 2) / (2*(B1^2 + B1)))
func (m Margin) Advantage(openings float64) float64 {
	ratio := math.Exp2(-float64(m.Stat)) // B/B1
	b1 := float64(m.Noise) / ratio
	return openings*ratio/b1 + ratio*math.Sqrt(openings*(math.Log(b1)+2)/2)
}

// limitLog bounds the advantage that all openings of a key together may give:
// 2^limitLog.
const limitLog = -24

// Limit is the number of distinct squashed blocks that may be opened under one
// key over its whole life: the largest power of two, up to 2^62, that keeps
// Advantage at or below 2^-24.
func (m Margin) Limit() uint64 {
	limit := uint64(1)
	for limit < 1<<62 && m.Advantage(float64(2*limit)) <= math.Exp2(limitLog) {
		limit *= 2
	}
	return limit
}

// bound is B1 = 2^Stat * Noise; Check keeps it within 128 bits.
func (m Margin) bound() uint128 {
	if m.Stat >= 64 {
		return uint128{m.Noise, 0}
	}
	return uint128{m.Noise >> (64 - m.Stat), m.Noise << m.Stat}
}
