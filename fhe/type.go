package fhe

import "fmt"

// Type is an encrypted type. The numbers are those of the established Solidity
// API (enum FheType) and are part of every handle.
type Type uint8

const (
	Bool    Type = 0
	Uint8   Type = 2
	Uint16  Type = 3
	Uint32  Type = 4
	Uint64  Type = 5
	Uint128 Type = 6
	Uint160 Type = 7 // 160 bits
	Uint256 Type = 8
	Int8    Type = 20 // Int8 to Int256 are in two's complement
	Int16   Type = 24
	Int32   Type = 25
	Int64   Type = 26
	Int128  Type = 27
	Int256  Type = 29
)

// MessageBits is the number of plaintext bits in one radix block.
const MessageBits = 2

// Kinds is a set of kinds of types.
type Kinds uint8

const (
	Bools Kinds = 1 << iota
	Uints
	Ints
	Addresses

	Numbers = Uints | Ints
	All     = Bools | Numbers | Addresses
)

type typeInfo struct {
	typ  Type
	name string
	bits int
	kind Kinds
}

var types = []typeInfo{
	{Bool, "bool", 1, Bools},
	{Uint8, "uint8", 8, Uints},
	{Uint16, "uint16", 16, Uints},
	{Uint32, "uint32", 32, Uints},
	{Uint64, "uint64", 64, Uints},
	{Uint128, "uint128", 128, Uints},
	{Uint160, "address", 160, Addresses},
	{Uint256, "uint256", 256, Uints},
	{Int8, "int8", 8, Ints},
	{Int16, "int16", 16, Ints},
	{Int32, "int32", 32, Ints},
	{Int64, "int64", 64, Ints},
	{Int128, "int128", 128, Ints},
	{Int256, "int256", 256, Ints},
}

// typeRows is types by number, an empty row for each that is none.
var typeRows = func() (rows [256]typeInfo) {
	for _, i := range types {
		rows[i.typ] = i
	}
	return rows
}()

func (t Type) info() (*typeInfo, bool) {
	i := &typeRows[t]
	return i, i.bits > 0
}

// Types lists the encrypted types in the order of their numbers.
func Types() []Type {
	out := make([]Type, len(types))
	for i, info := range types {
		out[i] = info.typ
	}
	return out
}

// Valid reports whether t is an encrypted type.
func (t Type) Valid() bool { _, ok := t.info(); return ok }

// Kind is the kind of t, none for an unknown type.
func (t Type) Kind() Kinds { i, _ := t.info(); return i.kind }

// Signed reports whether t is in two's complement.
func (t Type) Signed() bool { return t.Kind() == Ints }

// Bits is the width of the plaintext, 0 for an unknown type.
func (t Type) Bits() int { i, _ := t.info(); return i.bits }

// Blocks is the number of radix blocks of a ciphertext, 0 for an unknown type.
func (t Type) Blocks() int { return (t.Bits() + MessageBits - 1) / MessageBits }

// String is the type's clear Solidity name, such as "uint64".
func (t Type) String() string {
	if i, ok := t.info(); ok {
		return i.name
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// ParseType is the inverse of String.
func ParseType(name string) (Type, error) {
	for _, i := range types {
		if i.name == name {
			return i.typ, nil
		}
	}
	return 0, fmt.Errorf("unknown encrypted type %q", name)
}
