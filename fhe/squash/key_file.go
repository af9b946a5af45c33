package squash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"fhevm/accel/ntt"
	"fhevm/fhe/internal/parallel"
)

// A key file is made to be mapped into memory (SPEC 5.5):
//
//	header | SHA-256 of the header(32) | zeros up to a multiple of 4096 | rows
//
// The header, big-endian, is
//
//	"fhevmkey"(8) | kind(1) = 4 | format(1) = 0 | n(2) | Q1(8) | Q2(8)
//	| N(2) | k(1) | base log(1) | levels(1) | noise(1) | SHA-256 of each row(32 n)
//
// Rows are 64-bit little-endian words, a matrix modulo Q1 and one modulo Q2 in
// the layout of ntt.Dot.
const (
	fixedHeader = 8 + 2 + 2 + 8 + 8 + 2 + 4
	pageSize    = 4096
	maxLen      = 4096 // bound of n, above every parameter set
)

func (k *Key) header() []byte {
	b := append([]byte("fhevmkey"), 4, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(k.Len()))
	b = binary.BigEndian.AppendUint64(b, Q1)
	b = binary.BigEndian.AppendUint64(b, Q2)
	b = binary.BigEndian.AppendUint16(b, ntt.N)
	b = append(b, glweDim, ntt.BaseLog, ntt.Levels, noiseLog)
	for _, sum := range k.sums {
		b = append(b, sum[:]...)
	}
	return b
}

// rowsOffset is where the rows of a key for n bits begin in its file.
func rowsOffset(n int) int64 {
	return int64(fixedHeader+32*n+32+pageSize-1) / pageSize * pageSize
}

// WriteTo writes the key file: 812 MB for 918 bits.
func (k *Key) WriteTo(w io.Writer) (int64, error) {
	header := k.header()
	sum := sha256.Sum256(header)
	page := make([]byte, rowsOffset(k.Len()))
	copy(page[copy(page, header):], sum[:])
	written, err := w.Write(page)
	total := int64(written)
	for i := 0; i < k.Len() && err == nil; i++ {
		written, err = w.Write(wordBytes(k.words[i*rowWords:][:rowWords]))
		total += int64(written)
	}
	if err != nil {
		return total, fmt.Errorf("write squash key: %w", err)
	}
	return total, nil
}

// OpenKey maps the key file at path into memory where the system can, or else
// reads it, and checks all of it against the digests in its header on all
// processors: half a second where the file is cached. That finds damage; only
// comparing Digest with a trusted one finds a forgery. Rows that were mapped take
// memory from when they are first used.
//
// The file must not change while the key is open. Replace it by renaming.
func OpenKey(path string) (*Key, error) {
	k, err := openKey(path)
	if err != nil {
		return nil, fmt.Errorf("open squash key: %w", err)
	}
	return k, nil
}

func openKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	k, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	offset := rowsOffset(k.Len())
	size := offset + int64(k.Len())*rowWords*8
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.Size() != size {
		return nil, fmt.Errorf("file has %d bytes, want %d", info.Size(), size)
	}
	m, err := mapFile(f, size)
	if err != nil {
		return nil, err
	}
	k.words, k.close = bytesWords(m[offset:]), m.release
	if err := k.verify(); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	m.rest()
	return k, nil
}

// readHeader reads and checks all that precedes the rows.
func readHeader(r io.Reader) (*Key, error) {
	var fixed [fixedHeader]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	n := int(binary.BigEndian.Uint16(fixed[10:]))
	if n == 0 || n > maxLen {
		return nil, fmt.Errorf("header: key for %d bits, want 1 to %d", n, maxLen)
	}
	page := make([]byte, rowsOffset(n)-fixedHeader)
	if _, err := io.ReadFull(r, page); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	k := &Key{sums: make([][32]byte, n)}
	for i := range k.sums {
		page = page[copy(k.sums[i][:], page):]
	}
	header := k.header()
	if !bytes.Equal(header[:fixedHeader], fixed[:]) {
		return nil, errors.New("header: not a squash key of these parameters")
	}
	sum := sha256.Sum256(header)
	if !bytes.Equal(page[:len(sum)], sum[:]) || !zero(page[len(sum):]) {
		return nil, errors.New("header is damaged")
	}
	return k, nil
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// verify checks every row's digest and that every word is reduced.
func (k *Key) verify() error {
	errs := make([]error, k.Len())
	parallel.For(k.Len(), func(i int) {
		row := k.words[i*rowWords:][:rowWords]
		if sha256.Sum256(wordBytes(row)) != k.sums[i] {
			errs[i] = fmt.Errorf("row %d is damaged", i)
			return
		}
		for p, q := range Moduli() {
			for _, w := range k.row(i, p) {
				if w >= q {
					errs[i] = fmt.Errorf("row %d has words that are not reduced", i)
					return
				}
			}
		}
	})
	return errors.Join(errs...)
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// wordBytes returns the little-endian bytes of words, sharing memory where the
// machine is little-endian.
func wordBytes(words []uint64) []byte {
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
	}
	b := make([]byte, 0, 8*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// bytesWords is the inverse of wordBytes. b is aligned to a word.
func bytesWords(b []byte) []uint64 {
	if littleEndian {
		return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
	}
	words := make([]uint64, len(b)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}
