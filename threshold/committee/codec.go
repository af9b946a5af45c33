package committee

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxMessage bounds messages in either direction; the largest answer, of 544
// blocks, has about 60 KB.
const MaxMessage = 1 << 18

// message is the encoding of a message. Servers receive this, so that decoding
// comes after admission and a message that does not decode is a refusal like
// any other.
type message []byte

// jsonCodec is the wire format: each message is one JSON object (gRPC content
// subtype "json"), the same that wallets read and write.
type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec) Unmarshal(b []byte, v any) error {
	if m, ok := v.(*message); ok {
		*m = bytes.Clone(b)
		return nil
	}
	return message(b).decode(v)
}

// decode reads exactly one object without unknown members into v.
func (m message) decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(m))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("decode message: data after the object")
	}
	return nil
}
