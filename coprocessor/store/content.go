package store

import (
	"fmt"

	"fhevm/fhe"
)

// ID names a ciphertext by the computation that makes it, without the salt of
// a handle: handles with one ID have the same ciphertext, which is computed
// once.
//
// The ID of an operation's first result is Keccak-256(ContentTag | Domain | op |
// type | operands, with IDs for handles | table), that of result k behind it
// Keccak-256(ResultTag | first ID | k); that of an input is the full digest of its
// handle; that of a handle which the log did not define before its first use is
// Keccak-256(UndefinedTag | Domain | handle).
type ID fhe.Digest

// Tags that begin the hashes of content ids.
const (
	ContentTag   = "fhevm content"
	ResultTag    = "fhevm content result"
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

	// Of an operation. The words of encrypted operands are IDs.
	Op       fhe.Op
	Type     fhe.Type // as in its derivation
	Operands []fhe.Operand
	Table    []byte

	// Of an operation, which of its results; of an input, which value of its list.
	Index uint8

	// Of an input.
	List fhe.Digest
}

// contentID is the ID of an operation's result or of an undefined handle.
func (n *Node) contentID(d fhe.Domain) ID {
	if n.Kind == Undefined {
		return ID(fhe.Keccak([]byte(UndefinedTag), d.Append(nil), n.Handle[:]))
	}
	id := fhe.Keccak([]byte(ContentTag), d.Append(nil), n.appendOperation(nil))
	if n.Index > 0 {
		id = fhe.Keccak([]byte(ResultTag), id[:], []byte{n.Index})
	}
	return ID(id)
}

// appendOperation appends op | type | operands | table.
func (n *Node) appendOperation(b []byte) []byte {
	b = append(b, byte(n.Op), byte(n.Type))
	return append(fhe.AppendOperands(b, n.Operands), n.Table...)
}

// Results are the contents that an operation makes, the first of which names it.
// Other nodes have none of their own: the values of an input list are named
// elsewhere.
func (n *Node) Results(d fhe.Domain) []ID {
	row, err := n.Op.Operator()
	if n.Kind != Operation || err != nil {
		return nil
	}
	ids := make([]ID, len(row.Results(n.Type)))
	for k := range ids {
		result := *n
		result.Index = uint8(k)
		ids[k] = result.contentID(d)
	}
	return ids
}

// MarshalBinary encodes n: kind(1) | handle(32), then for an operation index(1)
// and what its first ID hashes behind the domain, for an input index(1) | list
// digest(32).
func (n *Node) MarshalBinary() ([]byte, error) {
	b := append([]byte{byte(n.Kind)}, n.Handle[:]...)
	switch n.Kind {
	case Operation:
		b = n.appendOperation(append(b, n.Index))
	case Input:
		b = append(append(b, n.Index), n.List[:]...)
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
		n.Index, n.List = b[0], fhe.Digest(b[1:])
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
	if len(b) < 3 {
		return sizeError("operation node", len(b), 3)
	}
	operands, table, err := fhe.ParseOperands(b[3:])
	if err != nil {
		return fmt.Errorf("operation node: %w", err)
	}
	n.Index, n.Op, n.Type, n.Operands, n.Table = b[0], fhe.Op(b[1]), fhe.Type(b[2]), operands, table
	row, err := n.Op.Operator()
	if err != nil {
		return err
	}
	if !row.On(n.Type) || int(n.Index) >= len(row.Results(n.Type)) {
		return fmt.Errorf("operation node: result %d of %s on %s", n.Index, row.Name, n.Type)
	}
	if err := row.CheckOperands(n.Type, operands, table); err != nil {
		return fmt.Errorf("operation node: %s: %w", row.Name, err)
	}
	return nil
}

func sizeError(what string, got, want int) error {
	return fmt.Errorf("%s has %d bytes, want %d", what, got, want)
}
