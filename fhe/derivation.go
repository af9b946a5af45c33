package fhe

import (
	"errors"
	"fmt"

	"github.com/holiman/uint256"
)

// Derivation is everything that a computed handle commits to, and the input
// of precompile 0x5d (SPEC 2.3):
//
//	Domain(61) | op(1) | type(1) | clear(1) | boundary(1) | salt(32) | operands(32 each) | [clear value(32)]
//
// type is the type of the result, except for Compare, where it is the
// operands'. Boundary bit i says that encrypted operand i was made in this
// transaction. Salt is the executor's counter.
type Derivation struct {
	Domain   Domain
	Op       Op
	Type     Type
	Boundary uint8
	Salt     Digest
	Operands []Handle
	Clear    *uint256.Int // nil: no clear operand
}

const derivationHeader = DomainSize + 4 + 32

// MaxOperands is the largest number of encrypted operands of an operation.
const MaxOperands = 3

// DerivationTag begins the hash of a derivation.
const DerivationTag = "fhevm operation"

// MarshalBinary encodes d.
func (d *Derivation) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, derivationHeader+32*(len(d.Operands)+1))
	b = d.Domain.Append(b)
	b = append(b, uint8(d.Op), uint8(d.Type), flag(d.Clear != nil), d.Boundary)
	b = append(b, d.Salt[:]...)
	for _, h := range d.Operands {
		b = append(b, h[:]...)
	}
	if d.Clear != nil {
		v := d.Clear.Bytes32()
		b = append(b, v[:]...)
	}
	return b, nil
}

// UnmarshalBinary decodes d and applies the type rules of the operator table:
// what it accepts is a well-typed operation on handles of the domain's chain
// and version.
func (d *Derivation) UnmarshalBinary(b []byte) error {
	words := (len(b) - derivationHeader) / 32
	if len(b) < derivationHeader || (len(b)-derivationHeader)%32 != 0 || words > MaxOperands+1 {
		return fmt.Errorf("operation has %d bytes, want %d and up to %d words", len(b), derivationHeader, MaxOperands+1)
	}
	x := b[DomainSize:]
	if x[2] > 1 {
		return fmt.Errorf("clear flag is %d, want 0 or 1", x[2])
	}
	*d = Derivation{Domain: parseDomain(b), Op: Op(x[0]), Type: Type(x[1]), Boundary: x[3], Salt: Digest(x[4:36])}
	rest := b[derivationHeader:]
	if x[2] == 1 {
		if words == 0 {
			return errors.New("clear operand is missing")
		}
		d.Clear = new(uint256.Int).SetBytes32(rest[32*(words-1):])
		rest = rest[:32*(words-1)]
	}
	for ; len(rest) > 0; rest = rest[32:] {
		d.Operands = append(d.Operands, Handle(rest[:32]))
	}
	return d.check()
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
	for i, h := range d.Operands {
		if h.IsZero() {
			return fmt.Errorf("%s: operand %d: handle is uninitialised: assign the variable first, for example with FHE.asEuint64(0)", row.Name, i)
		}
	}
	if !row.On(d.Type) {
		return fmt.Errorf("%s is not defined on %s", row.Name, d.Type)
	}
	if !row.Callable(d.Type) {
		return fmt.Errorf("%s on %s: contracts of protocol version %d do not have it", row.Name, d.Type, Version)
	}
	if err := d.checkClear(row); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	want := row.Operands(d.Type, d.Clear != nil)
	if len(d.Operands) != len(want) {
		return fmt.Errorf("%s takes %d encrypted operands, got %d", row.Name, len(want), len(d.Operands))
	}
	if d.Boundary>>len(want) != 0 {
		return fmt.Errorf("%s: boundary bits %#x for %d operands", row.Name, d.Boundary, len(want))
	}
	for i, h := range d.Operands {
		if err := d.checkOperand(h, want[i], row.Shape); err != nil {
			return fmt.Errorf("%s: operand %d: %w", row.Name, i, err)
		}
	}
	return nil
}

func (d *Derivation) checkClear(row Operator) error {
	switch {
	case d.Clear == nil && row.Shape == Encrypt:
		return errors.New("clear value is missing")
	case d.Clear == nil:
		return nil
	case !row.Clear:
		return errors.New("takes no clear operand")
	case d.Clear.BitLen() > d.Type.Bits():
		return fmt.Errorf("clear value %s does not fit %s", d.Clear.Hex(), d.Type)
	}
	return nil
}

func (d *Derivation) checkOperand(h Handle, want Type, s Shape) error {
	switch {
	case h.ChainID() != d.Domain.ChainID:
		return fmt.Errorf("handle %s is of chain %d, want %d", h, h.ChainID(), d.Domain.ChainID)
	case h[31] != d.Domain.Version:
		return fmt.Errorf("handle %s is of protocol version %d, want %d", h, h[31], d.Domain.Version)
	case s == Convert && h.Type().Callable():
		return nil
	case h.Type() != want:
		return fmt.Errorf("handle %s is %s, want %s", h, h.Type(), want)
	}
	return nil
}

// Result returns the handle that d derives and its full digest,
// Keccak-256(DerivationTag | encoding).
func (d *Derivation) Result() (Handle, Digest) {
	b, _ := d.MarshalBinary()
	digest := Keccak([]byte(DerivationTag), b)
	row, _ := d.Op.Operator()
	return NewHandle(digest, Computed, d.Domain.ChainID, row.Result(d.Type), d.Domain.Version), digest
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
