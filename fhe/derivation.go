package fhe

import "fmt"

// Derivation is everything that a computed handle commits to, and the input
// of precompile 0x5d (SPEC 2.3):
//
//	Domain(61) | op(1) | type(1) | salt(32) | n(1) | kinds(n) | operands(32 each) | table
//
// type is the type of the first result, except for Compare, Member and Measure,
// where it is that of the first operand. Salt is the executor's counter. Drawn
// values have their seed as operand, and their bound if they have one, both
// clear; a look-up table is the entries that TableEntries reads.
type Derivation struct {
	Domain   Domain
	Op       Op
	Type     Type
	Salt     Digest
	Operands []Operand
	Table    []byte
}

// MaxOperands is the largest number of operands of an operation.
const MaxOperands = MaxList

// MaxDerivation is the size of the longest encoding of a derivation.
const MaxDerivation = DomainSize + derivationHeader + MaxOperands*(1+32) + 2*TableSize

const derivationHeader = 1 + 1 + 32 + 1

// Tags that begin the hashes of a derivation, and of its further results.
const (
	DerivationTag = "fhevm operation"
	ResultTag     = "fhevm result"
)

// MarshalBinary encodes d.
func (d *Derivation) MarshalBinary() ([]byte, error) {
	if len(d.Operands) > MaxOperands {
		return nil, fmt.Errorf("operation has %d operands, want at most %d", len(d.Operands), MaxOperands)
	}
	b := append(d.Domain.Append(nil), uint8(d.Op), uint8(d.Type))
	b = append(b, d.Salt[:]...)
	return append(AppendOperands(b, d.Operands), d.Table...), nil
}

// UnmarshalComputation decodes what the chain logs of a derivation in a domain
// (SPEC 2.5): all behind the domain, with the last 8 bytes of the salt, whose
// others are zero. It refuses what UnmarshalBinary refuses.
func (d *Derivation) UnmarshalComputation(domain Domain, b []byte) error {
	if len(b) < 2 || len(b) > MaxDerivation {
		return fmt.Errorf("computation has %d bytes, want 2 to %d", len(b), MaxDerivation)
	}
	encoding := append(domain.Append(nil), b[:2]...)
	encoding = append(encoding, make([]byte, 24)...)
	return d.UnmarshalBinary(append(encoding, b[2:]...))
}

// UnmarshalBinary decodes d and applies the type rules of the operator table:
// what it accepts is a well-typed operation on handles of the domain's chain
// and version.
func (d *Derivation) UnmarshalBinary(b []byte) error {
	if len(b) < DomainSize+derivationHeader || len(b) > MaxDerivation {
		return fmt.Errorf("operation has %d bytes, want %d to %d", len(b), DomainSize+derivationHeader, MaxDerivation)
	}
	x := b[DomainSize:]
	parsed := Derivation{Domain: parseDomain(b), Op: Op(x[0]), Type: Type(x[1]), Salt: Digest(x[2:34])}
	operands, table, err := ParseOperands(x[34:])
	if err != nil {
		return err
	}
	parsed.Operands, parsed.Table = operands, table
	if err := parsed.check(); err != nil {
		return err
	}
	*d = parsed
	return nil
}

func (d *Derivation) check() error {
	row, err := d.Op.Operator()
	if err != nil {
		return err
	}
	if d.Domain.Version != Version {
		return fmt.Errorf("%s: protocol version %d, want %d", row.Name, d.Domain.Version, Version)
	}
	// Before all type rules: the zero handle would be taken for a bool.
	for i := range d.Operands {
		if o := &d.Operands[i]; o.Kind != Clear && o.Word == [32]byte{} {
			return fmt.Errorf("%s: operand %d: handle is uninitialised: assign the variable first, for example with FHE.asEuint64(0)", row.Name, i)
		}
	}
	if !row.On(d.Type) {
		return fmt.Errorf("%s is not defined on %s", row.Name, d.Type)
	}
	if err := row.CheckOperands(d.Type, d.Operands, d.Table); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	return d.checkHandles(row)
}

func (d *Derivation) checkHandles(row Operator) error {
	want := row.Signature(d.Type, len(d.Operands))
	for i := range d.Operands {
		o := &d.Operands[i]
		if o.Kind == Clear {
			continue
		}
		if err := d.checkHandle((*Handle)(&o.Word), want[i], row.Shape); err != nil {
			return fmt.Errorf("%s: operand %d: %w", row.Name, i, err)
		}
	}
	return nil
}

func (d *Derivation) checkHandle(h *Handle, want Type, s Shape) error {
	switch {
	case h.ChainID() != d.Domain.ChainID:
		return fmt.Errorf("handle %s is of chain %d, want %d", h, h.ChainID(), d.Domain.ChainID)
	case h[31] != d.Domain.Version:
		return fmt.Errorf("handle %s is of protocol version %d, want %d", h, h[31], d.Domain.Version)
	case s == Convert && h.Type().Valid():
		return nil
	case h.Type() != want:
		return fmt.Errorf("handle %s is %s, want %s", h, h.Type(), want)
	}
	return nil
}

// Result is a handle that a derivation names, and its full digest.
type Result struct {
	Handle Handle
	Digest Digest
}

// Results returns what d names. The digest of the first result is
// Keccak-256(DerivationTag | encoding), that of result k behind it
// Keccak-256(ResultTag | first digest | k(1)).
func (d *Derivation) Results() []Result {
	b, _ := d.MarshalBinary()
	first := Keccak([]byte(DerivationTag), b)
	row, _ := d.Op.Operator()
	types := row.Results(d.Type)
	out := make([]Result, len(types))
	for k, t := range types {
		digest := first
		if k > 0 {
			digest = Keccak([]byte(ResultTag), first[:], []byte{uint8(k)})
		}
		out[k] = Result{NewHandle(digest, Computed, d.Domain.ChainID, t, d.Domain.Version), digest}
	}
	return out
}
