package store

import (
	"encoding/binary"
	"fmt"

	"fhevm/fhe"
)

// Cursor is the last block whose entries are stored.
type Cursor struct {
	Number uint64
	Hash   fhe.Digest
}

func (c Cursor) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, c.Number), c.Hash[:]...)
}

func parseCursor(b []byte) (Cursor, error) {
	if len(b) != 40 {
		return Cursor{}, sizeError("cursor", len(b), 40)
	}
	return Cursor{binary.BigEndian.Uint64(b), fhe.Digest(b[8:])}, nil
}

// Binding is what the log said first about a handle. The zero Derivation
// marks an input.
type Binding struct {
	Block      uint64
	Digest     fhe.Digest // full digest behind the handle
	Content    ID
	Derivation []byte // encoding of the fhe.Derivation; empty for an input
}

const bindingHeader = 8 + 32 + 32

func (b *Binding) encode() []byte {
	out := binary.BigEndian.AppendUint64(make([]byte, 0, bindingHeader+len(b.Derivation)), b.Block)
	out = append(out, b.Digest[:]...)
	out = append(out, b.Content[:]...)
	return append(out, b.Derivation...)
}

func parseBinding(b []byte) (*Binding, error) {
	if len(b) < bindingHeader || len(b) > bindingHeader+fhe.MaxDerivation {
		return nil, fmt.Errorf("binding has %d bytes, want %d to %d", len(b), bindingHeader, bindingHeader+fhe.MaxDerivation)
	}
	return &Binding{
		Block:      binary.BigEndian.Uint64(b),
		Digest:     fhe.Digest(b[8:40]),
		Content:    ID(b[40:72]),
		Derivation: b[bindingHeader:],
	}, nil
}

// encode is digest(32), and 1 when the packed ciphertext is not kept any more.
func (r *Result) encode() []byte {
	if r.Ready {
		return r.Digest[:]
	}
	return append(r.Digest[:], 1)
}

func parseResult(b []byte) (Result, error) {
	if len(b) == 33 && b[32] == 1 {
		return Result{Digest: fhe.Digest(b[:32])}, nil
	}
	if len(b) != 32 {
		return Result{}, sizeError("result", len(b), 32)
	}
	return Result{Ready: true, Digest: fhe.Digest(b)}, nil
}

// Failure says why a content cannot be computed. Consumers of a failed content
// inherit its Failure unchanged, so that it always names the cause.
type Failure struct {
	Handle fhe.Handle // whose computation failed
	Reason string
}

// Error names the cause.
func (f *Failure) Error() string { return fmt.Sprintf("compute %s: %s", f.Handle, f.Reason) }

// maxReason bounds the stored text of a failure, in bytes.
const maxReason = 1024

func (f *Failure) encode() []byte {
	return append(f.Handle[:], f.Reason[:min(len(f.Reason), maxReason)]...)
}

func parseFailure(b []byte) (*Failure, error) {
	if len(b) < 32 || len(b) > 32+maxReason {
		return nil, fmt.Errorf("failure has %d bytes, want 32 to %d", len(b), 32+maxReason)
	}
	return &Failure{Handle: fhe.Handle(b[:32]), Reason: string(b[32:])}, nil
}

// blockRecord is what Revert needs to undo a block: the handles that it was the
// first to bind, and to want.
type blockRecord struct {
	Hash   fhe.Digest
	Bound  []fhe.Handle
	Wanted []fhe.Handle
}

// encode is hash(32) | number bound(4) | bound(32 each) | wanted(32 each).
func (r *blockRecord) encode() []byte {
	b := make([]byte, 0, 36+32*(len(r.Bound)+len(r.Wanted)))
	b = append(b, r.Hash[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Bound)))
	for _, list := range [][]fhe.Handle{r.Bound, r.Wanted} {
		for _, h := range list {
			b = append(b, h[:]...)
		}
	}
	return b
}

func parseBlock(b []byte) (*blockRecord, error) {
	if len(b) < 36 || (len(b)-36)%32 != 0 {
		return nil, fmt.Errorf("block record has %d bytes, want 36 and whole handles", len(b))
	}
	r := &blockRecord{Hash: fhe.Digest(b[:32])}
	bound, b := int(binary.BigEndian.Uint32(b[32:])), b[36:]
	if bound > len(b)/32 {
		return nil, fmt.Errorf("block record claims %d bound handles in %d bytes", bound, len(b))
	}
	for i := 0; len(b) > 0; i, b = i+1, b[32:] {
		if i < bound {
			r.Bound = append(r.Bound, fhe.Handle(b[:32]))
		} else {
			r.Wanted = append(r.Wanted, fhe.Handle(b[:32]))
		}
	}
	return r, nil
}
