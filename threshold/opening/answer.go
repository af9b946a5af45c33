package opening

import (
	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
)

// Answer is a party's shares of all blocks of all handles, in order. It is for
// the eyes of the parties.
type Answer struct {
	Digests []fhe.Digest    `json:"digests"` // of the squashed blocks
	Shares  threshold.Bytes `json:"shares"`  // field elements, 16 bytes a block
}

// NewAnswer is the answer of a party with the given partials, whose openings
// are on its disk.
func NewAnswer(partials []decrypt.Partial) *Answer {
	a := new(Answer)
	for _, p := range partials {
		a.Digests = append(a.Digests, p.Digest)
		a.Shares = p.Share.Append(a.Shares)
	}
	return a
}
