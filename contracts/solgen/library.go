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
	f.line("/// it, allow shares it. An uninitialised operand counts as 0. Arithmetic wraps around. Operands of")
	f.line("/// different widths give a result of the wider one. Conditions never revert: use select.")
	f.line("library FHE {")
	f.network()
	for _, row := range fhe.Operators() {
		f.operator(row)
	}
	for _, t := range fhe.Types() {
		f.value(t)
	}
	f.line("}")
	return f.String()
}

// network adds the functions that concern no single type.
func (f *file) network() {
	f.line("    /// @notice A contract verified that `handlesList` decrypt to `abiEncodedCleartexts`.")
	f.line("    event PublicDecryptionVerified(bytes32[] handlesList, bytes abiEncodedCleartexts);")
	f.function("@notice Sets the system contracts that the calling contract uses.",
		"function setCoprocessor(CoprocessorConfig memory config) internal", "Impl.setCoprocessor(config);")
	f.function("@notice Reverts unless a quorum of the committee signed that `handlesList` decrypt to the words of `abiEncodedCleartexts`.",
		"function checkSignatures(bytes32[] memory handlesList, bytes memory abiEncodedCleartexts, bytes memory decryptionProof) internal",
		"Impl.checkSignatures(handlesList, abiEncodedCleartexts, decryptionProof);\n"+
			"        emit PublicDecryptionVerified(handlesList, abiEncodedCleartexts);")
	f.function("@notice Ends all rights that last for the transaction: call it between the operations of one account abstraction bundle.",
		"function cleanTransientStorage() internal", "Impl.cleanTransientStorage();")
}

// operator adds the overloads of one row of the operator table. Conversions
// are functions of the result type: see value.
func (f *file) operator(row fhe.Operator) {
	for _, t := range fhe.Types() {
		if !row.On(t) {
			continue
		}
		switch row.Shape {
		case fhe.Binary, fhe.Compare:
			f.binary(row, t)
		case fhe.Unary:
			f.operation(row, t, enc(t)+" a", "_in(a)")
		case fhe.Choose:
			f.operation(row, t, fmt.Sprintf("ebool control, %[1]s ifTrue, %[1]s ifFalse", enc(t)), "_in(control), _in(ifTrue), _in(ifFalse)")
		}
	}
}

// binary adds the overloads whose wider operand has type t.
func (f *file) binary(row fhe.Operator, t fhe.Type) {
	for _, u := range fhe.Types() {
		if u != fhe.Bool && u.Bits() < t.Bits() {
			f.overload(row, t, enc(t)+" a, "+enc(u)+" b", fmt.Sprintf("%s(a, %s(b))", row.Name, as(t)))
			f.overload(row, t, enc(u)+" a, "+enc(t)+" b", fmt.Sprintf("%s(%s(a), b)", row.Name, as(t)))
		}
	}
	f.operation(row, t, fmt.Sprintf("%[1]s a, %[1]s b", enc(t)), "_in(a), _in(b), 0x00")
	if row.Clear {
		f.operation(row, t, fmt.Sprintf("%s a, %s b", enc(t), t), fmt.Sprintf("_in(a), bytes32(%s), 0x01", number("b", t)))
		f.clearLeft(row, t)
	}
}

// clearLeft turns a clear left operand into a right one where the operation
// allows it, and encrypts it otherwise.
func (f *file) clearLeft(row fhe.Operator, t fhe.Type) {
	result := fmt.Sprintf("%s(%s(a), b)", row.Name, as(t))
	if row.Swap {
		result = row.Name + "(b, a)"
	} else if m, ok := mirror[row.Op]; ok {
		result = m.String() + "(b, a)"
	}
	f.overload(row, t, fmt.Sprintf("%s a, %s b", t, enc(t)), result)
}

// operation adds the overload for type t that calls the executor.
func (f *file) operation(row fhe.Operator, t fhe.Type, params, args string) {
	f.overload(row, t, params, wrap(row.Result(t), fmt.Sprintf("Impl.executor().%s(%s)", executorName(row), args)))
}

// overload adds a function of the operation on type t that returns result.
func (f *file) overload(row fhe.Operator, t fhe.Type, params, result string) {
	f.function("@notice "+sentence(row.Doc),
		fmt.Sprintf("function %s(%s) internal returns (%s)", row.Name, params, enc(row.Result(t))),
		"return "+result+";")
}

// mirror names the comparison that holds when the operands change places.
var mirror = map[fhe.Op]fhe.Op{fhe.Ge: fhe.Le, fhe.Le: fhe.Ge, fhe.Gt: fhe.Lt, fhe.Lt: fhe.Gt}

// value adds conversions, inputs and rights of one type.
func (f *file) value(t fhe.Type) {
	f.conversions(t)
	f.input(t)
	for _, m := range methods {
		e := enc(t)
		f.function("@notice "+m.doc, fmt.Sprintf(m.signature, e), fmt.Sprintf(m.body, e))
	}
}

func (f *file) conversions(t fhe.Type) {
	convert := func(doc, from, result string) {
		f.function("@notice "+doc, fmt.Sprintf("function %s(%s value) internal returns (%s)", as(t), from, enc(t)),
			"return "+wrap(t, result)+";")
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
	f.function("@notice Accepts an input that the sender encrypted for this contract. With an empty proof, `input` is a handle "+
		"that the sender holds a right on, or zero, which means 0.",
		fmt.Sprintf("function fromExternal(%s input, bytes memory inputProof) internal returns (%s)", external, enc(t)),
		"return "+wrap(t, fmt.Sprintf("Impl.fromExternal(%s.unwrap(input), inputProof, %s)", external, fheType(t)))+";")
	f.function("@dev The handle of an operand.", fmt.Sprintf("function _in(%s value) private returns (bytes32)", enc(t)),
		fmt.Sprintf("return Impl.orZero(%s.unwrap(value), %s);", enc(t), fheType(t)))
}

// methods are the functions of every encrypted type, %[1]s.
var methods = []struct{ doc, signature, body string }{
	{"Whether `value` was ever assigned.",
		"function isInitialized(%s value) internal pure returns (bool)",
		"return %s.unwrap(value) != 0;"},
	{"The handle of `value`.",
		"function toBytes32(%s value) internal pure returns (bytes32)",
		"return %s.unwrap(value);"},
	{"Gives `account` a right on `value` for ever.",
		"function allow(%[1]s value, address account) internal returns (%[1]s)",
		"Impl.allow(%s.unwrap(value), account);\n        return value;"},
	{"Gives this contract a right on `value` for ever.",
		"function allowThis(%[1]s value) internal returns (%[1]s)",
		"Impl.allow(%s.unwrap(value), address(this));\n        return value;"},
	{"Gives `account` a right on `value` until the end of the transaction.",
		"function allowTransient(%[1]s value, address account) internal returns (%[1]s)",
		"Impl.allowTransient(%s.unwrap(value), account);\n        return value;"},
	{"Whether `account` holds a right on `value`.",
		"function isAllowed(%s value, address account) internal view returns (bool)",
		"return Impl.isAllowed(%s.unwrap(value), account);"},
	{"Whether the sender holds a right on `value`.",
		"function isSenderAllowed(%s value) internal view returns (bool)",
		"return Impl.isAllowed(%s.unwrap(value), msg.sender);"},
	{"Lets everyone decrypt `value`, for ever.",
		"function makePubliclyDecryptable(%[1]s value) internal returns (%[1]s)",
		"Impl.makePubliclyDecryptable(%s.unwrap(value));\n        return value;"},
	{"Whether everyone may decrypt `value`.",
		"function isPubliclyDecryptable(%s value) internal view returns (bool)",
		"return Impl.isPubliclyDecryptable(%s.unwrap(value));"},
}

func conversion(from, to fhe.Type) string {
	switch {
	case to == fhe.Bool:
		return "value != 0"
	case from.Bits() > to.Bits():
		return fmt.Sprintf("`value` modulo 2^%d", to.Bits())
	}
	return fmt.Sprintf("`value` as %s", to)
}

// enc is the Solidity name of the encrypted type t.
func enc(t fhe.Type) string { return "e" + t.String() }

func fheType(t fhe.Type) string { return "FheType." + title(t.String()) }

// as is the name of the conversions to type t.
func as(t fhe.Type) string { return "as" + title(enc(t)) }

func wrap(t fhe.Type, handle string) string { return enc(t) + ".wrap(" + handle + ")" }

// number is a clear variable of type t as a uint256.
func number(name string, t fhe.Type) string {
	if t == fhe.Bool {
		return fmt.Sprintf("%s ? uint256(1) : 0", name)
	}
	return fmt.Sprintf("uint256(%s)", name)
}
