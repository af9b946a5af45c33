package main

import (
	"fmt"
	"log"
	"math/big"
	"slices"
	"strings"

	"fhevm/fhe"

	"github.com/holiman/uint256"
)

// Codes of the types of operands and results in the twin's rows; any other code is
// 1 more than the number of a type.
const (
	ownType   = 0
	boundCode = 0xfe
	anyType   = 0xff
	noResult  = 0xff
)

// Ways to find the column of an operation's costs.
const (
	bySet = iota
	bySource
	byCount
)

// refusedSet is the nibble of a set of clear operands that is refused.
const refusedSet = 15

// ranked are the types in the order of the rows of costs: those of one kind follow
// each other, so that most operations are defined on the first few.
var ranked = func() []fhe.Type {
	order := []fhe.Kinds{fhe.Uints, fhe.Ints, fhe.Bools, fhe.Addresses}
	types := fhe.Types()
	slices.SortStableFunc(types, func(a, b fhe.Type) int {
		return slices.Index(order, a.Kind()) - slices.Index(order, b.Kind())
	})
	return types
}()

// operatorTable renders the twin's copy of the operator table and its costs.
func operatorTable() string {
	f := newFile(pinnedCompiler)
	f.codes()
	f.line(tableIntroduction)
	f.line("library OperatorTable {")
	f.typeWords()
	f.listColumns()
	f.typeNames()
	f.line("\n    /// @notice The row of operation `op`, without a name if there is none.")
	f.line("    function row(uint256 op) internal pure returns (Operator memory operator) {")
	for _, row := range fhe.Operators() {
		f.row(row)
	}
	f.line("    }\n}")
	return f.String()
}

// codes adds what the twin and the rows agree on.
func (f *file) codes() {
	for _, c := range []struct {
		doc, name string
		value     int
	}{
		{"The size of the longest derivation.", "MAX_DERIVATION", fhe.MaxDerivation},
		{"Code of an operand or result of the type of the operation.", "OWN_TYPE", ownType},
		{"Code of a clear operand from 1 to 2^bits of the type of the operation.", "BOUND", boundCode},
		{"Code of an operand of any type.", "ANY_TYPE", anyType},
		{"Stands for the second result of an operation that has one.", "NO_RESULT", noResult},
		{"Stands for the column of a set of clear operands that is refused.", "REFUSED", refusedSet},
		{"The column of the costs is the rank of the type of operand 0.", "BY_SOURCE", bySource},
		{"The column of the costs follows from the number of operands.", "BY_COUNT", byCount},
	} {
		f.line("/// @dev %s\nuint256 constant %s = %d;\n", c.doc, c.name, c.value)
	}
}

const tableIntroduction = `/// @dev A row of the operator table.
/// kinds: those of the types T that it is defined on: 1 bool, 2 unsigned, 4 signed, 8 address. bits:
/// of the widest of them.
/// least, most: how many operands it takes.
/// operands: byte i, from the low end, is the type of operand i: a code above, else 1 more than the
/// type's number.
/// first, second: the types of its results likewise.
/// entries: of its look-up table, or 0.
/// sets: nibble s, from the low end, is for the set s of clear operands, in which operand i is bit i; of
/// a list s is 0 if none is clear, 1 if some are, 3 if all are. It is REFUSED, or the column of the costs.
/// by: BY_SOURCE or BY_COUNT where the column is found otherwise, else 0. columns: how many there are.
/// costs: bootstraps(3) | depth(2) for each column of each type, types in the order of their ranks.
struct Operator {
    string name;
    uint256 kinds;
    uint256 bits;
    uint256 least;
    uint256 most;
    uint256 operands;
    uint256 first;
    uint256 second;
    uint256 entries;
    uint256 sets;
    uint256 by;
    uint256 columns;
    bytes costs;
}

/// @title The operator table, the types and the cost table, for the twins of the precompiles`

// typeWords adds what there is to know of types: byte t of a word is of type t.
func (f *file) typeWords() {
	var kinds, bits, ranks [32]byte
	for rank, t := range ranked {
		at := 31 - int(t)
		kinds[at], bits[at], ranks[at] = byte(t.Kind()), byte(t.Bits()-1), byte(rank)
	}
	f.line("    /// @dev Byte t, from the low end, is of type t: its kind, 0 for none, its bits less 1, its rank.")
	f.line("    /// No arithmetic on them overflows, for a type is a byte.")
	f.line("    uint256 private constant KINDS = %#x;", new(big.Int).SetBytes(kinds[:]))
	f.line("    uint256 private constant BITS = %#x;", new(big.Int).SetBytes(bits[:]))
	f.line("    uint256 private constant RANKS = %#x;", new(big.Int).SetBytes(ranks[:]))
	f.function("@notice The kind of type `t`, 0 if there is no such type.", "function kind(uint256 t) internal pure returns (uint256)", "unchecked { return (KINDS >> (8 * t)) & 255; }")
	f.function("@notice The width of values of type `t`.", "function width(uint256 t) internal pure returns (uint256)", "unchecked { return ((BITS >> (8 * t)) & 255) + 1; }")
	f.function("@notice The number of blocks of a ciphertext of type `t`.", "function blocks(uint256 t) internal pure returns (uint256)",
		fmt.Sprintf("unchecked { return (width(t) + %d) / %d; }", fhe.MessageBits-1, fhe.MessageBits))
	f.function("@notice The rank of type `t` in rows of costs.", "function rank(uint256 t) internal pure returns (uint256)", "unchecked { return (RANKS >> (8 * t)) & 255; }")
}

// listColumns adds the columns of lists: those of n operands count as the next longer
// list of the cost table.
func (f *file) listColumns() {
	var words [2]big.Int
	for n := range fhe.MaxList + 1 {
		column, _ := slices.BinarySearch(fhe.ListCounts, uint8(max(n, 1)))
		nibble := new(big.Int).Lsh(big.NewInt(int64(column)), uint(4*(n%64)))
		words[n/64].Or(&words[n/64], nibble)
	}
	f.line("\n    /// @dev Nibble n, from the low end, is the column of lists of n operands, and of 64 + n.")
	f.line("    uint256 private constant SHORT_LISTS = %#x;", &words[0])
	f.line("    uint256 private constant LONG_LISTS = %#x;", &words[1])
	f.function("@notice The column of costs of lists of `n` operands.", "function listColumn(uint256 n) internal pure returns (uint256)",
		"return ((n < 64 ? SHORT_LISTS : LONG_LISTS) >> (4 * (n % 64))) & 15;")
}

func (f *file) typeNames() {
	f.line("\n    /// @notice The name of type `t`, empty if there is no such type.")
	f.line("    function typeName(uint256 t) internal pure returns (string memory name) {")
	for _, t := range fhe.Types() {
		f.line("        if (t == %d) return %q;", t, t)
	}
	f.line("    }")
}

func (f *file) row(row fhe.Operator) {
	bits, defined := 0, 0
	for rank, t := range ranked {
		if row.On(t) {
			bits, defined = max(bits, t.Bits()), rank+1
		}
	}
	least, most := len(row.Signature(fhe.Uint8, 0)), len(row.Signature(fhe.Uint8, 0))
	switch row.Shape {
	case fhe.Fold, fhe.Member:
		least, most = row.LeastOperands(), fhe.MaxList
	case fhe.Draw:
		least = drawn(row)
		most = least
	}
	results := append(resultCodes(row), noResult)
	entries := 0
	if row.Shape == fhe.Table {
		entries = fhe.TableSize
	}
	sets, by, columns := costColumns(row)
	f.line("        if (op == %d) {\n            return Operator(", row.Op)
	f.line("                %q, %d, %d, %d, %d, %#x, %d, %d, %d, %#x, %d, %d,", row.Name, row.Kinds, bits, least, most,
		operandCodes(row), results[0], results[1], entries, sets, by, len(columns))
	for _, t := range ranked[:defined] {
		f.line("                hex\"%s\" // %s", costs(row, t, columns), t)
	}
	f.line("            );\n        }")
}

// drawn is the number of operands of a random value: its seed, and its bound.
func drawn(row fhe.Operator) int {
	if row.Op == fhe.RandBounded {
		return 2
	}
	return 1
}

// operandCodes packs the types of the operands; those of lists are the type of the
// operation, which is 0.
func operandCodes(row fhe.Operator) uint32 {
	switch row.Shape {
	case fhe.Convert:
		return anyType
	case fhe.Draw:
		return uint32(fhe.Uint256) + 1 | uint32(boundCode<<8)&(1<<(8*drawn(row))-1)
	}
	return pack(encode(func(t fhe.Type) []fhe.Type { return row.Signature(t, 3) }))
}

func resultCodes(row fhe.Operator) []uint8 { return encode(row.Results) }

// encode tells the types that follow the operation's type from those that are fixed.
func encode(types func(fhe.Type) []fhe.Type) []uint8 {
	a, b := types(fhe.Uint128), types(fhe.Uint256)
	out := make([]uint8, len(a))
	for i := range a {
		if out[i] = ownType; a[i] == b[i] {
			out[i] = uint8(a[i]) + 1
		}
	}
	return out
}

func pack(codes []uint8) (word uint32) {
	for i, c := range codes {
		word |= uint32(c) << (8 * i)
	}
	return word
}

// column makes the operands with which a column of costs is measured.
type column func(t fhe.Type) []fhe.Operand

// costColumns says how the costs of an operation are found, and lists their columns.
func costColumns(row fhe.Operator) (sets uint32, by int, columns []column) {
	switch row.Shape {
	case fhe.Convert:
		for _, from := range ranked {
			columns = append(columns, func(fhe.Type) []fhe.Operand { return []fhe.Operand{handle(from)} })
		}
		sets, _ = clearSets(row)
		return sets, bySource, columns
	case fhe.Fold, fhe.Member:
		for _, n := range fhe.ListCounts {
			columns = append(columns, func(t fhe.Type) []fhe.Operand { return operands(row, t, int(n), 0) })
		}
		return listSets(row), byCount, columns
	}
	sets, columns = clearSets(row)
	return sets, bySet, columns
}

// clearSets asks which sets of clear operands the operation takes, and numbers those
// that cost the same alike.
func clearSets(row fhe.Operator) (sets uint32, columns []column) {
	var known []string
	for s := 7; s >= 0; s-- {
		c := column(func(t fhe.Type) []fhe.Operand { return operands(row, t, 3, s) })
		nibble := refusedSet
		if accepts(row, c) && s>>len(c(fhe.Uint8)) == 0 {
			cost := allCosts(row, c)
			if nibble = slices.Index(known, cost); nibble < 0 {
				nibble, known, columns = len(known), append(known, cost), append(columns, c)
			}
		}
		sets = sets<<4 | uint32(nibble)
	}
	return sets, columns
}

// listSets says whether none, some or all operands of a list may be clear.
func listSets(row fhe.Operator) uint32 {
	sets := ^uint32(0)
	for s, clear := range map[int]int{0: 0, 1: 1, 3: 7} {
		if accepts(row, func(t fhe.Type) []fhe.Operand { return operands(row, t, 3, clear) }) {
			sets &^= refusedSet << (4 * s)
		}
	}
	return sets
}

// accepts reports whether the operation takes the operands on the first type that it
// is defined on.
func accepts(row fhe.Operator, c column) bool {
	t := ranked[slices.IndexFunc(ranked, row.On)]
	var table []byte
	if row.Shape == fhe.Table {
		table = make([]byte, fhe.TableSize*t.Bits()/8)
	}
	return row.CheckOperands(t, c(t), table) == nil
}

// operands are those of an operation on type t, n of a list, all made in the
// transaction but for the set of clear ones.
func operands(row fhe.Operator, t fhe.Type, n, clear int) []fhe.Operand {
	types := row.Signature(t, n)
	if row.Shape == fhe.Draw {
		types = make([]fhe.Type, drawn(row))
	}
	out := make([]fhe.Operand, len(types))
	for i, typ := range types {
		if out[i] = handle(typ); clear>>i&1 == 1 {
			out[i] = fhe.ClearOperand(uint256.NewInt(1))
		}
	}
	return out
}

func handle(t fhe.Type) fhe.Operand {
	return fhe.MadeOperand(fhe.NewHandle(fhe.Digest{1}, fhe.Computed, 0, t, fhe.Version))
}

func allCosts(row fhe.Operator, c column) string {
	var s strings.Builder
	for _, t := range ranked {
		s.WriteString(costs(row, t, []column{c}))
	}
	return s.String()
}

// costs are those of the operation on type t in hexadecimal, zeros where it is not
// defined.
func costs(row fhe.Operator, t fhe.Type, columns []column) string {
	var s strings.Builder
	for _, c := range columns {
		var cost fhe.Cost
		if row.On(t) {
			d := fhe.Derivation{Op: row.Op, Type: t, Operands: c(t)}
			cost = d.Cost()
		}
		if cost.Bootstraps >= 1<<24 || cost.Depth >= 1<<16 {
			log.Fatalf("%s on %s costs %+v, more than 5 bytes hold", row.Name, t, cost)
		}
		fmt.Fprintf(&s, "%06x%04x", cost.Bootstraps, cost.Depth)
	}
	return s.String()
}
