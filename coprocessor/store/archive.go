package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/crypto/sha3"

	"fhevm/fhe"
)

// An archive carries packed ciphertexts from one store to another of the same
// domain (SPEC 7.6): a header, records, and an end that commits to all of it.
const (
	archiveMagic   = "fhevmct"
	archiveVersion = 1
)

// Record is a packed ciphertext in an archive.
type Record struct {
	Content    ID         // the first content of the operation, or the digest of the input list
	Digest     fhe.Digest // of Packed
	Handle     fhe.Handle // one whose ciphertext is in Packed
	Derivation []byte     // of Handle, empty for an input
	Signature  []byte     // 65 bytes by which a coprocessor vouches for (Handle, Digest), or none
	Packed     []byte
}

const (
	signatureSize = 65
	recordHeader  = 32 + 32 + 32 + 2
	maxRecord     = recordHeader + fhe.MaxDerivation + 1 + signatureSize + MaxPacked
)

// MarshalBinary encodes r: content(32) | digest(32) | handle(32) | size(2) |
// derivation | size(1), 0 or 65 | signature | packed.
func (r *Record) MarshalBinary() ([]byte, error) {
	if len(r.Derivation) > fhe.MaxDerivation || len(r.Packed) > MaxPacked || !signatureFits(len(r.Signature)) {
		return nil, fmt.Errorf("record of content %s: a part is too long", r.Content)
	}
	b := make([]byte, 0, recordHeader+len(r.Derivation)+1+len(r.Signature)+len(r.Packed))
	b = append(append(append(b, r.Content[:]...), r.Digest[:]...), r.Handle[:]...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(r.Derivation))), r.Derivation...)
	b = append(append(b, byte(len(r.Signature))), r.Signature...)
	return append(b, r.Packed...), nil
}

func signatureFits(n int) bool { return n == 0 || n == signatureSize }

// UnmarshalBinary is the inverse of MarshalBinary. It checks the digest, and
// keeps parts of b.
func (r *Record) UnmarshalBinary(b []byte) error {
	if len(b) < recordHeader {
		return sizeError("record", len(b), recordHeader)
	}
	d := Record{Content: ID(b), Digest: fhe.Digest(b[32:]), Handle: fhe.Handle(b[64:96])}
	n, b := int(binary.BigEndian.Uint16(b[96:])), b[recordHeader:]
	if n > fhe.MaxDerivation || len(b) < n+1 {
		return fmt.Errorf("record claims a derivation of %d bytes", n)
	}
	d.Derivation, b = b[:n:n], b[n:]
	n, b = int(b[0]), b[1:]
	if !signatureFits(n) || len(b) < n || len(b) > n+MaxPacked {
		return fmt.Errorf("record claims a signature of %d bytes before %d more", n, len(b))
	}
	d.Signature, d.Packed = b[:n:n], b[n:]
	if got := fhe.Keccak(d.Packed); got != d.Digest {
		return fmt.Errorf("record of %s: the ciphertext has digest %s, not %s", d.Handle, got, d.Digest)
	}
	*r = d
	return nil
}

// archiveWriter writes an archive.
type archiveWriter struct {
	w       *bufio.Writer
	hash    hash.Hash
	records uint64
}

func newArchiveWriter(w io.Writer, domain fhe.Domain) (*archiveWriter, error) {
	a := &archiveWriter{w: bufio.NewWriter(w), hash: sha3.NewLegacyKeccak256()}
	return a, a.write(append([]byte(archiveMagic), archiveVersion), domain.Append(nil))
}

func (a *archiveWriter) write(parts ...[]byte) error {
	for _, b := range parts {
		a.hash.Write(b)
		if _, err := a.w.Write(b); err != nil {
			return fmt.Errorf("write archive: %w", err)
		}
	}
	return nil
}

func (a *archiveWriter) add(r *Record) error {
	b, err := r.MarshalBinary()
	if err != nil {
		return err
	}
	a.records++
	return a.write(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b)
}

// end writes size 0 | records(8) | hash of all that(32).
func (a *archiveWriter) end() error {
	err := a.write(make([]byte, 4), binary.BigEndian.AppendUint64(nil, a.records))
	if err != nil {
		return err
	}
	return errors.Join(a.write(a.hash.Sum(nil)), a.w.Flush())
}

// ArchiveReader reads an archive.
type ArchiveReader struct {
	Domain fhe.Domain

	r       *bufio.Reader
	hash    hash.Hash
	records uint64
}

// NewArchiveReader reads the header.
func NewArchiveReader(r io.Reader) (*ArchiveReader, error) {
	a := &ArchiveReader{r: bufio.NewReader(r), hash: sha3.NewLegacyKeccak256()}
	head, err := a.read(len(archiveMagic) + 1 + fhe.DomainSize)
	switch {
	case err != nil:
		return nil, err
	case !bytes.HasPrefix(head, []byte(archiveMagic)):
		return nil, errors.New("it is no archive of ciphertexts")
	case head[len(archiveMagic)] != archiveVersion:
		return nil, fmt.Errorf("archive has version %d, want %d", head[len(archiveMagic)], archiveVersion)
	}
	a.Domain, err = fhe.ParseDomain(head[len(archiveMagic)+1:])
	return a, err
}

// read reads n bytes that are hashed.
func (a *ArchiveReader) read(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(a.r, b)
	if errors.Is(err, io.EOF) { // io.EOF means that all is there
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("the archive ends too early, behind record %d: %w", a.records, err)
	}
	a.hash.Write(b)
	return b, nil
}

// Next returns the next record, and io.EOF behind the last of a whole archive.
func (a *ArchiveReader) Next() (*Record, error) {
	head, err := a.read(4)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size == 0 {
		return nil, a.finish()
	}
	if size > maxRecord {
		return nil, fmt.Errorf("record %d claims %d bytes, want at most %d", a.records, size, maxRecord)
	}
	b, err := a.read(int(size))
	if err != nil {
		return nil, err
	}
	r := new(Record)
	if err := r.UnmarshalBinary(b); err != nil {
		return nil, fmt.Errorf("record %d: %w", a.records, err)
	}
	a.records++
	return r, nil
}

func (a *ArchiveReader) finish() error {
	count, err := a.read(8)
	if err != nil {
		return err
	}
	want := a.hash.Sum(nil)
	sum, err := a.read(32)
	switch {
	case err != nil:
		return err
	case binary.BigEndian.Uint64(count) != a.records:
		return fmt.Errorf("archive has %d records and claims %d", a.records, binary.BigEndian.Uint64(count))
	case !bytes.Equal(sum, want):
		return errors.New("archive was changed on its way: its hash is another")
	}
	if _, err := a.r.ReadByte(); err == nil {
		return errors.New("archive has more bytes behind its end")
	}
	return io.EOF
}
