package main

import (
	"fmt"

	"fhevm/fhe"
)

// library renders FHE.sol: typed functions over Impl and the executor.
func library() string {
	f := newFile(anyCompiler)
	f.line("import \"encrypted-types/EncryptedTypes.sol\";")
	f.line("import {FheType} from \"./FheType.sol\";")
	f.line("import {CoprocessorConfig, IACL, IFHEVMExecutor, Impl} from \"./Impl.sol\";\n")
	f.line("/// @title Computation on encrypted values")
	f.line("/// @notice A result belongs to the calling contract until the end of the transaction: allowThis keeps")
	f.line("/// it, allow shares it. An uninitialised operand counts as 0. Arithmetic wraps around, but for that")
	f.line("/// whose name says otherwise. Unsigned operands of different widths give a result of the wider one;")
	f.line("/// convert others by asEint64 and the like. Conditions never revert: use select.")
	f.line("/// `using FHE for euint64;` makes a.add(b) of FHE.add(a, b).")
	f.line("library FHE {")
	f.general()
	for _, row := range fhe.Operators() {
		f.line("")
		f.operator(row)
	}
	for _, t := range fhe.Types() {
		f.line("")
		f.value(t)
	}
	f.line("\n    // How values become operands of the executor.\n")
	for _, t := range fhe.Types() {
		f.operands(t)
	}
	f.line("}")
	return f.String()
}

// operator adds the overloads of one row of the operator table.
func (f *file) operator(row fhe.Operator) {
	for _, t := range fhe.Types() {
		if !row.On(t) {
			continue
		}
		for _, o := range overloads(row, t) {
			f.short(sentence(row.Doc), fmt.Sprintf("function %s(%s) internal returns (%s)", o.name(), o.declaration(), o.results()), o.body())
		}
	}
}

// value adds conversions, inputs and rights of one type.
func (f *file) value(t fhe.Type) {
	f.conversions(t)
	f.input(t)
	for _, m := range methods {
		e := enc(t)
		f.short(m.doc, fmt.Sprintf(m.signature, e), fmt.Sprintf(m.body, e))
	}
}

func (f *file) conversions(t fhe.Type) {
	convert := func(doc, from, result string) {
		f.short(doc, fmt.Sprintf("function %s(%s value) internal returns (%s)", as(t), from, enc(t)), "return "+wrap(t, result)+";")
	}
	convert("An encryption of the public `value`, without secrecy.", t.String(),
		fmt.Sprintf("Impl.executor().trivialEncrypt(%s, %s)", number("value", t), fheType(t)))
	for _, u := range fhe.Types() {
		if u != t {
			convert(sentence(conversion(u, t)), enc(u), fmt.Sprintf("Impl.cast(%s.unwrap(value), %s)", enc(u), fheType(t)))
		}
	}
}

func (f *file) input(t fhe.Type) {
	external := "external" + title(enc(t))
	f.short("Accepts an input that the sender encrypted for this contract; both have a right on it for the transaction. With an empty proof, `input` is a handle that the sender holds a right on, or zero, which means 0.",
		fmt.Sprintf("function fromExternal(%s input, bytes memory inputProof) internal returns (%s)", external, enc(t)),
		"return "+wrap(t, fmt.Sprintf("Impl.fromExternal(%s.unwrap(input), inputProof, %s)", external, fheType(t)))+";")
	f.short("The handle of `value` in the form of an input: what another contract takes with an empty proof.",
		fmt.Sprintf("function toExternal(%s value) internal pure returns (%s)", enc(t), external),
		fmt.Sprintf("return %s.wrap(%s.unwrap(value));", external, enc(t)))
}

// operands adds how values of one type become operands.
func (f *file) operands(t fhe.Type) {
	f.line("    function _%s(%[1]s value) private returns (bytes32 handle) { handle = %[1]s.unwrap(value); if (handle == 0) handle = Impl.zero(%s); }", enc(t), fheType(t))
	for _, l := range []struct{ element, mutability, result string }{
		{enc(t), "", fmt.Sprintf("Impl.orZeros(list, %s)", fheType(t))},
		{t.String(), "pure ", words(t)},
	} {
		f.line("    function _%ss(%[1]s[] memory values) private %sreturns (bytes32[] memory list) {", l.element, l.mutability)
		f.line("        assembly (\"memory-safe\") { list := values }")
		f.line("        return %s;\n    }", l.result)
	}
}

// words is the clear list as an expression: negative values are cut to their width.
func words(t fhe.Type) string {
	if t.Signed() {
		return fmt.Sprintf("Impl.cut(list, type(u%s).max)", t)
	}
	return "list"
}

// methods are the functions of every encrypted type, %[1]s.
var methods = []struct{ doc, signature, body string }{
	{"Whether `value` was ever assigned.",
		"function isInitialized(%s value) internal pure returns (bool)",
		"return %s.unwrap(value) != 0;"},
	{"The handle of `value`.",
		"function toBytes32(%s value) internal pure returns (bytes32)",
		"return %s.unwrap(value);"},
	{"Gives `account` a right on `value` for ever. Of an uninitialised value, this makes and returns an encryption of 0.",
		"function allow(%[1]s value, address account) internal returns (%[1]s)",
		"bytes32 handle = _%[1]s(value); Impl.allow(handle, account); return %[1]s.wrap(handle);"},
	{"Gives this contract a right on `value` for ever. Of an uninitialised value, this makes and returns an encryption of 0.",
		"function allowThis(%[1]s value) internal returns (%[1]s)",
		"bytes32 handle = _%[1]s(value); Impl.allow(handle, address(this)); return %[1]s.wrap(handle);"},
	{"Gives both this contract and `account` a right on `value` for ever, at less gas than allowThis and allow. Of an uninitialised value, this makes and returns an encryption of 0.",
		"function allowBoth(%[1]s value, address account) internal returns (%[1]s)",
		"bytes32 handle = _%[1]s(value); Impl.allowBoth(handle, account); return %[1]s.wrap(handle);"},
	{"Gives `account` a right on `value` until the end of the transaction. Of an uninitialised value, this makes and returns an encryption of 0.",
		"function allowTransient(%[1]s value, address account) internal returns (%[1]s)",
		"bytes32 handle = _%[1]s(value); Impl.allowTransient(handle, account); return %[1]s.wrap(handle);"},
	{"Whether `account` holds a right on `value`.",
		"function isAllowed(%s value, address account) internal view returns (bool)",
		"return Impl.isAllowed(%s.unwrap(value), account);"},
	{"Whether the sender holds a right on `value`.",
		"function isSenderAllowed(%s value) internal view returns (bool)",
		"return Impl.isAllowed(%s.unwrap(value), msg.sender);"},
	{"Lets everyone decrypt `value`, for ever. Of an uninitialised value, this makes and returns an encryption of 0.",
		"function makePubliclyDecryptable(%[1]s value) internal returns (%[1]s)",
		"bytes32 handle = _%[1]s(value); Impl.makePubliclyDecryptable(handle); return %[1]s.wrap(handle);"},
	{"Whether everyone may decrypt `value`.",
		"function isPubliclyDecryptable(%s value) internal view returns (bool)",
		"return Impl.isPubliclyDecryptable(%s.unwrap(value));"},
}

func conversion(from, to fhe.Type) string {
	switch {
	case to == fhe.Bool:
		return "value != 0"
	case from.Bits() > to.Bits():
		return fmt.Sprintf("`value` modulo 2^%d, as %s", to.Bits(), to)
	case from.Signed() && !to.Signed():
		return fmt.Sprintf("`value` modulo 2^%d, as %s: negative ones become large", to.Bits(), to)
	}
	return fmt.Sprintf("`value` as %s", to)
}

// enc is the Solidity name of the encrypted type t.
func enc(t fhe.Type) string { return "e" + t.String() }

// fheType is the name of t in enum FheType.
func fheType(t fhe.Type) string {
	if t.Kind() == fhe.Addresses {
		return fmt.Sprintf("FheType.Uint%d", t.Bits())
	}
	return "FheType." + title(t.String())
}

// as is the name of the conversions to type t.
func as(t fhe.Type) string { return "as" + title(enc(t)) }

func wrap(t fhe.Type, handle string) string { return enc(t) + ".wrap(" + handle + ")" }

// number is a clear variable of type t as a uint256 below 2^bits.
func number(name string, t fhe.Type) string {
	switch t.Kind() {
	case fhe.Bools:
		return fmt.Sprintf("%s ? uint256(1) : 0", name)
	case fhe.Ints:
		return fmt.Sprintf("uint256(u%s(%s))", t, name)
	case fhe.Addresses:
		return fmt.Sprintf("uint256(uint160(%s))", name)
	}
	return fmt.Sprintf("uint256(%s)", name)
}
