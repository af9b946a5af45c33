package fhe

import "fmt"

// Op is an operation on encrypted values. The numbers are those of the
// established executor and are part of every derivation.
type Op uint8

const (
	Add     Op = 0
	Sub     Op = 1
	Mul     Op = 2
	And     Op = 5
	Or      Op = 6
	Xor     Op = 7
	Eq      Op = 12
	Ne      Op = 13
	Ge      Op = 14
	Gt      Op = 15
	Le      Op = 16
	Lt      Op = 17
	Min     Op = 18
	Max     Op = 19
	Neg     Op = 20
	Not     Op = 21
	Cast    Op = 23
	Trivial Op = 24
	Select  Op = 25
)

// Shape says which operands an operation takes and what it returns, as a
// function of one type T.
type Shape uint8

const (
	Binary  Shape = iota // (T, T or clear T) -> T
	Compare              // (T, T or clear T) -> bool
	Unary                // (T) -> T
	Choose               // (bool, T, T) -> T
	Convert              // (T) -> U
	Encrypt              // (clear T) -> T
)

// Operator is one row of the operator table: the single source that drives
// the precompile and its gas, the evaluator, the Solidity library, the SDK and
// the reference documentation.
type Operator struct {
	Op    Op
	Name  string // as in FHE.sol: FHE.<Name>
	Shape Shape
	Bool  bool // defined on bool as well as on integers
	Clear bool // the right operand may be clear
	Swap  bool // commutative: op(clear, x) is op(x, clear)
	Doc   string
}

var operators = []Operator{
	{Add, "add", Binary, false, true, true, "a + b, wrapping around"},
	{Sub, "sub", Binary, false, true, false, "a - b, wrapping around"},
	{Mul, "mul", Binary, false, true, true, "a * b, wrapping around"},
	{And, "and", Binary, true, true, true, "bitwise and"},
	{Or, "or", Binary, true, true, true, "bitwise or"},
	{Xor, "xor", Binary, true, true, true, "bitwise exclusive or"},
	{Eq, "eq", Compare, true, true, true, "a == b"},
	{Ne, "ne", Compare, true, true, true, "a != b"},
	{Ge, "ge", Compare, false, true, false, "a >= b"},
	{Gt, "gt", Compare, false, true, false, "a > b"},
	{Le, "le", Compare, false, true, false, "a <= b"},
	{Lt, "lt", Compare, false, true, false, "a < b"},
	{Min, "min", Binary, false, true, true, "the smaller of a and b"},
	{Max, "max", Binary, false, true, true, "the larger of a and b"},
	{Neg, "neg", Unary, false, false, false, "-a, wrapping around"},
	{Not, "not", Unary, true, false, false, "bitwise complement"},
	{Cast, "cast", Convert, true, false, false, "a in another type: truncated, zero-extended, or a != 0 for bool"},
	{Trivial, "trivialEncrypt", Encrypt, true, true, false, "a ciphertext of a public value, without secrecy"},
	{Select, "select", Choose, true, false, false, "ifTrue where control holds, else ifFalse"},
}

// Operators returns the operator table.
func Operators() []Operator { return operators }

// Operator returns o's row of the operator table.
func (o Op) Operator() (Operator, error) {
	for _, row := range operators {
		if row.Op == o {
			return row, nil
		}
	}
	return Operator{}, fmt.Errorf("unknown operation %d", uint8(o))
}

// String is the operation's name in the table.
func (o Op) String() string {
	if row, err := o.Operator(); err == nil {
		return row.Name
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// On reports whether the operation is defined on operands of type t. For
// Convert and Encrypt, t is the result type.
func (r Operator) On(t Type) bool { return t.Valid() && (t != Bool || r.Bool) }

// Operands lists the types of the encrypted operands for the type t of the
// operation (the result type, except for Compare where it is the operands').
// With clear set, the right operand is clear and left out. For Convert the
// operand's own type is free and reported as t.
func (r Operator) Operands(t Type, clear bool) []Type {
	switch r.Shape {
	case Choose:
		return []Type{Bool, t, t}
	case Encrypt:
		return nil
	case Binary, Compare:
		if !clear {
			return []Type{t, t}
		}
	}
	return []Type{t}
}

// Result is the type of the result of the operation on type t.
func (r Operator) Result(t Type) Type {
	if r.Shape == Compare {
		return Bool
	}
	return t
}
