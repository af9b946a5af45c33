package prss

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"math/bits"

	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// Generator makes one party's shares of masks. It is safe for concurrent use.
// It prints as "[secret]".
type Generator struct {
	epoch threshold.Epoch
	bound uint128 // B1 = 2^stat * B
	terms []term
}

type term struct {
	key         Key
	coefficient shamir.Element
}

// NewGenerator prepares party id's generator from its keys in the order of
// SetsOf. Each mask is a sum of 2*C(n,t) integers in [-2^stat*noise, 2^stat*noise].
func NewGenerator(m Margin, e threshold.Epoch, id threshold.PartyID, keys []Key) (*Generator, error) {
	sets := SetsOf(m.Quorum, id)
	if len(keys) != len(sets) || len(keys) == 0 {
		return nil, fmt.Errorf("party %d has %d PRSS keys, want %d", id, len(keys), len(sets))
	}
	g := &Generator{epoch: e, bound: m.bound()}
	for i, set := range sets {
		g.terms = append(g.terms, term{keys[i], coefficient(m.Quorum, set, id)})
	}
	return g, nil
}

// Format implements fmt.Formatter.
func (*Generator) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// Wipe forgets the keys. No mask may be made any more.
func (g *Generator) Wipe() { clear(g.terms) }

// Mask returns the party's share of the session's mask. It is a function of
// keys, epoch and session alone: asking again gives the same share.
func (g *Generator) Mask(s threshold.Session) (share shamir.Element) {
	for _, t := range g.terms {
		for _, c := range []counter{first, second} {
			x := g.bound.reduce(g.draw(t.key, s, c))
			for k, f := range shamir.Fields {
				share[k] = f.Add(share[k], f.Mul(x[k], t.coefficient[k]))
			}
		}
	}
	return share
}

// counter distinguishes the two integers that a set contributes to a session.
type counter uint8

const (
	first  counter = 0
	second counter = 1
)

const maskTag = "fhevm threshold mask"

// draw expands key into a uniform integer in [0, 2*B1]: 16-byte big-endian
// words of SHAKE256(tag | key | epoch | session | counter), cut to the width
// of 2*B1, the first that does not exceed it. All parts have fixed lengths, so
// different arguments give independent streams.
func (g *Generator) draw(key Key, s threshold.Session, c counter) uint128 {
	h := sha3.NewSHAKE256()
	for _, part := range [][]byte{[]byte(maskTag), key[:], g.epoch.Append(nil), s[:], {byte(c)}} {
		h.Write(part)
	}
	top := g.bound.double()
	var word [16]byte
	for {
		h.Read(word[:])
		x := uint128{binary.BigEndian.Uint64(word[:]), binary.BigEndian.Uint64(word[8:])}.cut(top)
		if !top.less(x) {
			return x
		}
	}
}

// uint128 is an unsigned integer.
type uint128 struct{ hi, lo uint64 }

func (x uint128) double() uint128 { return uint128{x.hi<<1 | x.lo>>63, x.lo << 1} }

func (x uint128) less(y uint128) bool {
	_, borrow := bits.Sub64(x.lo, y.lo, 0)
	_, borrow = bits.Sub64(x.hi, y.hi, borrow)
	return borrow == 1
}

// cut keeps as many low bits of x as top has.
func (x uint128) cut(top uint128) uint128 {
	if top.hi == 0 {
		return uint128{0, x.lo & (1<<bits.Len64(top.lo) - 1)}
	}
	return uint128{x.hi & (1<<bits.Len64(top.hi) - 1), x.lo}
}

// reduce returns x - bound in both fields.
func (bound uint128) reduce(x uint128) (out shamir.Element) {
	for k, f := range shamir.Fields {
		out[k] = f.Sub(f.Reduce(x.hi, x.lo), f.Reduce(bound.hi, bound.lo))
	}
	return out
}
