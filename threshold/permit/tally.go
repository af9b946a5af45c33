package permit

import (
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// PublicAnswer is a party's word for the values of publicly decrypted handles.
type PublicAnswer struct {
	Party     threshold.PartyID `json:"party"`
	Handles   []fhe.Handle      `json:"handles"`
	Result    threshold.Bytes   `json:"result"` // Result.Encoding
	Epoch     uint64            `json:"epoch"`
	Signature eip712.Signature  `json:"signature"` // of Result.Digest
}

// NewPublicAnswer is the answer of a party that signs r.
func NewPublicAnswer(id threshold.PartyID, r *Result, s eip712.Signature) *PublicAnswer {
	return &PublicAnswer{Party: id, Handles: r.Handles, Result: r.Encoding(), Epoch: r.Epoch, Signature: s}
}

// result decodes the answer to a question for the given handles.
func (a *PublicAnswer) result(handles []fhe.Handle) (*Result, error) {
	if !slices.Equal(a.Handles, handles) {
		return nil, errors.New("answers for other handles")
	}
	if len(a.Result) != 32*len(handles) {
		return nil, fmt.Errorf("result has %d bytes, want %d", len(a.Result), 32*len(handles))
	}
	r := &Result{Handles: handles, Epoch: a.Epoch}
	for i, h := range handles {
		v, err := h.Type().Value([32]byte(a.Result[32*i:]))
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
		r.Values = append(r.Values, v)
	}
	return r, nil
}

// Tally collects parties' answers to one public decryption until 2t+1 of them
// say the same. Answers by others or of other content are without effect.
type Tally struct {
	domain     eip712.Domain
	committee  *threshold.Committee
	handles    []fhe.Handle
	signatures map[fhe.Digest]map[threshold.PartyID]eip712.Signature
	done       *Result
}

// NewTally begins the collection of answers for the given handles.
func NewTally(d eip712.Domain, c *threshold.Committee, handles []fhe.Handle) *Tally {
	return &Tally{domain: d, committee: c, handles: handles, signatures: map[fhe.Digest]map[threshold.PartyID]eip712.Signature{}}
}

// Add takes in an answer and reports whether the result is settled. The error
// says what is wrong with this answer; the collection goes on.
func (t *Tally) Add(a *PublicAnswer) (done bool, err error) {
	member, err := t.committee.Member(a.Party)
	if err != nil {
		return t.done != nil, err
	}
	r, err := a.result(t.handles)
	if err != nil {
		return t.done != nil, fmt.Errorf("party %d %w", a.Party, err)
	}
	digest := r.Digest(t.domain)
	signer, err := a.Signature.Recover(digest)
	if err != nil || signer != member.Signer || r.Epoch != t.committee.Epoch.Number {
		return t.done != nil, fmt.Errorf("party %d did not sign its result in epoch %d", a.Party, t.committee.Epoch.Number)
	}
	if t.signatures[digest] == nil {
		t.signatures[digest] = map[threshold.PartyID]eip712.Signature{}
	}
	t.signatures[digest][a.Party] = a.Signature
	if len(t.signatures[digest]) >= t.committee.Quorum().Agree() {
		t.done = r
	}
	return t.done != nil, nil
}

// Result returns the settled result, nil before that, and the proof that the
// decryption verifier checks on chain.
func (t *Tally) Result() (*Result, []byte) {
	if t.done == nil {
		return nil, nil
	}
	var signatures []eip712.Signature
	of := t.signatures[t.done.Digest(t.domain)]
	for _, m := range t.committee.Members {
		if s, ok := of[m.Party]; ok {
			signatures = append(signatures, canonical(s))
		}
	}
	return t.done, t.done.Proof(signatures)
}

// canonical writes v as 27 or 28, as the chain's ecrecover wants it.
func canonical(s eip712.Signature) eip712.Signature {
	if s[64] < 27 {
		s[64] += 27
	}
	return s
}
