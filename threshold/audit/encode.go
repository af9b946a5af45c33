package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// The kinds of records.
const (
	kindDecision = iota + 1
	kindHead
	kindCut
	kindUnlisted
	kindRestored
	kindStarted
	kindServing
	kindRecounted
)

const (
	recordHeader = 1 + 8 + 8 // kind, number, time
	minBody      = recordHeader
	maxBody      = 4096
)

// Encode lays out a record, big-endian:
//
//	kind(1) | number(8) | Unix milliseconds(8) | content
//
// It fails for a record that breaks a bound.
func (r *Record) Encode() ([]byte, error) {
	b := make([]byte, 1, 512)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(max(0, r.Time.UnixMilli())))
	switch {
	case r.Decision != nil:
		b[0] = kindDecision
		return r.Decision.append(b)
	case r.Head != nil:
		b[0] = kindHead
		return append(b, r.Head.Signature[:]...), nil
	case r.Cut != nil:
		b[0] = kindCut
		return r.Cut.append(b), nil
	case r.Restored != nil:
		b[0] = kindRestored
		return r.Restored.append(b), nil
	case r.Started != nil:
		b[0] = kindStarted
		return b, nil
	case r.Serving != nil:
		b[0] = kindServing
		return r.Serving.append(b), nil
	case r.Recounted != nil:
		b[0] = kindRecounted
		return appendNumbers(b, r.Recounted.Epoch, r.Recounted.Openings), nil
	case r.Unlisted != nil:
		b[0] = kindUnlisted
		return appendNumbers(b, r.Unlisted.Refusals, r.Unlisted.Repeats), nil
	}
	return nil, errors.New("audit record says nothing")
}

// append adds
//
//	method(1) | request(32) | caller(32) | from(1) | user(20) | delegator(20)
//	| epoch(8) | block(8) | fresh(8) | openings(8) | repeats(8)
//	| length(1) refusal | count(1) handles(32 each) | count(1) digests(32 each)
func (d *Decision) append(b []byte) ([]byte, error) {
	if len(d.Handles) > MaxHandles || len(d.Digests) > MaxHandles || len(d.Refusal) > maxOutcome {
		return nil, fmt.Errorf("audit record of %d handles, %d digests and refusal %q is out of bounds", len(d.Handles), len(d.Digests), d.Refusal)
	}
	b = append(b, byte(d.Method))
	b = append(b, d.Request[:]...)
	b = append(b, d.Caller[:]...)
	b = append(b, byte(d.From))
	b = append(b, d.User[:]...)
	b = append(b, d.Delegator[:]...)
	b = appendNumbers(b, d.Epoch, d.Block, d.Fresh, d.Openings, d.Repeats)
	b = append(append(b, byte(len(d.Refusal))), d.Refusal...)
	b = append(b, byte(len(d.Handles)))
	for _, h := range d.Handles {
		b = append(b, h[:]...)
	}
	b = append(b, byte(len(d.Digests)))
	for _, h := range d.Digests {
		b = append(b, h[:]...)
	}
	return b, nil
}

func (c *Cut) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.File)
	b = binary.BigEndian.AppendUint64(b, c.Offset)
	b = binary.BigEndian.AppendUint64(b, c.Bytes)
	return append(b, c.SHA256[:]...)
}

func (r *Restored) append(b []byte) []byte {
	b = append(b, r.Backup[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = append(b, r.Hash[:]...)
	return binary.BigEndian.AppendUint64(b, r.Openings)
}

func (s *Serving) append(b []byte) []byte {
	return appendNumbers(append(appendNumbers(b, s.Epoch), byte(s.Party)), s.Openings, s.Limit, s.PerDay)
}

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// Decode is the inverse of Encode. It shares no memory with b.
func Decode(b []byte) (*Record, error) {
	if len(b) < minBody || len(b) > maxBody {
		return nil, fmt.Errorf("audit record has %d bytes, want %d to %d", len(b), minBody, maxBody)
	}
	in := &reader{rest: b}
	kind := in.byte()
	r := &Record{Seq: in.uint64()}
	millis := in.uint64()
	if millis > math.MaxInt64/1000 {
		return nil, fmt.Errorf("audit record is of time %d", millis)
	}
	r.Time = time.UnixMilli(int64(millis)).UTC()
	if err := r.decode(kind, in); err != nil {
		return nil, err
	}
	if in.short || len(in.rest) != 0 {
		return nil, fmt.Errorf("audit record of kind %d has another length than its content", kind)
	}
	return r, nil
}

func (r *Record) decode(kind byte, in *reader) error {
	switch kind {
	case kindDecision:
		r.Decision = new(Decision)
		return r.Decision.decode(in)
	case kindHead:
		r.Head = &Head{Signature: eip712.Signature(in.bytes(65))}
	case kindCut:
		r.Cut = &Cut{File: in.uint32(), Offset: in.uint64(), Bytes: in.uint64(), SHA256: in.digest()}
	case kindRestored:
		r.Restored = &Restored{Backup: in.digest(), Seq: in.uint64(), Hash: in.digest(), Openings: in.uint64()}
	case kindStarted:
		r.Started = new(Started)
	case kindServing:
		r.Serving = &Serving{Epoch: in.uint64(), Party: threshold.PartyID(in.byte()), Openings: in.uint64(), Limit: in.uint64(), PerDay: in.uint64()}
	case kindRecounted:
		r.Recounted = &Recounted{Epoch: in.uint64(), Openings: in.uint64()}
	case kindUnlisted:
		r.Unlisted = &Unlisted{Refusals: in.uint64(), Repeats: in.uint64()}
	default:
		return fmt.Errorf("audit record is of unknown kind %d", kind)
	}
	return nil
}

func (d *Decision) decode(in *reader) error {
	d.Method, d.Request, d.Caller, d.From = Method(in.byte()), in.digest(), in.digest(), threshold.PartyID(in.byte())
	d.User, d.Delegator = fhe.Address(in.bytes(20)), fhe.Address(in.bytes(20))
	d.Epoch, d.Block, d.Fresh, d.Openings, d.Repeats = in.uint64(), in.uint64(), in.uint64(), in.uint64(), in.uint64()
	refusal := int(in.byte())
	if refusal > maxOutcome {
		return fmt.Errorf("audit record has a refusal of %d characters", refusal)
	}
	d.Refusal = threshold.Code(in.bytes(refusal))
	handles, err := in.words()
	if err != nil {
		return err
	}
	digests, err := in.words()
	for _, h := range handles {
		d.Handles = append(d.Handles, fhe.Handle(h))
	}
	for _, h := range digests {
		d.Digests = append(d.Digests, fhe.Digest(h))
	}
	return err
}

// reader takes fields off a record. What is not there reads as zeros.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.short = true
		return make([]byte, n)
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) byte() byte         { return r.bytes(1)[0] }
func (r *reader) uint32() uint32     { return binary.BigEndian.Uint32(r.bytes(4)) }
func (r *reader) uint64() uint64     { return binary.BigEndian.Uint64(r.bytes(8)) }
func (r *reader) digest() fhe.Digest { return fhe.Digest(r.bytes(32)) }

// words are a count and as many words of 32 bytes.
func (r *reader) words() (out [][]byte, err error) {
	n := int(r.byte())
	if n > MaxHandles {
		return nil, fmt.Errorf("audit record has a list of %d, want at most %d", n, MaxHandles)
	}
	for range n {
		out = append(out, r.bytes(32))
	}
	return out, nil
}
