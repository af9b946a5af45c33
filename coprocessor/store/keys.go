package store

import (
	"encoding/binary"

	"fhevm/fhe"
)

// format is the version of everything in this package: keys and values. It
// stands in the database next to the domain; Open refuses any other.
const format = 5

// A key is a table's letter and a name of fixed size, so that keys of one
// table never prefix each other (SPEC "Coprocessor", store).
const (
	tableMeta     = 'm' // see the meta keys below
	tableBlock    = 'b' // block number -> blockRecord
	tableBinding  = 'h' // handle -> Binding
	tableNode     = 'n' // content -> Node
	tableList     = 'l' // digest of an input list -> its encoding, or the attestation of one that is not here
	tableStaged   = 's' // digest of an input list that no block has named -> when it came, and its encoding
	tableWant     = 'w' // handle -> Position of its first want
	tablePending  = 'p' // Position -> content that is wanted
	tableResult   = 'r' // content -> Result: digest of its packed ciphertext, and whether that is kept
	tableFailure  = 'f' // content -> Failure
	tablePacked   = 'x' // content of an operation, or digest of an input list -> packed ciphertexts
	tableBare     = 'y' // content of an operation -> bare ciphertext
	tableSquashed = 'q' // squash-key id | content -> squashed ciphertexts
	tableUse      = 'u' // squash-key id | content -> use of these
)

var (
	keyFormat = []byte{tableMeta, 'f'} // format(1) | Domain(61)
	keyCursor = []byte{tableMeta, 'c'} // Cursor
)

func keyBlock(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tableBlock}, number)
}

func keyHandle(table byte, h fhe.Handle) []byte  { return append([]byte{table}, h[:]...) }
func keyContent(table byte, id ID) []byte        { return append([]byte{table}, id[:]...) }
func keyList(digest fhe.Digest) []byte           { return append([]byte{tableList}, digest[:]...) }
func keyStaged(digest fhe.Digest) []byte         { return append([]byte{tableStaged}, digest[:]...) }
func keyPending(p Position) []byte               { return p.append([]byte{tablePending}) }
func tableRange(table byte) (first, past []byte) { return []byte{table}, []byte{table + 1} }

func keySquashed(table byte, key fhe.Digest, id ID) []byte {
	return append(append([]byte{table}, key[:]...), id[:]...)
}

// Position orders wants as the log does: the block, then a counter within it.
type Position struct {
	Block uint64
	Index uint32
}

const positionSize = 12

func (p Position) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Block)
	return binary.BigEndian.AppendUint32(b, p.Index)
}

func parsePosition(b []byte) (Position, error) {
	if len(b) != positionSize {
		return Position{}, sizeError("position", len(b), positionSize)
	}
	return Position{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])}, nil
}

// Less reports whether p comes before q in the log.
func (p Position) Less(q Position) bool {
	return p.Block < q.Block || p.Block == q.Block && p.Index < q.Index
}

// Next is the position directly behind p.
func (p Position) Next() Position {
	if p.Index++; p.Index == 0 {
		p.Block++
	}
	return p
}
