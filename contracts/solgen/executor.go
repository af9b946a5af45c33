package main

import (
	"fmt"
	"strings"

	"fhevm/fhe"
)

// entry is the executor's function for a row of the operator table that has an
// established one: the others are ordered by number. Each shape has a handler in
// FHEVMExecutor.sol.
type entry struct {
	row          fhe.Operator
	name, params string
	handler      string
}

// own is the first number of the operations that no established executor has.
const own = 64

var handlers = map[fhe.Shape]struct{ name, params string }{
	fhe.Binary:  {"_binary", "bytes32 lhs, bytes32 rhs, bytes1 scalarByte"},
	fhe.Compare: {"_binary", "bytes32 lhs, bytes32 rhs, bytes1 scalarByte"},
	fhe.Shift:   {"_shift", "bytes32 lhs, bytes32 rhs, bytes1 scalarByte"},
	fhe.Unary:   {"_unary", "bytes32 ct"},
	fhe.Choose:  {"_choose", "bytes32 control, bytes32 ifTrue, bytes32 ifFalse"},
	fhe.Ternary: {"_ternary", "bytes32 factor1, bytes32 factor2, bytes32 divisor, bytes1 scalarByte"},
	fhe.Convert: {"_convert", "bytes32 ct, FheType toType"},
	fhe.Encrypt: {"_encrypt", "uint256 pt, FheType toType"},
	fhe.Fold:    {"_fold", "bytes32[] calldata values, FheType resultType"},
	fhe.Member:  {"_member", "bytes32 value, bytes32[] calldata values, FheType valueType"},
	fhe.Draw:    {"_draw", "FheType randType"},
}

func entries() []entry {
	var out []entry
	for _, row := range fhe.Operators() {
		if row.Op >= own {
			continue
		}
		h := handlers[row.Shape]
		if row.Op == fhe.RandBounded {
			h.name, h.params = "_drawBounded", "uint256 upperBound, "+h.params
		}
		out = append(out, entry{row: row, name: executorName(row), params: h.params, handler: h.name})
	}
	return out
}

// arguments are the names in the parameters.
func (e entry) arguments() string {
	var names []string
	for p := range strings.SplitSeq(e.params, ", ") {
		names = append(names, p[strings.LastIndex(p, " ")+1:])
	}
	return strings.Join(names, ", ")
}

// executorName is the established name of the executor's function.
func executorName(row fhe.Operator) string {
	switch row.Op {
	case fhe.And, fhe.Or, fhe.Xor:
		return "fheBit" + title(row.Name)
	case fhe.Select:
		return "fheIfThenElse"
	case fhe.Cast, fhe.Trivial:
		return row.Name
	}
	return "fhe" + title(row.Name)
}

func title(s string) string { return string(s[0]-'a'+'A') + s[1:] }

func executorInterface() string {
	f := newFile(anyCompiler)
	f.line("import {FheType} from \"./FheType.sol\";\n")
	f.line("/// @title Orders operations on encrypted values")
	f.line("/// @notice Each function returns the handles of its results. The caller needs a right on every")
	f.line("/// encrypted operand. Bit i of scalarByte says that operand i, counted from the right, is a clear")
	f.line("/// value and not a handle: 0x01 is a clear rhs, 0x02 a clear lhs.")
	f.line("interface IFHEVMExecutor {")
	f.line("    /// @notice Accepts an encrypted input of `user` for the caller.")
	f.line("    function verifyInput(bytes32 inputHandle, address user, bytes calldata inputProof, FheType inputType)")
	f.line("        external\n        returns (bytes32 result);")
	f.function("@notice The contract that checks encrypted inputs.", "function getInputVerifierAddress() external view returns (address)", "")
	f.function("@notice Any operation of the operator table but a random value, by its number. Bit i of `clear` says that operand i, "+
		"counted from the left, is a clear value; `table` holds the entries of a look-up, big-endian, and is empty for all others.",
		"function order(uint8 op, FheType fheType, bytes32[] calldata operands, uint256 clear, bytes calldata table) external returns (bytes32[] memory results)", "")
	f.function("@notice The same for the first `n` of three operands, without lists to encode: returns the first result.",
		"function order3(uint8 op, FheType fheType, uint256 n, bytes32 a, bytes32 b, bytes32 c, uint256 clear) external returns (bytes32 result)", "")
	for _, e := range entries() {
		f.function("@notice "+sentence(e.row.Doc), fmt.Sprintf("function %s(%s) external returns (bytes32 result)", e.name, e.params), "")
	}
	f.line("}")
	return f.String()
}

func operations() string {
	f := newFile(pinnedCompiler)
	f.line("import {FheType} from \"../lib/FheType.sol\";")
	f.line("import {IFHEVMExecutor} from \"../lib/IFHEVMExecutor.sol\";\n")
	f.line("uint8 constant DIV = %d;", fhe.Div)
	f.line("uint8 constant REM = %d;", fhe.Rem)
	f.line("uint8 constant CAST = %d;", fhe.Cast)
	f.line("uint8 constant TRIVIAL_ENCRYPT = %d;", fhe.Trivial)
	f.line("uint8 constant RAND = %d;", fhe.Rand)
	f.line("uint8 constant RAND_BOUNDED = %d;\n", fhe.RandBounded)
	f.line("/// @title The numbers of the operations")
	f.line("/// @dev Each function hands its operation's number to the handler of the operation's shape.")
	f.line("abstract contract Operations is IFHEVMExecutor {")
	params := map[string]string{}
	var order []string
	for i, e := range entries() {
		if i > 0 {
			f.line("")
		}
		f.line("    /// @inheritdoc IFHEVMExecutor")
		f.line("    function %s(%s) external returns (bytes32) {", e.name, e.params)
		f.line("        return %s(%d, %s);\n    }", e.handler, e.row.Op, e.arguments())
		if _, ok := params[e.handler]; !ok {
			order = append(order, e.handler)
		}
		params[e.handler] = e.params
	}
	for _, h := range order {
		f.function("", fmt.Sprintf("function %s(uint8 op, %s) internal virtual returns (bytes32)", h, params[h]), "")
	}
	f.line("}")
	return f.String()
}

func sentence(doc string) string { return doc + "." }
