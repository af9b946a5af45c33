package committee

import (
	"bytes"
	"encoding/json"

	"fhevm/threshold"
)

// MaxMessage bounds messages in either direction; the largest answer, of 544
// blocks, has about 60 KB.
const MaxMessage = 1 << 18

// message is the encoding of a message. Both ends receive this: at a server
// decoding comes after admission, and a message that does not decode is the
// sender's doing and no failure of the connection.
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
func (m message) decode(v any) error { return threshold.DecodeJSON(m, v) }
