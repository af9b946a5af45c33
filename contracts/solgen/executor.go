package main

import (
	"fmt"

	"fhevm/fhe"
)

// entry is the executor's function for a row of the operator table. Each shape
// has a handler in FHEVMExecutor.sol.
type entry struct {
	row                   fhe.Operator
	name, params          string
	handler, argumentList string
}

func entries() []entry {
	var out []entry
	for _, row := range fhe.Operators() {
		e := entry{row: row, name: executorName(row)}
		switch row.Shape {
		case fhe.Binary, fhe.Compare:
			e.params, e.handler, e.argumentList = "bytes32 lhs, bytes32 rhs, bytes1 scalarByte", "_binary", "lhs, rhs, scalarByte"
		case fhe.Unary:
			e.params, e.handler, e.argumentList = "bytes32 ct", "_unary", "ct"
		case fhe.Choose:
			e.params, e.handler, e.argumentList = "bytes32 control, bytes32 ifTrue, bytes32 ifFalse", "_choose", "control, ifTrue, ifFalse"
		case fhe.Convert:
			e.params, e.handler, e.argumentList = "bytes32 ct, FheType toType", "_convert", "ct, toType"
		case fhe.Encrypt:
			e.params, e.handler, e.argumentList = "uint256 pt, FheType toType", "_encrypt", "pt, toType"
		}
		out = append(out, e)
	}
	return out
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
	f.line("/// @notice Each function returns the handle of its result. The caller needs a right on every")
	f.line("/// encrypted operand. scalarByte 1 says that rhs is a clear value, 0 that it is a handle.")
	f.line("interface IFHEVMExecutor {")
	f.line("    /// @notice Accepts an encrypted input of `user` for the caller.")
	f.line("    function verifyInput(bytes32 inputHandle, address user, bytes calldata inputProof, FheType inputType)")
	f.line("        external\n        returns (bytes32 result);")
	f.function("@notice The contract that checks encrypted inputs.", "function getInputVerifierAddress() external view returns (address)", "")
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
	f.line("/// @title The numbers of the operations")
	f.line("/// @dev Each function hands its operation's number to the handler of the operation's shape.")
	f.line("abstract contract Operations is IFHEVMExecutor {")
	handlers := map[string]string{}
	var order []string
	for i, e := range entries() {
		if i > 0 {
			f.line("")
		}
		f.line("    /// @inheritdoc IFHEVMExecutor")
		f.line("    function %s(%s) external returns (bytes32) {", e.name, e.params)
		f.line("        return %s(%d, %s);\n    }", e.handler, e.row.Op, e.argumentList)
		if _, ok := handlers[e.handler]; !ok {
			order = append(order, e.handler)
		}
		handlers[e.handler] = e.params
	}
	for _, h := range order {
		f.function("", fmt.Sprintf("function %s(uint8 op, %s) internal virtual returns (bytes32)", h, handlers[h]), "")
	}
	f.line("}")
	return f.String()
}

func sentence(doc string) string { return doc + "." }
