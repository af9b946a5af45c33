package dkg

import (
	"errors"

	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// Everything that is opened was shared with degree 2t, and is opened by the shares
// of all n = 3t+1 parties: words of such a code differ in t+1 places, so that up to
// t wrong shares are always seen, and none is taken for right. Whose shares are
// wrong is another question, which the run answers when it has been given up.

// errShares says that the shares of some opening lie on no polynomial of degree 2t.
var errShares = errors.New("shares do not fit together")

// opener opens elements of one narrow field.
type opener struct {
	field  shamir.Field
	zero   []uint64   // weights of parties 1 to 2t+1
	parity [][]uint64 // t rows
}

func newOpener(f shamir.Field, q threshold.Quorum) *opener {
	zero, parity := shamir.CheckRows(f, q.All(), 2*q.T)
	return &opener{f, zero, parity}
}

// open sets dst to the secrets whose shares the parties have, in order of their ids.
func (o *opener) open(dst []uint64, shares [][]uint64) error {
	var word [threshold.MaxParties]uint64
	values := word[:len(shares)]
	for x := range dst {
		for i, s := range shares {
			values[i] = s[x]
		}
		for _, row := range o.parity {
			if o.field.Dot(row, values) != 0 {
				return errShares
			}
		}
		dst[x] = o.field.Dot(o.zero, values[:len(o.zero)])
	}
	return nil
}

// wideOpener opens wide elements.
type wideOpener struct {
	zero   []wide
	parity [][]wide
}

func newWideOpener(q threshold.Quorum) *wideOpener {
	points := make([]wide, q.N)
	for i := range points {
		points[i] = wideInt(int64(i + 1))
	}
	o := &wideOpener{zero: wideWeights(points[:2*q.T+1])}
	for i := range o.zero {
		for j, y := range points[:2*q.T+1] {
			if i != j {
				o.zero[i] = o.zero[i].mul(y.neg())
			}
		}
	}
	row := wideWeights(points)
	for range q.T {
		o.parity = append(o.parity, row)
		next := make([]wide, len(row))
		for i := range row {
			next[i] = row[i].mul(points[i])
		}
		row = next
	}
	return o
}

// wideWeights returns 1/prod_{j != i} (x_i - x_j).
func wideWeights(xs []wide) []wide {
	out := make([]wide, len(xs))
	for i, x := range xs {
		p := wideInt(1)
		for j, y := range xs {
			if i != j {
				p = p.mul(x.sub(y))
			}
		}
		out[i] = p.inv()
	}
	return out
}

func (o *wideOpener) open(shares [][]wide) ([]wide, error) {
	out := make([]wide, len(shares[0]))
	for x := range out {
		for _, row := range o.parity {
			if wideDot(row, shares, x) != (wide{}) {
				return nil, errShares
			}
		}
		out[x] = wideDot(o.zero, shares, x)
	}
	return out, nil
}

// wideDot is the sum of weights times what the parties have at x.
func wideDot(weights []wide, shares [][]wide, x int) (sum wide) {
	for i, w := range weights {
		sum = sum.add(w.mul(shares[i][x]))
	}
	return sum
}

// openers open chunks.
type openers [narrows]*opener

func newOpeners(q threshold.Quorum) (out openers) {
	for k, f := range fields {
		out[k] = newOpener(f, q)
	}
	return out
}

// open sets dst to what the parties' shares, in order of their ids, say.
func (o *openers) open(dst *chunk, shares []*chunk) error {
	rows := make([][]uint64, len(shares))
	for k := range dst.words {
		for i, s := range shares {
			rows[i] = s.words[k]
		}
		if err := o[k].open(dst.words[k], rows); err != nil {
			return err
		}
	}
	for k := range dst.squash {
		for i, s := range shares {
			rows[i] = s.squash[k]
		}
		if err := o[k].open(dst.squash[k], rows); err != nil {
			return err
		}
	}
	return nil
}
