package fhe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of an input list.
const (
	MaxInputValues = 255  // one byte of the handle holds the index
	MaxInputBits   = 2048 // total width of the values
	inputDim       = 2048 // ring dimension of the compact public key
	slotBits       = 2 * MessageBits
)

// Binding says for whom and where an input list is meant.
type Binding struct {
	Domain   Domain
	Contract Address
	User     Address
}

// BindingSize is the encoded size of a Binding.
const BindingSize = DomainSize + 20 + 20

// Append appends the encoding of b to dst: domain, contract, user.
func (b Binding) Append(dst []byte) []byte {
	dst = b.Domain.Append(dst)
	dst = append(dst, b.Contract[:]...)
	return append(dst, b.User[:]...)
}

// ParseBinding decodes the first BindingSize bytes of b.
func ParseBinding(b []byte) (Binding, error) {
	if len(b) < BindingSize {
		return Binding{}, fmt.Errorf("binding has %d bytes, want %d", len(b), BindingSize)
	}
	return Binding{Domain: parseDomain(b), Contract: Address(b[DomainSize:][:20]), User: Address(b[DomainSize+20:][:20])}, nil
}

// InputList is a compact public-key encryption of several values, as a wallet
// sends it (SPEC 2.4):
//
//	format(1) = 0 | Binding: Domain(61) contract(20) user(20) | count(1) | types(count)
//	| mask(2048 × 8) | bodies(slots × 8), words big-endian
//
// Each slot holds two radix blocks (4 bits) under the network key; a value
// takes ceil(bits/4) slots, least significant first.
type InputList struct {
	Binding Binding
	Types   []Type
	Mask    []uint64 // inputDim words
	Bodies  []uint64 // one word per slot
}

const inputHeader = 1 + BindingSize + 1

// MaxInputSize is the size of the largest input list.
const MaxInputSize = inputHeader + MaxInputValues + 8*(inputDim+MaxInputBits/slotBits+MaxInputValues)

// InputTag begins the hash of an input's handle.
const InputTag = "fhevm input"

// Slots is the number of slots that a value of type t takes in an input list.
func (t Type) Slots() int { return (t.Bits() + slotBits - 1) / slotBits }

// MarshalBinary encodes l. It fails on a list that UnmarshalBinary would refuse.
func (l *InputList) MarshalBinary() ([]byte, error) {
	slots, err := CountSlots(l.Types)
	if err != nil {
		return nil, err
	}
	if len(l.Mask) != inputDim || len(l.Bodies) != slots {
		return nil, fmt.Errorf("input list has %d mask words and %d bodies, want %d and %d", len(l.Mask), len(l.Bodies), inputDim, slots)
	}
	b := make([]byte, 0, inputHeader+len(l.Types)+8*(inputDim+slots))
	b = appendInputHeader(b, wholeList, l.Binding, l.Types)
	for _, words := range [][]uint64{l.Mask, l.Bodies} {
		for _, w := range words {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b, nil
}

// appendInputHeader appends format | binding | count | types.
func appendInputHeader(b []byte, format byte, binding Binding, types []Type) []byte {
	b = binding.Append(append(b, format))
	b = append(b, uint8(len(types)))
	for _, t := range types {
		b = append(b, uint8(t))
	}
	return b
}

// UnmarshalBinary decodes l, checking every bound before it allocates.
func (l *InputList) UnmarshalBinary(b []byte) error {
	types, err := InputTypes(b)
	if err != nil {
		return err
	}
	slots, _ := CountSlots(types)
	want := inputHeader + len(types) + 8*(inputDim+slots)
	if len(b) != want {
		return fmt.Errorf("input list of %d values has %d bytes, want %d", len(types), len(b), want)
	}
	l.Binding, _ = ParseBinding(b[1:])
	l.Types = types
	b = b[inputHeader+len(types):]
	l.Mask, b = parseWords(b, inputDim)
	l.Bodies, _ = parseWords(b, slots)
	return nil
}

// InputTypes reads the types that the encoding b of a list states, and checks
// their bounds. It does not look at the ciphertext.
func InputTypes(b []byte) ([]Type, error) { return inputTypes(b, wholeList) }

// Formats of what stands in a transaction for a list: the list, or a
// coprocessor's attestation of it.
const (
	wholeList    = 0
	attestedList = 1
)

func inputTypes(b []byte, format byte) ([]Type, error) {
	types, err := parseInputHeader(b, format)
	if err != nil {
		return nil, err
	}
	_, err = CountSlots(types)
	return types, err
}

func parseInputHeader(b []byte, format byte) ([]Type, error) {
	if len(b) < inputHeader || len(b) > MaxInputSize {
		return nil, fmt.Errorf("input list has %d bytes, want %d to %d", len(b), inputHeader, MaxInputSize)
	}
	if b[0] != format {
		return nil, fmt.Errorf("input list has format %d, want %d", b[0], format)
	}
	count := int(b[inputHeader-1])
	if len(b) < inputHeader+count {
		return nil, errors.New("input list ends within its types")
	}
	types := make([]Type, count)
	for i := range types {
		types[i] = Type(b[inputHeader+i])
	}
	return types, nil
}

// CountSlots is the number of slots of values of the given types. It fails on
// what no input list may hold.
func CountSlots(types []Type) (slots int, err error) {
	if len(types) == 0 || len(types) > MaxInputValues {
		return 0, fmt.Errorf("input list has %d values, want 1 to %d", len(types), MaxInputValues)
	}
	bits := 0
	for i, t := range types {
		if !t.Valid() {
			return 0, fmt.Errorf("input value %d has unknown %s", i, t)
		}
		bits += t.Bits()
		slots += t.Slots()
	}
	if bits > MaxInputBits {
		return 0, fmt.Errorf("input list has %d bits, want at most %d", bits, MaxInputBits)
	}
	return slots, nil
}

func parseWords(b []byte, n int) ([]uint64, []byte) {
	w := make([]uint64, n)
	for i := range w {
		w[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return w, b[8*n:]
}

// Check reports how the stated binding differs from the one in force.
func (b Binding) Check(want Binding) error {
	switch {
	case b.Domain.ChainID != want.Domain.ChainID:
		return fmt.Errorf("input is bound to chain %d, not %d", b.Domain.ChainID, want.Domain.ChainID)
	case b.Domain.ACL != want.Domain.ACL:
		return fmt.Errorf("input is bound to ACL %s, not %s", b.Domain.ACL, want.Domain.ACL)
	case b.Domain.KeyID != want.Domain.KeyID:
		return fmt.Errorf("input is encrypted to key %s, not %s: fetch the network key again", b.Domain.KeyID, want.Domain.KeyID)
	case b.Domain.Version != want.Domain.Version:
		return fmt.Errorf("input is of protocol version %d, not %d", b.Domain.Version, want.Domain.Version)
	case b.Contract != want.Contract:
		return fmt.Errorf("input is bound to contract %s, not %s: encrypt it for the contract that calls FHE.fromExternal", b.Contract, want.Contract)
	case b.User != want.User:
		return fmt.Errorf("input is bound to user %s, not %s: encrypt it for the account that sends the transaction", b.User, want.User)
	}
	return nil
}

// InputHandle names value index of the list whose encoding has the given
// digest: Keccak-256(InputTag | Domain | digest | index | type | contract | user).
// It has neither salt nor kinds of operands, so the wallet knows it before sending.
func InputHandle(b Binding, list Digest, index uint8, t Type) (Handle, Digest) {
	d := Keccak([]byte(InputTag), b.Domain.Append(nil), list[:], []byte{index, uint8(t)}, b.Contract[:], b.User[:])
	return NewHandle(d, index, b.Domain.ChainID, t, b.Domain.Version), d
}

// Handles lists the handles of all values of the list with the given encoding.
func (l *InputList) Handles(encoding []byte) []Handle {
	return inputHandles(l.Binding, Keccak(encoding), l.Types)
}

func inputHandles(b Binding, list Digest, types []Type) []Handle {
	out := make([]Handle, len(types))
	for i, t := range types {
		out[i], _ = InputHandle(b, list, uint8(i), t)
	}
	return out
}
