package reshare

import (
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// The algebra of one attempt over the first field, for one secret: everything
// that anyone sees is a linear function of what was drawn, which is the secret,
// the coefficients of its old sharing, and for each old member and each set of
// new ones a mask.
type algebra struct {
	old, next threshold.Quorum
	sets      []threshold.PartySet
}

var field = shamir.Fields[0]

// row is a linear function of what was drawn.
type row []uint64

func (a *algebra) zero() row { return make(row, 1+a.old.T+a.old.N*len(a.sets)) }

func (r row) plus(factor uint64, o row) row {
	out := append(row(nil), r...)
	for i := range out {
		out[i] = field.Add(out[i], field.Mul(factor, o[i]))
	}
	return out
}

func (a *algebra) secret() row { r := a.zero(); r[0] = 1; return r }

// oldShare is the share of an old member.
func (a *algebra) oldShare(j threshold.PartyID) row {
	r := a.zero()
	x := uint64(1)
	for i := range a.old.T + 1 {
		r[i], x = x, field.Mul(x, uint64(j))
	}
	return r
}

// drawn is what the key of a set gives for an old member's mask.
func (a *algebra) drawn(j threshold.PartyID, set int) row {
	r := a.zero()
	r[1+a.old.T+int(j-1)*len(a.sets)+set] = 1
	return r
}

// mask is an old member's mask at a point: at 0 itself, else a new member's share.
func (a *algebra) mask(j threshold.PartyID, at uint64) row {
	r := a.zero()
	for s, set := range a.sets {
		r = r.plus(prss.Coefficient(field, a.next, set, threshold.PartyID(at)), a.drawn(j, s))
	}
	return r
}

// said is what an old member tells the new ones.
func (a *algebra) said(j threshold.PartyID) row { return a.oldShare(j).plus(1, a.mask(j, 0)) }

// through applies a linear function of field elements, one for each old member,
// to what new member i has as its shares of the old members' shares.
func (a *algebra) through(i threshold.PartyID, f func([]shamir.Element) shamir.Element) row {
	out := a.zero()
	for j := range a.old.All().All() {
		unit := make([]shamir.Element, a.old.N)
		unit[j-1] = shamir.Element{1, 1}
		own := a.said(j).plus(field.Modulus()-1, a.mask(j, uint64(i)))
		out = out.plus(f(unit)[0], own)
	}
	return out
}

// view is everything that corrupt members of both committees see.
func (a *algebra) view(old, next threshold.PartySet) (rows []row) {
	for j := range a.old.All().All() {
		rows = append(rows, a.said(j))
		if old.Has(j) {
			rows = append(rows, a.oldShare(j), a.mask(j, 0))
			for i := range a.next.All().All() {
				rows = append(rows, a.mask(j, uint64(i))) // it is told all shares of its mask
			}
		}
		for s, set := range a.sets {
			if set&next != 0 {
				rows = append(rows, a.drawn(j, s))
			}
		}
	}
	code := shamir.NewSyndrome(a.old.All(), a.old.T)
	for i := range a.next.All().All() {
		for k := range code.Len() {
			rows = append(rows, a.through(i, func(x []shamir.Element) shamir.Element { return code.Of(x)[k] }))
		}
		if next.Has(i) {
			rows = append(rows, a.through(i, code.Secret))
		}
	}
	return rows
}

func rank(rows []row) int {
	m := make([]row, len(rows))
	for i, r := range rows {
		m[i] = append(row(nil), r...)
	}
	done := 0
	for c := 0; done < len(m) && c < len(m[0]); c++ {
		pivot := done
		for pivot < len(m) && m[pivot][c] == 0 {
			pivot++
		}
		if pivot == len(m) {
			continue
		}
		m[done], m[pivot] = m[pivot], m[done]
		inverse := field.Inv(m[done][c])
		for i := done + 1; i < len(m); i++ {
			if m[i][c] != 0 {
				m[i] = m[i].plus(field.Modulus()-field.Mul(m[i][c], inverse), m[done])
			}
		}
		done++
	}
	return done
}

// determines reports whether the secret is a function of the view.
func (a *algebra) determines(old, next threshold.PartySet) bool {
	rows := a.view(old, next)
	return rank(rows) == rank(append(rows, a.secret()))
}

// TestViewIsIndependentOfSecret: for a linear view of uniform draws, either the
// secret is a function of the view, or every value of it explains the view
// equally well. What t old and t new members see, whichever they are, is of the
// second kind; one more of either committee makes it the first.
func TestViewIsIndependentOfSecret(t *testing.T) {
	for _, c := range [][2]int{{4, 4}, {4, 7}, {7, 4}} {
		a := &algebra{old: threshold.Quorum{N: c[0], T: (c[0] - 1) / 3}, next: threshold.Quorum{N: c[1], T: (c[1] - 1) / 3}}
		a.sets = prss.Sets(a.next)
		for old := range subsets(a.old, a.old.T, 5) {
			for next := range subsets(a.next, a.next.T, 5) {
				if a.determines(old, next) {
					t.Errorf("%d to %d: old %v and new %v together know the secret", c[0], c[1], old, next)
				}
			}
		}
		some, most := threshold.PartySet(0), threshold.PartySet(0)
		for s := range subsets(a.old, a.old.T+1, 1) {
			some = s
		}
		for s := range subsets(a.next, a.next.T+1, 1) {
			most = s
		}
		if !a.determines(some, 0) || !a.determines(0, most) {
			t.Errorf("%d to %d: t+1 members do not know the secret: the test shows nothing", c[0], c[1])
		}
	}
}

// subsets yields up to count subsets of a size.
func subsets(q threshold.Quorum, size, count int) func(func(threshold.PartySet) bool) {
	return func(yield func(threshold.PartySet) bool) {
		for s := threshold.PartySet(0); s <= q.All() && count > 0; s += 2 {
			if s.Len() == size {
				if count--; !yield(s) {
					return
				}
			}
		}
	}
}
