package main

import (
	"fmt"
	"strings"

	"fhevm/fhe"
)

// narrowest are the types of the test contracts that run every operation, and of
// their operands: each operation is defined on one of them.
var narrowest = []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Int8}

// narrow renders contracts for tests that order every operation on a narrow type
// through the library, in all its forms. Operand i of a type is input i of it;
// clear operands are the constants that the contracts name.
func narrow() string {
	f := newFile(pinnedCompiler)
	f.line("import {FHEVMConfig} from \"../config/FHEVMConfig.sol\";")
	f.line("import \"../lib/FHE.sol\";\n")
	f.line("/// @title Operands and results of tests that run every operation")
	f.line("abstract contract Narrow is FHEVMConfig {")
	for _, t := range narrowest {
		f.line("    %s[3] internal %s;", enc(t), inputs(t))
	}
	f.line("\n    /// @notice The operation's number and type, which operands were clear, the type that was cast or 0, and")
	f.line("    /// the results, which the sender may decrypt.")
	f.line("    event Results(uint8 op, uint8 fheType, uint256 clear, uint8 source, bytes32[] results);\n")
	f.line("    /// @notice Takes three inputs of each type.")
	f.line("    function load(bytes32[%d] calldata handles, bytes calldata proof) external {", 3*len(narrowest))
	for i, t := range narrowest {
		f.line("        for (uint256 i = 0; i < 3; i++) {")
		f.line("            %s[i] = FHE.allowThis(FHE.fromExternal(external%s.wrap(handles[%d + i]), proof));\n        }", inputs(t), title(enc(t)), 3*i)
	}
	f.line("    }\n")
	f.line("    function _keep(uint8 op, uint8 fheType, uint256 clear, uint8 source, bytes32 a) internal {")
	f.line("        bytes32[] memory results = new bytes32[](1);\n        results[0] = a;")
	f.line("        _keepAll(op, fheType, clear, source, results);\n    }\n")
	f.line("    function _keepAll(uint8 op, uint8 fheType, uint256 clear, uint8 source, bytes32[] memory results) internal {")
	f.line("        for (uint256 i = 0; i < results.length; i++) {")
	f.line("            Impl.allow(results[i], address(this));\n            Impl.allow(results[i], msg.sender);\n        }")
	f.line("        emit Results(op, fheType, clear, source, results);\n    }\n}")
	for _, t := range narrowest {
		f.narrowContract(t)
	}
	return f.String()
}

// inputs is the name of the inputs of type t.
func inputs(t fhe.Type) string { return t.String() + "s" }

func (f *file) narrowContract(t fhe.Type) {
	f.line("\n/// @title Every operation on %s", t)
	f.line("contract Narrow%s is Narrow {", title(t.String()))
	parts := 0
	for _, row := range fhe.Operators() {
		if !row.On(t) {
			continue
		}
		for _, body := range narrowBodies(row, t) {
			f.line("    function run%d() external {\n%s    }\n", parts, body)
			parts++
		}
	}
	f.line("    /// @notice How many functions `run` there are.")
	f.line("    uint256 public constant parts = %d;\n}", parts)
}

// narrowBodies are the bodies of functions that order the forms of an operation.
func narrowBodies(row fhe.Operator, t fhe.Type) (out []string) {
	if row.Shape == fhe.Convert {
		for _, u := range narrowest {
			if u != t {
				out = append(out, keep(row, t, 0, u, fmt.Sprintf("FHE.%s(%s[0])", as(t), inputs(u))))
			}
		}
		return out
	}
	if row.Shape == fhe.Encrypt {
		return []string{keep(row, t, 1, 0, fmt.Sprintf("FHE.%s(%s)", as(t), constant(t, 0)))}
	}
	for _, o := range overloads(row, t) {
		out = append(out, o.narrowBody())
	}
	return out
}

func (o overload) narrowBody() string {
	clear, setup, args := 0, "", []string{}
	for i, p := range o.params {
		if p.clear {
			clear |= 1 << i
		}
		switch {
		case p.list:
			first := i // a membership's list begins behind its value
			setup += fmt.Sprintf("        %s[] memory list = new %[1]s[](%d);\n", p.element(), 3-first)
			for k := first; k < 3; k++ {
				v := constant(p.typ, k)
				if !p.clear {
					v = fmt.Sprintf("%s[%d]", inputs(p.typ), k)
				}
				setup += fmt.Sprintf("        list[%d] = %s;\n", k-first, v)
			}
			args = append(args, "list")
		case p.clear:
			args = append(args, constant(p.typ, i))
		default:
			args = append(args, fmt.Sprintf("%s[%d]", inputs(p.typ), i))
		}
	}
	if o.table {
		setup += fmt.Sprintf("        bytes memory table = new bytes(%d);\n", fhe.TableSize*o.typ.Bits()/8)
		setup += "        for (uint256 i = 0; i < table.length; i++) table[i] = bytes1(uint8(i * i + 7));\n"
		args = append(args, "table")
	}
	return setup + keep(o.row, o.typ, clear, 0, fmt.Sprintf("FHE.%s(%s)", o.name(), strings.Join(args, ", ")))
}

// constant is clear operand i of type t.
func constant(t fhe.Type, i int) string {
	if t == fhe.Bool {
		return "true"
	}
	return fmt.Sprintf("%s(%d)", t, 5+i)
}

// keep is the statements that keep what call returns.
func keep(row fhe.Operator, t fhe.Type, clear int, source fhe.Type, call string) string {
	results := row.Results(t)
	arguments := fmt.Sprintf("%d, %d, %d, %d", row.Op, t, clear, source)
	if len(results) == 1 {
		return fmt.Sprintf("        _keep(%s, %s.unwrap(%s));\n", arguments, enc(results[0]), call)
	}
	return fmt.Sprintf("        (%s r, %s ok) = %s;\n", enc(results[0]), enc(results[1]), call) +
		"        bytes32[] memory results = new bytes32[](2);\n" +
		fmt.Sprintf("        (results[0], results[1]) = (%s.unwrap(r), %s.unwrap(ok));\n", enc(results[0]), enc(results[1])) +
		fmt.Sprintf("        _keepAll(%s, results);\n", arguments)
}
