package fhe

import "fmt"

// AttestedInput stands in a transaction for an input list that a coprocessor
// keeps and vouches for (SPEC 2.7). It begins as the list does:
//
//	format(1) = 1 | Binding | count(1) | types(count) | digest of the list(32) | signature(65)
//
// The handles are those of the list.
type AttestedInput struct {
	Binding   Binding
	Types     []Type
	List      Digest
	Signature [65]byte // r | s | v of the coprocessor; this package does not check it
}

// attestationTail is what follows the types.
const attestationTail = 32 + 65

// IsAttested reports whether b is meant to be the encoding of an AttestedInput
// and not of an InputList.
func IsAttested(b []byte) bool { return len(b) > 0 && b[0] == attestedList }

// Attest makes the attestation of a list, with its encoding at hand, still
// without a signature.
func (l *InputList) Attest(encoding []byte) *AttestedInput {
	return &AttestedInput{Binding: l.Binding, Types: l.Types, List: Keccak(encoding)}
}

// Handles lists the handles of the list's values.
func (a *AttestedInput) Handles() []Handle { return inputHandles(a.Binding, a.List, a.Types) }

// MarshalBinary encodes a. It fails on values that no list may hold.
func (a *AttestedInput) MarshalBinary() ([]byte, error) {
	if _, err := CountSlots(a.Types); err != nil {
		return nil, err
	}
	b := make([]byte, 0, inputHeader+len(a.Types)+attestationTail)
	b = appendInputHeader(b, attestedList, a.Binding, a.Types)
	b = append(b, a.List[:]...)
	return append(b, a.Signature[:]...), nil
}

// UnmarshalBinary is the inverse of MarshalBinary.
func (a *AttestedInput) UnmarshalBinary(b []byte) error {
	types, err := inputTypes(b, attestedList)
	if err != nil {
		return err
	}
	if want := inputHeader + len(types) + attestationTail; len(b) != want {
		return fmt.Errorf("attestation of %d values has %d bytes, want %d", len(types), len(b), want)
	}
	a.Binding, _ = ParseBinding(b[1:])
	a.Types = types
	tail := b[len(b)-attestationTail:]
	a.List, a.Signature = Digest(tail), [65]byte(tail[32:])
	return nil
}

// Names reports how the list differs from the one that the attestation is of.
func (a *AttestedInput) Names(l *InputList) error {
	if err := l.Binding.Check(a.Binding); err != nil {
		return err
	}
	if got, want := fmt.Sprint(l.Types), fmt.Sprint(a.Types); got != want {
		return fmt.Errorf("input list has values %s, its attestation %s", got, want)
	}
	return nil
}
