package store

import (
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// ID names a ciphertext by the computation that makes it, without the salt of
// a handle: handles with one ID have the same ciphertext, which is computed
// once.
//
// The ID of an operation is Keccak-256(ContentTag | Domain | op | type |
// clear flag | boundary | operands' IDs | [clear value]); that of an input is the full digest
// of its handle; that of a handle which the log did not define before its first
// use is Keccak-256(UndefinedTag | Domain | handle).
type ID fhe.Digest

// Tags that begin the hashes of content ids.
const (
	ContentTag   = "fhevm content"
	UndefinedTag = "fhevm undefined"
)

// String is 0x and 64 hexadecimal digits.
func (id ID) String() string { return fhe.Digest(id).String() }

// Kind says what makes a content.
type Kind uint8

// Kinds of content.
const (
	Operation Kind = iota // an operation on other contents
	Input                 // a value of a staged input list
	Undefined             // nothing: an operand that the log never defined
)

// Node says how a content is made. Handle is the first handle bound to it and
// stands for it in messages.
type Node struct {
	Kind   Kind
	Handle fhe.Handle

	// Of an operation.
	Op       fhe.Op
	Type     fhe.Type // as in its derivation
	Boundary uint8
	Clear    *uint256.Int // nil: no clear operand
	Operands []ID

	// Of an input.
	List  fhe.Digest
	Index uint8
}

// IsBare reports whether encrypted operand i of an operation was made in the
// same transaction.
func (n *Node) IsBare(i int) bool { return n.Boundary>>i&1 == 1 }

// contentID is the ID of an operation or of an undefined handle.
func (n *Node) contentID(d fhe.Domain) ID {
	if n.Kind == Undefined {
		return ID(fhe.Keccak([]byte(UndefinedTag), d.Append(nil), n.Handle[:]))
	}
	return ID(fhe.Keccak([]byte(ContentTag), d.Append(nil), n.appendOperation(nil)))
}

// appendOperation appends op | type | clear flag | boundary | operands' IDs | [clear value].
func (n *Node) appendOperation(b []byte) []byte {
	flag := byte(0)
	if n.Clear != nil {
		flag = 1
	}
	b = append(b, byte(n.Op), byte(n.Type), flag, n.Boundary)
	for _, id := range n.Operands {
		b = append(b, id[:]...)
	}
	if n.Clear != nil {
		v := n.Clear.Bytes32()
		b = append(b, v[:]...)
	}
	return b
}

// MarshalBinary encodes n: kind(1) | handle(32), then for an operation what
// its ID hashes behind the domain, for an input list digest(32) | index(1).
func (n *Node) MarshalBinary() ([]byte, error) {
	b := append([]byte{byte(n.Kind)}, n.Handle[:]...)
	switch n.Kind {
	case Operation:
		b = n.appendOperation(b)
	case Input:
		b = append(append(b, n.List[:]...), n.Index)
	}
	return b, nil
}

const nodeHeader = 1 + 32

// UnmarshalBinary is the inverse of MarshalBinary. It checks sizes and the
// operator table, so that what it accepts can be handed to an evaluator.
func (n *Node) UnmarshalBinary(b []byte) error {
	if len(b) < nodeHeader {
		return sizeError("node", len(b), nodeHeader)
	}
	*n = Node{Kind: Kind(b[0]), Handle: fhe.Handle(b[1:nodeHeader])}
	b = b[nodeHeader:]
	switch n.Kind {
	case Operation:
		return n.parseOperation(b)
	case Input:
		if len(b) != 33 {
			return sizeError("input node", len(b), 33)
		}
		n.List, n.Index = fhe.Digest(b[:32]), b[32]
		return nil
	case Undefined:
		if len(b) != 0 {
			return sizeError("undefined node", len(b), 0)
		}
		return nil
	}
	return fmt.Errorf("node has unknown kind %d", n.Kind)
}

func (n *Node) parseOperation(b []byte) error {
	words := (len(b) - 4) / 32
	if len(b) < 4 || (len(b)-4)%32 != 0 || words > fhe.MaxOperands+1 {
		return fmt.Errorf("operation node has %d bytes, want 4 and up to %d words", len(b), fhe.MaxOperands+1)
	}
	n.Op, n.Type, n.Boundary = fhe.Op(b[0]), fhe.Type(b[1]), b[3]
	rest := b[4:]
	switch {
	case b[2] > 1:
		return fmt.Errorf("operation node has clear flag %d", b[2])
	case b[2] == 1 && words == 0:
		return errors.New("operation node lacks its clear value")
	case b[2] == 1:
		n.Clear = new(uint256.Int).SetBytes32(rest[32*(words-1):])
		rest = rest[:32*(words-1)]
	}
	for ; len(rest) > 0; rest = rest[32:] {
		n.Operands = append(n.Operands, ID(rest[:32]))
	}
	row, err := n.Op.Operator()
	if err != nil {
		return err
	}
	if want := len(row.Operands(n.Type, n.Clear != nil)); len(n.Operands) != want || !row.On(n.Type) {
		return fmt.Errorf("operation node: %s on %s with %d operands", row.Name, n.Type, len(n.Operands))
	}
	return nil
}

func sizeError(what string, got, want int) error {
	return fmt.Errorf("%s has %d bytes, want %d", what, got, want)
}
