package permit

import (
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold/eip712"
)

// Result is a public decryption, as each party signs it and the decryption
// verifier checks it on chain.
type Result struct {
	Handles []fhe.Handle
	Values  []*uint256.Int // one for each handle
	Epoch   uint64
}

// The struct is the established one, so that contracts which check signatures by
// themselves find what they expect. Its extra data is the epoch, in 32 bytes.
const resultName = "PublicDecryptVerification"

var resultMembers = []eip712.Field{
	{Name: "ctHandles", Type: "bytes32[]"},
	{Name: "decryptedResult", Type: "bytes"},
	{Name: "extraData", Type: "bytes"},
}

// Encoding is the clear values in the ABI's form: one 32-byte word each.
func (r *Result) Encoding() []byte {
	var b []byte
	for i, v := range r.Values {
		w := r.Handles[i].Type().Word(v)
		b = append(b, w[:]...)
	}
	return b
}

// Digest is what a party signs.
func (r *Result) Digest(d eip712.Domain) fhe.Digest {
	return d.Digest(eip712.NewStruct(eip712.TypeString(resultName, resultMembers)).
		Handles(r.Handles).Bytes(r.Encoding()).Bytes(r.extraData()).Hash())
}

func (r *Result) extraData() []byte {
	e := uint256.NewInt(r.Epoch).Bytes32()
	return e[:]
}

// Proof is what a transaction passes to the verifier along with the encoded
// result: count(1) | signatures (65 each) | epoch(32). The signatures must be
// of different parties, at most 255.
func (r *Result) Proof(signatures []eip712.Signature) []byte {
	b := []byte{uint8(len(signatures))}
	for _, s := range signatures {
		b = append(b, s[:]...)
	}
	return append(b, r.extraData()...)
}
