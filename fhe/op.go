package fhe

import "fmt"

// Op is an operation on encrypted values. The numbers are those of the
// established executor, from 64 on our own, and are part of every derivation.
type Op uint8

const (
	Add           Op = 0
	Sub           Op = 1
	Mul           Op = 2
	Div           Op = 3
	Rem           Op = 4
	And           Op = 5
	Or            Op = 6
	Xor           Op = 7
	Shl           Op = 8
	Shr           Op = 9
	Rotl          Op = 10
	Rotr          Op = 11
	Eq            Op = 12
	Ne            Op = 13
	Ge            Op = 14
	Gt            Op = 15
	Le            Op = 16
	Lt            Op = 17
	Min           Op = 18
	Max           Op = 19
	Neg           Op = 20
	Not           Op = 21
	Cast          Op = 23
	Trivial       Op = 24
	Select        Op = 25
	Rand          Op = 26
	RandBounded   Op = 27
	Sum           Op = 28
	IsIn          Op = 29
	MulDiv        Op = 30
	TryAdd        Op = 64
	TrySub        Op = 65
	TryMul        Op = 66
	SaturatingAdd Op = 67
	SaturatingSub Op = 68
	Isqrt         Op = 69
	Ilog2         Op = 70
	CountOnes     Op = 71
	LeadingZeros  Op = 72
	TrailingZeros Op = 73
	Lookup        Op = 74
	Lookup2       Op = 75
)

// Shape says which operands an operation takes and what it returns, as a
// function of one type T.
type Shape uint8

const (
	Binary  Shape = iota // (T, T) -> T
	Compare              // (T, T) -> bool
	Unary                // (T) -> T
	Choose               // (bool, T, T) -> T
	Convert              // (U) -> T
	Encrypt              // (clear T) -> T
	Shift                // (T, uint8) -> T
	Ternary              // (T, T, T) -> T
	Fold                 // (T, ..., T) -> T
	Member               // (T, T, ..., T) -> bool
	Checked              // (T, T) -> (T, bool)
	Measure              // (T) -> uint16
	Draw                 // seed and bound -> T
	Table                // (uint8), or two of them, and a table of T -> T
)

// MaxList is the largest number of operands of a Fold or Member.
const MaxList = 101

// Operator is one row of the operator table: the single source that drives
// the precompile and its gas, the evaluator, the Solidity library, the SDK and
// the reference documentation.
type Operator struct {
	Op    Op
	Name  string // as in FHE.sol: FHE.<Name>
	Shape Shape
	Kinds Kinds // of the types T that it is defined on
	Clear bool  // operands may be clear, though not all of them
	Swap  bool  // commutative: op(clear, x) is op(x, clear)
	Doc   string
}

var operators = []Operator{
	{Add, "add", Binary, Numbers, true, true, "a + b, wrapping around"},
	{Sub, "sub", Binary, Numbers, true, false, "a - b, wrapping around"},
	{Mul, "mul", Binary, Numbers, true, true, "a * b, wrapping around"},
	{Div, "div", Binary, Numbers, true, false, "a / b, rounded towards zero; all bits set where b is 0"},
	{Rem, "rem", Binary, Numbers, true, false, "a - b * (a / b), with the sign of a; a where b is 0"},
	{And, "and", Binary, Bools | Numbers, true, true, "bitwise and"},
	{Or, "or", Binary, Bools | Numbers, true, true, "bitwise or"},
	{Xor, "xor", Binary, Bools | Numbers, true, true, "bitwise exclusive or"},
	{Shl, "shl", Shift, Numbers, true, false, "a shifted left by b modulo its width"},
	{Shr, "shr", Shift, Numbers, true, false, "a shifted right by b modulo its width, keeping the sign of signed types"},
	{Rotl, "rotl", Shift, Numbers, true, false, "a rotated left by b modulo its width"},
	{Rotr, "rotr", Shift, Numbers, true, false, "a rotated right by b modulo its width"},
	{Eq, "eq", Compare, All, true, true, "a == b"},
	{Ne, "ne", Compare, All, true, true, "a != b"},
	{Ge, "ge", Compare, Numbers | Addresses, true, false, "a >= b"},
	{Gt, "gt", Compare, Numbers | Addresses, true, false, "a > b"},
	{Le, "le", Compare, Numbers | Addresses, true, false, "a <= b"},
	{Lt, "lt", Compare, Numbers | Addresses, true, false, "a < b"},
	{Min, "min", Binary, Numbers, true, true, "the smaller of a and b"},
	{Max, "max", Binary, Numbers, true, true, "the larger of a and b"},
	{Neg, "neg", Unary, Numbers, false, false, "-a, wrapping around"},
	{Not, "not", Unary, Bools | Numbers, false, false, "bitwise complement"},
	{Cast, "cast", Convert, All, false, false, "a in another type: truncated, extended with its sign where it has one, or a != 0 for bool"},
	{Trivial, "trivialEncrypt", Encrypt, All, true, true, "a ciphertext of a public value, without secrecy"},
	{Select, "select", Choose, All, true, false, "ifTrue where control holds, else ifFalse"},
	{Sum, "sum", Fold, Numbers, true, true, "the sum of a list, wrapping around"},
	{IsIn, "isIn", Member, All, true, false, "whether a list holds the value"},
	{MulDiv, "mulDiv", Ternary, Uints, true, false, "a * b / c of the full product, then wrapping around; all bits set where c is 0"},
	{TryAdd, "tryAdd", Checked, Numbers, true, true, "a + b, wrapping around, and whether it did not"},
	{TrySub, "trySub", Checked, Numbers, true, false, "a - b, wrapping around, and whether it did not"},
	{TryMul, "tryMul", Checked, Numbers, true, true, "a * b, wrapping around, and whether it did not"},
	{SaturatingAdd, "saturatingAdd", Binary, Numbers, true, true, "a + b, or the nearest value of the type"},
	{SaturatingSub, "saturatingSub", Binary, Numbers, true, false, "a - b, or the nearest value of the type"},
	{Isqrt, "isqrt", Unary, Uints, false, false, "the square root, rounded down"},
	{Ilog2, "ilog2", Measure, Uints, false, false, "the logarithm to base 2, rounded down; 65535 where a is 0"},
	{CountOnes, "countOnes", Measure, Numbers, false, false, "how many bits are set"},
	{LeadingZeros, "leadingZeros", Measure, Numbers, false, false, "how many bits above the highest one set; the width where a is 0"},
	{TrailingZeros, "trailingZeros", Measure, Numbers, false, false, "how many bits below the lowest one set; the width where a is 0"},
	{Rand, "rand", Draw, All, false, false, "a random value"},
	{RandBounded, "randBounded", Draw, Uints, false, false, "a random value below a public bound"},
	{Lookup, "lookup", Table, Uints, false, false, "entry a of a table of 256"},
	{Lookup2, "lookup2", Table, Uints, false, false, "entry (a modulo 16) + 16 * (b modulo 16) of a table of 256"},
}

// Operators returns the operator table.
func Operators() []Operator { return operators }

// operatorRows is the operator table by number, a row without a name for each that
// is none.
var operatorRows = func() (rows [256]Operator) {
	for _, row := range operators {
		rows[row.Op] = row
	}
	return rows
}()

// Operator returns o's row of the operator table.
func (o Op) Operator() (Operator, error) {
	if row := operatorRows[o]; row.Name != "" {
		return row, nil
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

// On reports whether the operation is defined on type t, which is the type of
// its first result, except for Compare, Member and Measure, where it is that of
// its first operand. The entries of a table have at most 16 bits. Decision 0013 says
// why types lack operations.
func (r Operator) On(t Type) bool {
	if r.Shape == Table && t.Bits() > 16 {
		return false
	}
	return t.Kind()&r.Kinds != 0
}

// LeastOperands is the smallest number of operands, of a list: that of a Member is
// the value and one element.
func (r Operator) LeastOperands() int {
	if r.Shape == Member {
		return 2
	}
	return 1
}

// arity is the number of operands, in words.
func (r Operator) arity() string {
	switch r.Shape {
	case Fold, Member:
		return fmt.Sprintf("%d to %d", r.LeastOperands(), MaxList)
	}
	return fmt.Sprint(len(r.Signature(Uint64, 0)))
}

// Signature lists the types of all operands for the type t of the operation;
// those of a Fold or Member are n, all of type t.
func (r Operator) Signature(t Type, n int) []Type {
	switch r.Shape {
	case Fold, Member:
		list := make([]Type, n)
		for i := range list {
			list[i] = t
		}
		return list
	case Choose:
		return []Type{Bool, t, t}
	case Ternary:
		return []Type{t, t, t}
	case Shift:
		return []Type{t, Uint8}
	case Draw:
		return nil
	case Table:
		if r.Op == Lookup2 {
			return []Type{Uint8, Uint8}
		}
		return []Type{Uint8}
	case Unary, Convert, Measure, Encrypt:
		return []Type{t}
	}
	return []Type{t, t}
}

// Results lists the types of the results of the operation on type t.
func (r Operator) Results(t Type) []Type {
	switch r.Shape {
	case Compare, Member:
		return []Type{Bool}
	case Measure:
		return []Type{Uint16}
	case Checked:
		return []Type{t, Bool}
	}
	return []Type{t}
}

// Result is the type of the first result of the operation on type t.
func (r Operator) Result(t Type) Type { return r.Results(t)[0] }
