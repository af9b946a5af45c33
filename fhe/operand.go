package fhe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/holiman/uint256"
)

// OperandKind says what an operand of a derivation is.
type OperandKind uint8

const (
	Stored OperandKind = iota // a handle that was known before this transaction, or an input
	Made                      // a handle that this transaction derived
	Clear                     // a public value

	operandKinds // the number of kinds
)

// Operand is an operand of a derivation. Word is a handle or, of a clear one, a
// big-endian number.
type Operand struct {
	Kind OperandKind
	Word [32]byte
}

// StoredOperand is the operand h.
func StoredOperand(h Handle) Operand { return Operand{Stored, h} }

// MadeOperand is the operand h, a result of the same transaction.
func MadeOperand(h Handle) Operand { return Operand{Made, h} }

// ClearOperand is the public operand v.
func ClearOperand(v *uint256.Int) Operand { return Operand{Clear, v.Bytes32()} }

// Handle is the handle of an encrypted operand.
func (o Operand) Handle() Handle { return o.Word }

// Value is the value of a clear operand.
func (o Operand) Value() *uint256.Int { return new(uint256.Int).SetBytes32(o.Word[:]) }

// AppendOperands appends n(1) | kinds(n) | words(32 each) for at most
// MaxOperands operands.
func AppendOperands(b []byte, operands []Operand) []byte {
	b = append(b, uint8(len(operands)))
	for _, o := range operands {
		b = append(b, uint8(o.Kind))
	}
	for _, o := range operands {
		b = append(b, o.Word[:]...)
	}
	return b
}

// ParseOperands reads what AppendOperands wrote, and returns what follows.
func ParseOperands(b []byte) (operands []Operand, rest []byte, err error) {
	if len(b) < 1 {
		return nil, nil, errors.New("operands are missing")
	}
	n, b := int(b[0]), b[1:]
	if n > MaxOperands || len(b) < n*(1+32) {
		return nil, nil, fmt.Errorf("%d operands in %d bytes, want at most %d in 33 each", n, len(b), MaxOperands)
	}
	kinds, words := b[:n], b[n:]
	operands = make([]Operand, n)
	for i, kind := range kinds {
		if kind >= uint8(operandKinds) {
			return nil, nil, fmt.Errorf("operand %d is of unknown kind %d", i, kind)
		}
		operands[i].Kind = OperandKind(kind)
		copy(operands[i].Word[:], words[32*i:])
	}
	return operands, words[32*n:], nil
}

// CheckOperands applies the rules of the operation on type t that do not depend on
// what handles name: how many operands there are, which may be clear, what fits,
// and how long the table is.
func (r Operator) CheckOperands(t Type, operands []Operand, table []byte) error {
	if want := r.tableSize(t); len(table) != want {
		return fmt.Errorf("%d bytes follow the operands, want a table of %d", len(table), want)
	}
	if r.Shape == Draw {
		return r.checkDraw(t, operands)
	}
	want := r.Signature(t, len(operands))
	if n := len(operands); n != len(want) || n < r.LeastOperands() {
		return fmt.Errorf("takes %s operands, got %d", r.arity(), n)
	}
	for i, o := range operands {
		if o.Kind != Clear {
			continue
		}
		if v := o.Value(); !r.Clear {
			return fmt.Errorf("operand %d may not be clear", i)
		} else if v.BitLen() > want[i].Bits() {
			return fmt.Errorf("operand %d: clear value %s does not fit %s", i, v.Hex(), want[i])
		}
	}
	return r.checkEncrypted(operands)
}

// checkEncrypted demands that there is something to compute on, but for a trivial
// encryption, which takes nothing else than a clear value.
func (r Operator) checkEncrypted(operands []Operand) error {
	vital := operands
	switch r.Shape {
	case Ternary:
		vital = operands[:2]
	case Choose:
		vital = operands[:1]
	}
	all := !slices.ContainsFunc(vital, func(o Operand) bool { return o.Kind != Clear })
	switch {
	case all && r.Shape == Ternary:
		return errors.New("no factor is encrypted: multiply clear values in the contract")
	case all && r.Shape == Choose:
		return errors.New("the condition is not encrypted: choose in the contract")
	case all && r.Shape != Encrypt:
		return errors.New("no operand is encrypted: compute on clear values in the contract")
	case !all && r.Shape == Encrypt:
		return errors.New("takes a clear value")
	}
	return nil
}

// checkDraw checks the seed, which may be any, and the bound.
func (r Operator) checkDraw(t Type, operands []Operand) error {
	want := 1
	if r.Op == RandBounded {
		want = 2
	}
	if len(operands) != want {
		return fmt.Errorf("takes %d operands, got %d", want, len(operands))
	}
	for i, o := range operands {
		if o.Kind != Clear {
			return fmt.Errorf("operand %d must be clear", i)
		}
	}
	if r.Op != RandBounded {
		return nil
	}
	bound := operands[1].Value()
	if below := new(uint256.Int).SubUint64(bound, 1); bound.IsZero() || below.BitLen() > t.Bits() {
		return fmt.Errorf("bound is %s, want 1 to 2^%d", bound.Dec(), t.Bits())
	}
	return nil
}

// TableSize is the number of entries of a look-up table.
const TableSize = 256

// tableSize is the number of bytes of the table of an operation on type t.
func (r Operator) tableSize(t Type) int {
	if r.Shape != Table {
		return 0
	}
	return TableSize * t.Bits() / 8
}

// TableEntries reads a look-up table of an operation on type t: TableSize entries
// of t's width, big-endian.
func TableEntries(table []byte, t Type) ([]uint16, error) {
	width := t.Bits() / 8
	if width < 1 || width > 2 || len(table) != width*TableSize {
		return nil, fmt.Errorf("table of %s has %d bytes, want %d", t, len(table), width*TableSize)
	}
	out := make([]uint16, TableSize)
	for i := range out {
		if width == 1 {
			out[i] = uint16(table[i])
		} else {
			out[i] = binary.BigEndian.Uint16(table[2*i:])
		}
	}
	return out, nil
}
