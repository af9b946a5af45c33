package permit

import (
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
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

// OpenResult decodes an encoded result of the handles with its proof, as the
// decryption verifier takes them, and checks what that checks: that 2t+1
// members of the committee, and nobody else, signed these values in its epoch.
// Whoever has both from a relay need not believe the relay.
func OpenResult(d eip712.Domain, c *threshold.Committee, handles []fhe.Handle, encoding, proof []byte) (*Result, error) {
	signatures, err := parseProof(proof)
	if err != nil {
		return nil, err
	}
	r, err := (&PublicAnswer{Handles: handles, Result: encoding, Epoch: c.Epoch.Number}).result(handles)
	if err != nil {
		return nil, err
	}
	if epoch := new(uint256.Int).SetBytes(proof[len(proof)-32:]); !epoch.Eq(uint256.NewInt(r.Epoch)) {
		return nil, fmt.Errorf("result is signed in epoch %s, and this is the committee of epoch %d: fetch the network's parameters anew", epoch.Dec(), r.Epoch)
	}
	return r, checkSigners(c, r.Digest(d), signatures)
}

func parseProof(proof []byte) (signatures []eip712.Signature, err error) {
	if len(proof) == 0 {
		return nil, errors.New("empty proof")
	}
	if want := 1 + 65*int(proof[0]) + 32; len(proof) != want {
		return nil, fmt.Errorf("proof of %d signatures has %d bytes, want %d", proof[0], len(proof), want)
	}
	for i := range int(proof[0]) {
		signatures = append(signatures, eip712.Signature(proof[1+65*i:]))
	}
	return signatures, nil
}

func checkSigners(c *threshold.Committee, digest fhe.Digest, signatures []eip712.Signature) error {
	members := map[fhe.Address]threshold.PartyID{}
	for _, m := range c.Members {
		members[m.Signer] = m.Party
	}
	var signed threshold.PartySet
	for i, s := range signatures {
		signer, err := s.Recover(digest)
		if err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
		party, known := members[signer]
		if !known || signed.Has(party) {
			return fmt.Errorf("signature %d of the result is not that of a further member", i)
		}
		signed = signed.With(party)
	}
	if signed.Len() < c.Quorum().Agree() {
		return fmt.Errorf("%d of %d parties signed the result, want %d", signed.Len(), c.Quorum().N, c.Quorum().Agree())
	}
	return nil
}
