package fhe

import (
	"fmt"
	"slices"
)

// Form is one way to call an operation, as far as its cost goes.
type Form struct {
	Op    Op
	Type  Type
	From  Type  // of the operand of a Convert, else 0
	Clear uint8 // bit i: operand i is clear
	Count uint8 // of the operands of a Fold or Member, else 0
}

// String names the form, such as "add uint64 clear 10" or "sum int8 of 3".
func (f Form) String() string {
	row, _ := f.Op.Operator()
	s := fmt.Sprintf("%s %s", f.Op, f.Type)
	switch {
	case row.Shape == Convert:
		s += fmt.Sprintf(" from %s", f.From)
	case f.Count > 0:
		s += fmt.Sprintf(" of %d", f.Count)
	case f.Clear != 0:
		s += fmt.Sprintf(" clear %b", f.Clear)
	}
	return s
}

// Cost is what a circuit of fhe/radix takes: programmable bootstraps, and layers
// of them that follow each other.
type Cost struct{ Bootstraps, Depth int }

// Forms lists all forms that the cost table has, in the order of the operator
// table.
func Forms() []Form {
	out := make([]Form, 0, len(costs))
	for _, row := range operators {
		for _, t := range Types() {
			out = append(out, row.forms(t)...)
		}
	}
	return out
}

// ListCounts are the numbers of operands that the cost table has for lists.
var ListCounts = []uint8{2, 3, 4, 5, 6, 8, 11, 16, 21, 31, 41, 61, 81, MaxList}

func (r Operator) forms(t Type) (out []Form) {
	if !r.On(t) {
		return nil
	}
	f := Form{Op: r.Op, Type: t}
	switch r.Shape {
	case Convert:
		for _, f.From = range Types() {
			out = append(out, f)
		}
	case Fold, Member:
		for _, f.Count = range ListCounts {
			out = append(out, f)
		}
	case Encrypt:
		f.Clear = 1
		out = append(out, f)
	default:
		for _, f.Clear = range r.clearForms() {
			out = append(out, f)
		}
	}
	return out
}

// clearForms are the sets of clear operands that the cost table tells apart. A
// clear operand of a ternary operation is one factor or the divisor, of a choice
// not the condition.
func (r Operator) clearForms() []uint8 {
	switch {
	case !r.Clear:
		return []uint8{0}
	case r.Shape == Ternary, r.Shape == Choose:
		return []uint8{0, 2, 4, 6}
	case r.Swap:
		return []uint8{0, 2}
	}
	return []uint8{0, 1, 2}
}

// Cost is the most that the form takes, over the dearest clear values that searches
// have found: for a list, that
// of the next longer one in ListCounts. It is zero for a form that the table
// does not have.
//
// Operands that are public (trivially encrypted), or that repeat blocks of each
// other, as in a + a, may save some bootstraps, and now and then take a layer
// more.
func (f Form) Cost() Cost {
	if f.Count > 0 {
		i, _ := slices.BinarySearch(ListCounts, f.Count)
		if i == len(ListCounts) {
			return Cost{}
		}
		f.Count = ListCounts[i]
	}
	return costs[f]
}

// Cost is the most that d, which must be well typed, makes a coprocessor run: its
// circuit's, and one bootstrap for each block of an operand from storage, in a
// layer before it.
func (d *Derivation) Cost() Cost {
	return costOf(&operatorRows[d.Op], d.Type, len(d.Operands), d.operand)
}

// operand is the kind of operand i, and its type if that is a handle.
func (d *Derivation) operand(i int) (OperandKind, Type) {
	o := &d.Operands[i]
	return o.Kind, Handle(o.Word).Type()
}

// Stated is what the encoding of a derivation says of its price.
type Stated struct {
	Op   Op
	Type Type
	Cost Cost
}

// ReadStated reads it, or reports that b states no operation. Of what Derivation's UnmarshalBinary accepts, the cost
// is Derivation.Cost. It accepts more, and allocates nothing: whoever has an operation priced need not pay.
func ReadStated(b []byte) (s Stated, ok bool) {
	if len(b) < DomainSize+derivationHeader || len(b) > MaxDerivation {
		return Stated{}, false
	}
	s.Op, s.Type = Op(b[DomainSize]), Type(b[DomainSize+1])
	n, operands := int(b[DomainSize+derivationHeader-1]), b[DomainSize+derivationHeader:]
	row := &operatorRows[s.Op]
	if n == 0 || n > MaxOperands || len(operands) < n*(1+32) || row.Name == "" || !row.On(s.Type) {
		return Stated{}, false
	}
	s.Cost = costOf(row, s.Type, n, func(i int) (OperandKind, Type) {
		return OperandKind(operands[i]), Type(operands[n+32*i+typeAt])
	})
	return s, true
}

// costOf is the cost of an operation on n operands.
func costOf(row *Operator, t Type, n int, operand func(i int) (OperandKind, Type)) Cost {
	c := formOf(row, t, n, operand).Cost()
	unpack := 0
	for i := range n {
		if kind, of := operand(i); kind == Stored {
			c.Bootstraps += of.Blocks()
			unpack = 1
		}
	}
	c.Depth += unpack
	return c
}

// formOf is the row of the cost table that counts.
func formOf(row *Operator, t Type, n int, operand func(i int) (OperandKind, Type)) Form {
	f := Form{Op: row.Op, Type: t}
	switch row.Shape {
	case Convert:
		_, f.From = operand(0)
		return f
	case Fold, Member:
		f.Count = uint8(max(n, int(ListCounts[0])))
		return f
	case Draw, Table:
		return f
	}
	for i := range n {
		if kind, _ := operand(i); kind == Clear {
			f.Clear |= 1 << i
		}
	}
	// The table has one order of those that commute.
	if f.Clear&1 == 1 && (row.Swap && row.Shape != Encrypt || row.Shape == Ternary) {
		f.Clear ^= 3
	}
	return f
}

// InputBootstraps is the number of programmable bootstraps that make clean
// ciphertexts of an input list's values: one for each block.
func InputBootstraps(types []Type) (n int) {
	for _, t := range types {
		n += t.Blocks()
	}
	return n
}
