package main

import (
	"fmt"
	"slices"
	"strings"

	"fhevm/fhe"
)

// forwarded are the types whose overloads the test contract has: of every kind, the
// narrowest and the widest, and one between.
var forwarded = []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Uint16, fhe.Uint256, fhe.Uint160, fhe.Int8, fhe.Int256}

// forwarder renders a contract for tests with one function for each overload of the
// library, named after the operation and the operands' types.
func forwarder() string {
	f := newFile(pinnedCompiler)
	f.line("import {FHEVMConfig} from \"../config/FHEVMConfig.sol\";")
	f.line("import \"../lib/FHE.sol\";\n")
	f.line("/// @title The overloads of library FHE, for tests")
	f.line("contract Overloads is FHEVMConfig {")
	f.function("", "function clean() external", "FHE.cleanTransientStorage();")
	f.function("", "function valid(bytes32[] memory handles, bytes memory values, bytes memory proof) external view returns (bool)",
		"return FHE.isPublicDecryptionResultValid(handles, values, proof);")
	for _, row := range fhe.Operators() {
		for _, t := range forwarded {
			if row.On(t) {
				f.forwardOperator(row, t)
			}
		}
	}
	for _, t := range forwarded {
		f.forwardConversions(t)
		f.forwardMethods(t)
	}
	f.line("}")
	return f.String()
}

func (f *file) forwardOperator(row fhe.Operator, t fhe.Type) {
	for _, o := range overloads(row, t) {
		unknown := func(p param) bool { return !slices.Contains(forwarded, p.typ) }
		if !slices.ContainsFunc(o.params, unknown) {
			f.forward(o)
		}
	}
}

// forward adds a function that calls the overload.
func (f *file) forward(o overload) {
	fn, args := o.name(), []string{}
	for _, p := range o.params {
		fn += "_" + p.element()
		if p.list {
			fn += "s"
		}
		args = append(args, p.name)
	}
	if o.table {
		args = append(args, "table")
	}
	f.function("", fmt.Sprintf("function %s(%s) external returns (%s)", fn, o.declaration(), o.results()),
		fmt.Sprintf("return FHE.%s(%s);", o.name(), strings.Join(args, ", ")))
}

func (f *file) forwardConversions(t fhe.Type) {
	convert := func(from string) {
		f.function("", fmt.Sprintf("function %s_%s(%s a) external returns (%s)", as(t), from, from, enc(t)), fmt.Sprintf("return FHE.%s(a);", as(t)))
	}
	convert(t.String())
	for _, u := range forwarded {
		if u != t {
			convert(enc(u))
		}
	}
}

func (f *file) forwardMethods(t fhe.Type) {
	f.function("", fmt.Sprintf("function fromExternal_%s(external%s a, bytes calldata proof) external returns (%[1]s)", enc(t), title(enc(t))),
		"return FHE.fromExternal(a, proof);")
	f.function("", fmt.Sprintf("function rights_%[1]s(%[1]s a, address account) external returns (bytes32, bool, bool, bool)", enc(t)),
		"a = FHE.makePubliclyDecryptable(FHE.allow(FHE.allowThis(a), account));\n"+
			"        bool shared = FHE.isAllowed(a, account) && FHE.isPubliclyDecryptable(a);\n"+
			"        return (FHE.toBytes32(a), FHE.isInitialized(a), FHE.isSenderAllowed(a), shared);")
	f.function("", fmt.Sprintf("function publish_%[1]s(%[1]s a) external returns (%[1]s)", enc(t)), "return FHE.makePubliclyDecryptable(a);")
	f.function("", fmt.Sprintf("function share_%[1]s(%[1]s a, address account) external returns (%[1]s)", enc(t)), "return FHE.allow(a, account);")
	f.function("", fmt.Sprintf("function keep_%[1]s(%[1]s a, address account) external returns (%[1]s)", enc(t)), "return FHE.allowBoth(a, account);")
	f.function("", fmt.Sprintf("function lend_%[1]s(%[1]s a, address account) external returns (bool)", enc(t)),
		"return FHE.isAllowed(FHE.allowTransient(a, account), account);")
}
