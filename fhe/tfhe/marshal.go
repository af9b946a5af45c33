package tfhe

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"fhevm/fhe"
)

// Every key file is, words big-endian (SPEC 3.8):
//
//	"fhevmkey"(8) | kind(1) | format(1) = 1 | parameters(16) | payload | SHA-256 of all before(32)
const (
	keyMagic       = "fhevmkey"
	keyFormat      = 1
	kindSecret     = 1
	kindPublic     = 2
	kindEvaluation = 3
	kindRandom     = 5
)

var kindNames = map[uint8]string{kindSecret: "secret key", kindPublic: "public key", kindEvaluation: "evaluation key", kindRandom: "random key"}

// chunkWords is how many words are converted at a time.
const chunkWords = 2048

// header encodes kind, format and parameters.
func (p *Params) header(kind uint8) []byte {
	return append(append([]byte(keyMagic), kind, keyFormat), p.encoding()...)
}

// encoding is the 16 bytes of the parameters on which keys depend.
func (p *Params) encoding() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(p.LWEDim))
	b = append(b, uint8(p.LWENoise), uint8(p.GLWEDim))
	b = binary.BigEndian.AppendUint16(b, uint16(p.PolySize))
	b = append(b, uint8(p.GLWENoise), uint8(p.BootstrapBaseLog), uint8(p.BootstrapLevel),
		uint8(p.KeySwitchBaseLog), uint8(p.KeySwitchLevel))
	b = binary.BigEndian.AppendUint16(b, uint16(p.PackSize))
	return append(b, uint8(p.PackBaseLog), uint8(p.PackLevel), uint8(p.PackBits))
}

const headerSize = len(keyMagic) + 2 + 16

// keyWriter hashes and counts what it writes; the first error sticks.
type keyWriter struct {
	w   *bufio.Writer
	sum hash.Hash
	n   int64
	err error
	buf []byte
}

// writeKey writes a key file: header, payload, trailer.
func writeKey(w io.Writer, p *Params, kind uint8, payload func(*keyWriter)) (fhe.Digest, int64, error) {
	k := &keyWriter{w: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
	k.bytes(p.header(kind))
	payload(k)
	digest := fhe.Digest(k.sum.Sum(nil))
	k.bytes(digest[:])
	if k.err == nil {
		k.err = k.w.Flush()
	}
	clear(k.buf[:cap(k.buf)])
	if k.err != nil {
		return digest, k.n, fmt.Errorf("write %s: %w", kindNames[kind], k.err)
	}
	return digest, k.n, nil
}

func (k *keyWriter) bytes(b []byte) {
	if k.err != nil {
		return
	}
	k.sum.Write(b)
	n, err := k.w.Write(b)
	k.n, k.err = k.n+int64(n), err
}

func (k *keyWriter) words64(words []uint64) {
	for len(words) > 0 {
		chunk := words[:min(chunkWords, len(words))]
		k.buf = k.buf[:0]
		for _, x := range chunk {
			k.buf = binary.BigEndian.AppendUint64(k.buf, x)
		}
		k.bytes(k.buf)
		words = words[len(chunk):]
	}
}

func (k *keyWriter) words32(words []uint32) {
	for len(words) > 0 {
		chunk := words[:min(chunkWords, len(words))]
		k.buf = k.buf[:0]
		for _, x := range chunk {
			k.buf = binary.BigEndian.AppendUint32(k.buf, x)
		}
		k.bytes(k.buf)
		words = words[len(chunk):]
	}
}

// keyReader hashes what it reads; the first error sticks.
type keyReader struct {
	r   io.Reader
	sum hash.Hash
	err error
	buf [8 * chunkWords]byte
}

// readKey reads exactly one key file of the given kind and of parameters p. A
// payload is not to be trusted before readKey returns nil.
func readKey(r io.Reader, p *Params, kind uint8, payload func(*keyReader)) (fhe.Digest, error) {
	k := &keyReader{r: r, sum: sha256.New()}
	defer clear(k.buf[:])
	k.header(p, kind)
	if k.err == nil {
		payload(k)
	}
	digest := fhe.Digest(k.sum.Sum(nil))
	var trailer fhe.Digest
	k.bytes(trailer[:])
	if k.err == nil && subtle.ConstantTimeCompare(trailer[:], digest[:]) == 0 {
		k.err = errors.New("checksum does not match: the file is damaged")
	}
	if k.err != nil {
		return digest, fmt.Errorf("read %s: %w", kindNames[kind], k.err)
	}
	return digest, nil
}

func (k *keyReader) header(p *Params, kind uint8) {
	var b [headerSize]byte
	k.bytes(b[:])
	got, format := b[len(keyMagic)], b[len(keyMagic)+1]
	switch {
	case k.err != nil:
	case string(b[:len(keyMagic)]) != keyMagic:
		k.err = errors.New("not a key file")
	case got != kind && kindNames[got] != "":
		k.err = fmt.Errorf("the file holds a %s", kindNames[got])
	case got != kind:
		k.err = fmt.Errorf("unknown kind %d", got)
	case format != keyFormat:
		k.err = fmt.Errorf("format %d, want %d", format, keyFormat)
	case !bytes.Equal(b[:], p.header(kind)):
		k.err = fmt.Errorf("parameters differ from the set %q", p.Name)
	}
}

func (k *keyReader) bytes(b []byte) {
	if k.err != nil {
		return
	}
	if _, k.err = io.ReadFull(k.r, b); k.err == io.EOF {
		k.err = io.ErrUnexpectedEOF
	}
	k.sum.Write(b)
}

func (k *keyReader) words64(n int) []uint64 {
	words := make([]uint64, n)
	for dst := words; len(dst) > 0 && k.err == nil; {
		chunk := dst[:min(chunkWords, len(dst))]
		k.bytes(k.buf[:8*len(chunk)])
		for i := range chunk {
			chunk[i] = binary.BigEndian.Uint64(k.buf[8*i:])
		}
		dst = dst[len(chunk):]
	}
	return words
}

func (k *keyReader) words32(n int) []uint32 {
	words := make([]uint32, n)
	for dst := words; len(dst) > 0 && k.err == nil; {
		chunk := dst[:min(chunkWords, len(dst))]
		k.bytes(k.buf[:4*len(chunk)])
		for i := range chunk {
			chunk[i] = binary.BigEndian.Uint32(k.buf[4*i:])
		}
		dst = dst[len(chunk):]
	}
	return words
}
