package threshold

import (
	"encoding/binary"
	"fmt"

	"fhevm/fhe"
)

// Epoch names one sharing of one squash secret. Resharing begins a new epoch
// with new shares and new PRSS keys.
type Epoch struct {
	Number    uint64     `json:"number"`
	Key       fhe.Digest `json:"key"`       // id of the network key
	SquashKey fhe.Digest `json:"squashKey"` // id of the squash key
}

// EpochSize is the encoded size of an Epoch.
const EpochSize = 8 + 32 + 32

// Append appends the encoding of e to b: number big-endian, key id, squash-key id.
func (e Epoch) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = append(b, e.Key[:]...)
	return append(b, e.SquashKey[:]...)
}

// ParseEpoch is the inverse of Append on the first EpochSize bytes of b.
func ParseEpoch(b []byte) (Epoch, error) {
	if len(b) < EpochSize {
		return Epoch{}, fmt.Errorf("epoch has %d bytes, want %d", len(b), EpochSize)
	}
	return Epoch{Number: binary.BigEndian.Uint64(b), Key: fhe.Digest(b[8:40]), SquashKey: fhe.Digest(b[40:72])}, nil
}

// Session identifies the mask of one squashed block.
type Session fhe.Digest

const sessionTag = "fhevm threshold session"

// Session derives the session of the squashed block with the given digest at
// position block of its value: Keccak-256(tag | epoch | digest | block(4)).
//
// The digest must be that of the very buffer that the party multiplies with
// its share. Then one squashed block always gets one mask and two never share
// one, whoever asks and how often: two blocks under one mask would give away
// a linear equation on the secret.
func (e Epoch) Session(digest fhe.Digest, block int) Session {
	at := binary.BigEndian.AppendUint32(nil, uint32(block))
	return Session(fhe.Keccak([]byte(sessionTag), e.Append(nil), digest[:], at))
}
