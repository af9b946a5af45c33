package main

import (
	"fmt"

	"fhevm/fhe"
)

// overloads renders a contract for tests with one function for each overload
// of the library, named after the operation and the operands' types.
func overloads() string {
	f := newFile(pinnedCompiler)
	f.line("import {FHEVMConfig} from \"../config/FHEVMConfig.sol\";")
	f.line("import \"../lib/FHE.sol\";\n")
	f.line("/// @title Every overload of library FHE, for tests")
	f.line("contract Overloads is FHEVMConfig {")
	f.function("", "function clean() external", "FHE.cleanTransientStorage();")
	for _, row := range fhe.Operators() {
		for _, t := range fhe.Types() {
			if row.On(t) {
				f.forwardOperator(row, t)
			}
		}
	}
	for _, t := range fhe.Types() {
		f.forwardConversions(t)
		f.forwardMethods(t)
	}
	f.line("}")
	return f.String()
}

func (f *file) forwardOperator(row fhe.Operator, t fhe.Type) {
	switch row.Shape {
	case fhe.Unary:
		f.forward(row.Name, enc(t), enc(t))
	case fhe.Choose:
		f.forward(row.Name, enc(t), "ebool", enc(t), enc(t))
	case fhe.Binary, fhe.Compare:
		result := enc(row.Result(t))
		for _, u := range fhe.Types() {
			if u != fhe.Bool && u.Bits() < t.Bits() {
				f.forward(row.Name, result, enc(t), enc(u))
				f.forward(row.Name, result, enc(u), enc(t))
			}
		}
		f.forward(row.Name, result, enc(t), enc(t))
		f.forward(row.Name, result, enc(t), t.String())
		f.forward(row.Name, result, t.String(), enc(t))
	}
}

func (f *file) forwardConversions(t fhe.Type) {
	f.forward(as(t), enc(t), t.String())
	for _, u := range fhe.Types() {
		if u != t {
			f.forward(as(t), enc(t), enc(u))
		}
	}
}

func (f *file) forwardMethods(t fhe.Type) {
	f.function("", fmt.Sprintf("function fromExternal_%s(external%s a, bytes calldata proof) external returns (%[1]s)", enc(t), title(enc(t))),
		"return FHE.fromExternal(a, proof);")
	f.function("", fmt.Sprintf("function rights_%[1]s(%[1]s a, address account) external returns (bytes32, bool, bool, bool)", enc(t)),
		"FHE.makePubliclyDecryptable(FHE.allow(FHE.allowThis(a), account));\n"+
			"        bool shared = FHE.isAllowed(a, account) && FHE.isPubliclyDecryptable(a);\n"+
			"        return (FHE.toBytes32(a), FHE.isInitialized(a), FHE.isSenderAllowed(a), shared);")
	f.function("", fmt.Sprintf("function lend_%[1]s(%[1]s a, address account) external returns (bool)", enc(t)),
		"return FHE.isAllowed(FHE.allowTransient(a, account), account);")
}

// forward adds a function that calls the overload with the given operands.
func (f *file) forward(name, result string, operands ...string) {
	fn, params, args := name, "", ""
	for i, o := range operands {
		if i > 0 {
			params, args = params+", ", args+", "
		}
		v := string(rune('a' + i))
		fn, params, args = fn+"_"+o, params+o+" "+v, args+v
	}
	f.function("", fmt.Sprintf("function %s(%s) external returns (%s)", fn, params, result), fmt.Sprintf("return FHE.%s(%s);", name, args))
}
