package permit

import (
	"bytes"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// settled is the encoded result 7 of hs and its proof by the given parties.
func settled(t *testing.T, hs []fhe.Handle, parties ...byte) (encoding, proof []byte) {
	t.Helper()
	tally := NewTally(domain, tallyCommittee(), hs)
	for _, p := range parties {
		if _, err := tally.Add(says(threshold.PartyID(p), p, hs, 7, 3)); err != nil {
			t.Fatal(err)
		}
	}
	r, proof := tally.Result()
	return r.Encoding(), proof
}

func TestOpenResult(t *testing.T) {
	hs := handlesOf(1, fhe.Uint8)
	encoding, proof := settled(t, hs, 1, 2, 4)
	r, err := OpenResult(domain, tallyCommittee(), hs, encoding, proof)
	if err != nil || r.Values[0].Uint64() != 7 {
		t.Fatalf("result %v, %v", r, err)
	}
}

func opens(d eip712.Domain, c *threshold.Committee, hs []fhe.Handle, encoding, proof []byte) error {
	_, err := OpenResult(d, c, hs, encoding, proof)
	return err
}

// TestOpenResultRefuses everything that a relay could make of a true result.
func TestOpenResultRefuses(t *testing.T) {
	hs := handlesOf(1, fhe.Uint8)
	encoding, proof := settled(t, hs, 1, 2, 4)
	lies := bytes.Clone(encoding)
	lies[31]++
	repeated := bytes.Clone(proof)
	copy(repeated[66:131], repeated[1:66])
	later := tallyCommittee()
	later.Epoch.Number++
	stranger := tallyCommittee()
	stranger.Members[3].Signer[0]++
	other := domain
	other.ChainID++
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"another value":       {opens(domain, tallyCommittee(), hs, lies, proof), "further member"},
		"another handle":      {opens(domain, tallyCommittee(), handlesOf(2, fhe.Uint8)[1:], encoding, proof), "further member"},
		"another chain":       {opens(other, tallyCommittee(), hs, encoding, proof), "further member"},
		"another epoch":       {opens(domain, later, hs, encoding, proof), "parameters anew"},
		"not of this network": {opens(domain, stranger, hs, encoding, proof), "further member"},
		"one party twice":     {opens(domain, tallyCommittee(), hs, encoding, repeated), "further member"},
		"too few":             {opens(domain, tallyCommittee(), hs, encoding, append([]byte{2}, proof[66:]...)), "2 of 4"},
		"empty":               {opens(domain, tallyCommittee(), hs, encoding, nil), "empty"},
		"cut short":           {opens(domain, tallyCommittee(), hs, encoding, proof[:len(proof)-1]), "bytes"},
		"a value less":        {opens(domain, tallyCommittee(), hs, nil, proof), "bytes"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, c.err, c.want)
		}
	}
}

// FuzzOpenResult: whatever opens is the value that three parties signed.
func FuzzOpenResult(f *testing.F) {
	hs := handlesOf(1, fhe.Uint8)
	tally := NewTally(domain, tallyCommittee(), hs)
	for _, p := range []byte{1, 2, 3} {
		tally.Add(says(threshold.PartyID(p), p, hs, 7, 3))
	}
	r, proof := tally.Result()
	f.Add(r.Encoding(), proof)
	f.Fuzz(func(t *testing.T, encoding, proof []byte) {
		got, err := OpenResult(domain, tallyCommittee(), hs, encoding, proof)
		if err == nil && got.Values[0].Uint64() != 7 {
			t.Errorf("opened %v", got.Values)
		}
	})
}
