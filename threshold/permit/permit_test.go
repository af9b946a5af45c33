package permit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

var domain = eip712.Domain{ChainID: 31337, Verifier: fhe.Address{0xde, 0xc0, 19: 1}}

func sample() *Permit {
	return New("https://bank.example", []fhe.Address{{1}, {2, 19: 9}}, 1_700_000_000, 1_700_086_400, make([]byte, TransportKeySize))
}

func delegatedSample() *Permit {
	return NewDelegated("https://bank.example", fhe.Address{7, 19: 7}, []fhe.Address{{1}}, 1_700_000_000, 1_700_086_400, make([]byte, TransportKeySize))
}

func secret(b byte) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{31: b}) }

// TestDigestAgainstGeth hashes the typed-data JSON that a wallet sees with
// geth's encoder.
func TestDigestAgainstGeth(t *testing.T) {
	p := sample()
	odd, ofContract, both := *p, *p, *delegatedSample()
	ofContract.Account, both.Account = fhe.Address{8}, fhe.Address{9}
	odd.Statement, odd.Contracts, odd.ValidFrom, odd.ValidUntil = "Überall „lesen“ 🙂", odd.Contracts[:1], 0, 1
	for _, p := range []*Permit{p, &odd, delegatedSample(), &ofContract, &both} {
		b, err := json.Marshal(p.TypedData(domain))
		if err != nil {
			t.Fatal(err)
		}
		var data apitypes.TypedData
		if err := json.Unmarshal(b, &data); err != nil {
			t.Fatal(err)
		}
		want, _, err := apitypes.TypedDataAndHash(data)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Digest(domain); got != fhe.Digest(want) {
			t.Errorf("%q: digest %s, geth %x", p.Statement, got, want)
		}
	}
}

// TestResultAgainstGeth hashes a decryption result with geth's encoder.
func TestResultAgainstGeth(t *testing.T) {
	r := Result{Handles: []fhe.Handle{{1}, {2}}, Values: []*uint256.Int{uint256.NewInt(5), uint256.MustFromHex("0xffffffffffffffff")}, Epoch: 3}
	data := apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {{Name: "name", Type: "string"}, {Name: "version", Type: "string"}, {Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"}},
			"PublicDecryptVerification": {
				{Name: "ctHandles", Type: "bytes32[]"}, {Name: "decryptedResult", Type: "bytes"}, {Name: "extraData", Type: "bytes"},
			},
		},
		PrimaryType: "PublicDecryptVerification",
		Domain:      apitypes.TypedDataDomain{Name: "fhevm", Version: "1", ChainId: nil, VerifyingContract: domain.Verifier.String()},
		Message: apitypes.TypedDataMessage{
			"ctHandles":       []any{r.Handles[0].String(), r.Handles[1].String()},
			"decryptedResult": threshold.Bytes(r.Encoding()).String(),
			"extraData":       fmt.Sprintf("0x%064x", 3),
		},
	}
	var chain big.Int
	chain.SetUint64(domain.ChainID)
	if err := json.Unmarshal([]byte(chain.String()), &data.Domain.ChainId); err != nil {
		t.Fatal(err)
	}
	want, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Digest(domain); got != fhe.Digest(want) {
		t.Errorf("digest %s, geth %x", got, want)
	}
}

// TestKnownAnswers pins the digests for other implementations.
func TestKnownAnswers(t *testing.T) {
	p := sample()
	if want := "Allow https://bank.example to view your encrypted values in 2 contracts until 2023-11-15 22:13 UTC. This does not allow spending."; p.Statement != want {
		t.Errorf("statement %q", p.Statement)
	}
	if got, want := p.Digest(domain).String(), "0xeb74a579e0c7ffb88ef0ccaa667d651bddacc8f32a1e8b201cf706efbf1a8f39"; got != want {
		t.Errorf("permit digest %s, want %s", got, want)
	}
	d := delegatedSample()
	if want := "Allow https://bank.example to view the encrypted values of 0x0700000000000000000000000000000000000007 in 1 contract until 2023-11-15 22:13 UTC. This does not allow spending."; d.Statement != want {
		t.Errorf("statement %q", d.Statement)
	}
	if got, want := d.Digest(domain).String(), "0xac01ca2735188a1406f3eb69ab793d9ea0c22ac3bf1f8269645f5103e34a9c4f"; got != want {
		t.Errorf("delegated permit digest %s, want %s", got, want)
	}
	r := Result{Handles: []fhe.Handle{{1}}, Values: []*uint256.Int{uint256.NewInt(7)}, Epoch: 1}
	if got, want := r.Digest(domain).String(), "0xc81785f926db76af982be2edbed7f78da10f69dd26aa2700bccb8383b75d863c"; got != want {
		t.Errorf("result digest %s, want %s", got, want)
	}
	if proof := r.Proof(make([]eip712.Signature, 3)); len(proof) != 1+3*65+32 || proof[0] != 3 || proof[len(proof)-1] != 1 {
		t.Errorf("proof %x", proof)
	}
}

func sampleRequest() *Request {
	r := &Request{
		Domain: domain, User: eip712.AddressOf(secret(1).PubKey()), Permit: *sample(),
		TransportKey: make([]byte, TransportKeySize),
		Handles:      []fhe.Handle{fhe.NewHandle(fhe.Digest{1}, fhe.Computed, domain.ChainID, fhe.Uint64, 0)},
	}
	r.sign(domain, 1)
	return r
}

func handlesOf(n int, t fhe.Type) (out []fhe.Handle) {
	for i := range n {
		out = append(out, fhe.NewHandle(fhe.Digest{byte(i)}, fhe.Computed, 1, t, 0))
	}
	return out
}

// sign signs the permit with key b.
func (r *Request) sign(d eip712.Domain, b byte) {
	r.Signature = r.Permit.Sign(d, secret(b))
}

func (r *Request) check() error {
	if err := r.Check(domain); err != nil {
		return err
	}
	return r.CheckKey(domain)
}

// TestRequestChecks breaks one rule at a time; each has its own code.
func TestRequestChecks(t *testing.T) {
	if err := sampleRequest().check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*Request)
		code  threshold.Code
	}{
		"other chain":         {func(r *Request) { r.Domain.ChainID++ }, threshold.PermitWrongChain},
		"other verifier":      {func(r *Request) { r.Domain.Verifier[0]++ }, threshold.PermitWrongChain},
		"signed elsewhere":    {func(r *Request) { r.sign(eip712.Domain{ChainID: 1}, 1) }, threshold.PermitBadSigner},
		"other user":          {func(r *Request) { r.User[3]++ }, threshold.PermitBadSigner},
		"other signer":        {func(r *Request) { r.sign(domain, 2) }, threshold.PermitBadSigner},
		"statement changed":   {func(r *Request) { r.Permit.Statement += "!" }, threshold.PermitBadSigner},
		"contract added":      {func(r *Request) { r.Permit.Contracts = append(r.Permit.Contracts, fhe.Address{3}) }, threshold.PermitBadSigner},
		"life extended":       {func(r *Request) { r.Permit.ValidUntil++ }, threshold.PermitBadSigner},
		"begun earlier":       {func(r *Request) { r.Permit.ValidFrom-- }, threshold.PermitBadSigner},
		"other key":           {func(r *Request) { r.TransportKey[0]++ }, threshold.PermitWrongKey},
		"short key":           {func(r *Request) { r.TransportKey = r.TransportKey[1:] }, threshold.BadRequest},
		"user is contract":    {func(r *Request) { r.Permit.Contracts[1] = r.User }, threshold.UserIsContract},
		"delegator added":     {func(r *Request) { r.Permit.Delegator = fhe.Address{3} }, threshold.PermitBadSigner},
		"own delegator":       {func(r *Request) { r.Permit.Delegator = r.User }, threshold.BadRequest},
		"delegator contract":  {func(r *Request) { r.Permit.Delegator = r.Permit.Contracts[1] }, threshold.UserIsContract},
		"no contract":         {func(r *Request) { r.Permit.Contracts = nil }, threshold.BadRequest},
		"many contracts":      {func(r *Request) { r.Permit.Contracts = make([]fhe.Address, MaxContracts+1) }, threshold.BadRequest},
		"no statement":        {func(r *Request) { r.Permit.Statement = "" }, threshold.BadRequest},
		"long statement":      {func(r *Request) { r.Permit.Statement = strings.Repeat("a", MaxStatement+1) }, threshold.BadRequest},
		"right to left":       {func(r *Request) { r.Permit.Statement = "view\u202e" }, threshold.BadRequest},
		"not UTF-8":           {func(r *Request) { r.Permit.Statement = "view\xff" }, threshold.BadRequest},
		"backwards":           {func(r *Request) { r.Permit.ValidUntil = r.Permit.ValidFrom - 1 }, threshold.BadRequest},
		"too long":            {func(r *Request) { r.Permit.ValidUntil = r.Permit.ValidFrom + MaxLifetime + 1 }, threshold.BadRequest},
		"no handle":           {func(r *Request) { r.Handles = nil }, threshold.BadRequest},
		"many handles":        {func(r *Request) { r.Handles = handlesOf(MaxHandles+1, fhe.Bool) }, threshold.BadRequest},
		"same handle":         {func(r *Request) { r.Handles = append(r.Handles, r.Handles[0]) }, threshold.BadRequest},
		"handle of no type":   {func(r *Request) { r.Handles[0][30] = 99 }, threshold.UnknownHandle},
		"of another contract": {func(r *Request) { r.Permit.Account = fhe.Address{4} }, threshold.PermitBadSigner},
		"made a contract's":   {func(r *Request) { r.Permit.Account = r.User }, threshold.PermitBadSigner},
		"no signature":        {func(r *Request) { r.Signature = nil }, threshold.PermitBadSigner},
		"long signature":      {func(r *Request) { r.Signature = make([]byte, MaxSignature+1) }, threshold.PermitBadSigner},
		"signature of zeros":  {func(r *Request) { r.Signature = make([]byte, 65) }, threshold.PermitBadSigner},
	} {
		r := sampleRequest()
		c.spoil(r)
		var fault *threshold.Fault
		if err := r.check(); !errors.As(err, &fault) || fault.Code != c.code {
			t.Errorf("%s: got %v, want code %s", name, err, c.code)
		}
	}
}

// A key, a contract or a time that differs from what was signed shows as another signer: the refusal says so.
func TestAnotherSignerIsExplained(t *testing.T) {
	r := sampleRequest()
	r.Permit.ValidUntil++
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "has to sign the very key, contracts and times of the request") {
		t.Errorf("a changed permit is refused by %v", err)
	}
}

func TestValidAt(t *testing.T) {
	p := sample()
	for at, want := range map[uint64]threshold.Code{
		p.ValidFrom - 1: threshold.PermitNotYetValid, p.ValidFrom: "", p.ValidUntil: "", p.ValidUntil + 1: threshold.PermitExpired,
	} {
		var fault *threshold.Fault
		err := p.ValidAt(at)
		if errors.As(err, &fault) != (want != "") || want != "" && fault.Code != want {
			t.Errorf("at %d: %v, want %q", at, err, want)
		}
	}
}

// TestRequestJSON: the wallet's form survives and still verifies; one for the
// signer's own values names no delegator.
func TestRequestJSON(t *testing.T) {
	own, delegated := sampleRequest(), sampleRequest()
	delegated.Permit = *delegatedSample()
	delegated.sign(domain, 1)
	for _, want := range []*Request{own, delegated} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var r Request
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		if err := r.Check(domain); err != nil || r.Holder() != want.Holder() {
			t.Errorf("of %s: %v", r.Holder(), err)
		}
		if strings.Contains(string(b), "delegator") != (want == delegated) {
			t.Errorf("%s", b)
		}
	}
}

func FuzzRequest(f *testing.F) {
	b, _ := json.Marshal(sampleRequest())
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Request
		if json.Unmarshal(b, &r) == nil {
			r.Check(domain)
			r.Permit.Digest(r.Domain)
		}
	})
}
