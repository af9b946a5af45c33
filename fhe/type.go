package fhe

import "fmt"

// Type is an encrypted type. The numbers are those of the established Solidity
// API (enum FheType) and are part of every handle.
type Type uint8

const (
	Bool   Type = 0
	Uint8  Type = 2
	Uint16 Type = 3
	Uint32 Type = 4
	Uint64 Type = 5
)

// MessageBits is the number of plaintext bits in one radix block.
const MessageBits = 2

type typeInfo struct {
	typ  Type
	name string
	bits int
}

var types = []typeInfo{
	{Bool, "bool", 1},
	{Uint8, "uint8", 8},
	{Uint16, "uint16", 16},
	{Uint32, "uint32", 32},
	{Uint64, "uint64", 64},
}

func (t Type) info() (typeInfo, bool) {
	for _, i := range types {
		if i.typ == t {
			return i, true
		}
	}
	return typeInfo{}, false
}

// Types lists the supported types, narrowest first.
func Types() []Type {
	out := make([]Type, len(types))
	for i, info := range types {
		out[i] = info.typ
	}
	return out
}

// Uints lists the supported integer types, narrowest first.
func Uints() []Type { return Types()[1:] }

// Valid reports whether t is a supported type.
func (t Type) Valid() bool { _, ok := t.info(); return ok }

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
