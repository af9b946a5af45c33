package eip712

import (
	"encoding/binary"

	"fhevm/fhe"
)

// Struct accumulates the encoding of a struct, its members in order.
type Struct struct{ encoding []byte }

// NewStruct begins a struct of the given type string.
func NewStruct(typ string) *Struct {
	h := fhe.Keccak([]byte(typ))
	return &Struct{h[:]}
}

// Hash is the struct's hash.
func (s *Struct) Hash() fhe.Digest { return fhe.Keccak(s.encoding) }

// Word adds a bytes32.
func (s *Struct) Word(w [32]byte) *Struct {
	s.encoding = append(s.encoding, w[:]...)
	return s
}

// Uint adds an unsigned integer of any width.
func (s *Struct) Uint(x uint64) *Struct {
	var w [32]byte
	binary.BigEndian.PutUint64(w[24:], x)
	return s.Word(w)
}

// Address adds an address.
func (s *Struct) Address(a fhe.Address) *Struct { return s.Word(addressWord(a)) }

// Bytes adds a byte string.
func (s *Struct) Bytes(b []byte) *Struct { return s.Word(fhe.Keccak(b)) }

// String adds a string.
func (s *Struct) String(t string) *Struct { return s.Bytes([]byte(t)) }

// Addresses adds an array of addresses.
func (s *Struct) Addresses(as []fhe.Address) *Struct {
	var b []byte
	for _, a := range as {
		w := addressWord(a)
		b = append(b, w[:]...)
	}
	return s.Bytes(b)
}

// Handles adds an array of bytes32.
func (s *Struct) Handles(hs []fhe.Handle) *Struct {
	var b []byte
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return s.Bytes(b)
}

func addressWord(a fhe.Address) (w [32]byte) {
	copy(w[12:], a[:])
	return w
}
