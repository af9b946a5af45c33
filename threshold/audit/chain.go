package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"fhevm/fhe"
)

// A file is a header and frames; a frame is a record and the hash of the chain
// up to it. The format is docs/spec/threshold.md 6.12.
const (
	magic      = "fhevm audit log 1\n"
	headerSize = len(magic) + 20 + 4 + 8 + 32
	frameExtra = 4 + 32
	maxFrame   = maxBody + frameExtra
	// maxTail is the most that one write puts on disk: what was counted, a
	// decision or as many as are no longer together, a head. A crash leaves no more
	// than that unfinished.
	maxTail = 3 * maxFrame
)

// Position is the number and the hash of a record: a head, when it is the last.
// The zero number is that before the first record.
type Position struct {
	Seq  uint64     `json:"seq"`
	Hash fhe.Digest `json:"hash"`
}

// String is such as 12:0xab….
func (p Position) String() string { return fmt.Sprintf("%d:%s", p.Seq, p.Hash) }

// ParsePosition is the inverse of String.
func ParsePosition(s string) (p Position, err error) {
	seq, hash, ok := strings.Cut(s, ":")
	if p.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil || !ok {
		return p, fmt.Errorf("head %q is not a number, a colon and a hash, as party audit prints it", s)
	}
	if err := p.Hash.UnmarshalText([]byte(hash)); err != nil {
		return p, fmt.Errorf("head %q: %w", s, err)
	}
	return p, nil
}

// origin is the position before the first record of a signer's log.
func origin(signer fhe.Address) Position {
	return Position{Hash: sha256.Sum256(append([]byte(magic), signer[:]...))}
}

// next is the position of a record after p.
func (p Position) next(body []byte) Position {
	h := sha256.New()
	h.Write(p.Hash[:])
	h.Write(body)
	return Position{p.Seq + 1, fhe.Digest(h.Sum(nil))}
}

const headTag = "fhevm audit head"

// digest is what the signer of a head signs.
func (p Position) digest(signer fhe.Address) fhe.Digest {
	return fhe.Keccak([]byte(headTag), signer[:], binary.BigEndian.AppendUint64(nil, p.Seq), p.Hash[:])
}

// header is the beginning of file number n, whose first record comes after p:
//
//	magic(18) | signer(20) | file(4) | records before(8) | hash before(32)
func header(signer fhe.Address, n uint32, p Position) []byte {
	b := append([]byte(magic), signer[:]...)
	b = binary.BigEndian.AppendUint32(b, n)
	b = binary.BigEndian.AppendUint64(b, p.Seq)
	return append(b, p.Hash[:]...)
}

// signerOf reads the signer off a header.
func signerOf(b []byte) (a fhe.Address, ok bool) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	return a, ok && copy(a[:], rest) == len(a)
}

// appendFrame adds length(4) | record | hash(32) to b.
func appendFrame(b, body []byte, at Position) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return append(b, at.Hash[:]...)
}

// cutFrame takes the first frame off b, whose record comes after p. It returns
// nil if b does not begin with one.
func cutFrame(b []byte, p Position) (body []byte, at Position, rest []byte) {
	if len(b) < frameExtra {
		return nil, p, b
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > maxBody || uint64(len(b)) < n+frameExtra {
		return nil, p, b
	}
	body = b[4 : 4+n]
	at = p.next(body)
	if !bytes.Equal(at.Hash[:], b[4+n:][:32]) {
		return nil, p, b
	}
	return body, at, b[n+frameExtra:]
}
