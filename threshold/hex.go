package threshold

import (
	"encoding/hex"
	"errors"
	"strings"
)

// Bytes are written in text as 0x and hexadecimal digits.
type Bytes []byte

// String is 0x and two hexadecimal digits a byte.
func (b Bytes) String() string { return "0x" + hex.EncodeToString(b) }

// MarshalText is String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText is the inverse of MarshalText and accepts any letter case.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	s, ok := strings.CutPrefix(string(text), "0x")
	if !ok {
		return errors.New("want 0x and hexadecimal digits")
	}
	*b, err = hex.DecodeString(s)
	return err
}
