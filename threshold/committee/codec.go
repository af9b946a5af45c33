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

// jsonCodec is the wire format: each message is one JSON object (gRPC content
// subtype "json"), the same that wallets read and write.
type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec) Unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("decode message: data after the object")
	}
	return nil
}
