// Package csprng expands a 32-byte seed into independent random streams, and
// samples the scheme's distributions from them (SPEC 3.1).
//
// Stream (label, index) of a seed is the keystream of AES-256-CTR, counter
// from zero, under the key HMAC-SHA-256(seed, label | 0x00 | index). Words are
// big-endian. Streams of different labels or indices are independent as long
// as HMAC-SHA-256 is a pseudorandom function, so a public mask and a secret
// error may come from one seed.
package csprng

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

const bufferSize = 4096

// Stream is one pseudorandom stream. It is not safe for concurrent use.
type Stream struct {
	ctr  cipher.Stream
	buf  [bufferSize]byte
	used int
}

// New opens the stream with the given label and index.
func New(seed Seed, label string, index uint64) *Stream {
	key := derive(seed, label, index)
	defer key.Wipe()
	block, err := aes.NewCipher(key.b[:])
	if err != nil {
		panic("csprng: AES refuses a 32-byte key: " + err.Error())
	}
	return &Stream{ctr: cipher.NewCTR(block, make([]byte, aes.BlockSize)), used: bufferSize}
}

func derive(seed Seed, label string, index uint64) (key Seed) {
	mac := hmac.New(sha256.New, seed.b[:])
	mac.Write([]byte(label))
	mac.Write(binary.BigEndian.AppendUint64([]byte{0}, index))
	mac.Sum(key.b[:0])
	return key
}

// next returns n <= 8 fresh bytes, valid until the next call.
func (s *Stream) next(n int) []byte {
	if s.used+n > bufferSize {
		s.refill()
	}
	s.used += n
	return s.buf[s.used-n : s.used]
}

// refill keeps the unread tail, so that the stream's bytes are read without gaps.
func (s *Stream) refill() {
	kept := copy(s.buf[:], s.buf[s.used:])
	clear(s.buf[kept:])
	s.ctr.XORKeyStream(s.buf[kept:], s.buf[kept:])
	s.used = 0
}

// Read fills p with the stream's next bytes. It never fails.
func (s *Stream) Read(p []byte) (int, error) {
	n := copy(p, s.buf[s.used:])
	s.used += n
	clear(p[n:])
	s.ctr.XORKeyStream(p[n:], p[n:])
	return len(p), nil
}

// Uint32 returns the next uniform 32-bit word.
func (s *Stream) Uint32() uint32 { return binary.BigEndian.Uint32(s.next(4)) }

// Uint64 returns the next uniform 64-bit word.
func (s *Stream) Uint64() uint64 { return binary.BigEndian.Uint64(s.next(8)) }

// Uint32s fills dst with uniform words.
func (s *Stream) Uint32s(dst []uint32) {
	for i := range dst {
		dst[i] = s.Uint32()
	}
}

// Uint64s fills dst with uniform words.
func (s *Stream) Uint64s(dst []uint64) {
	for i := range dst {
		dst[i] = s.Uint64()
	}
}

// Bits fills dst with uniform bits, one per element, taken from each byte of
// the stream in turn, least significant bit first.
func (s *Stream) Bits(dst []uint8) {
	var b byte
	for i := range dst {
		if i%8 == 0 {
			b = s.next(1)[0]
		}
		dst[i] = b & 1
		b >>= 1
	}
}

// TUniform samples TUniform(b) from one 64-bit word: an integer of [-2^b, 2^b]
// where the two ends are half as likely as the others. b is at most 61. Its
// variance is (2^(2b+1)+1)/6.
func (s *Stream) TUniform(b int) int64 {
	r := s.Uint64() & (1<<(b+2) - 1)
	return int64(r>>1+r&1) - 1<<b
}

// Wipe overwrites the buffered bytes of the stream. What the cipher itself
// holds is left to the garbage collector.
func (s *Stream) Wipe() {
	clear(s.buf[:])
	s.used = bufferSize
}
