package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/permit"
)

// TestBadDecryptions asks for what may not be read, or not in this way.
func TestBadDecryptions(t *testing.T) {
	b := newBench(t)
	balance := b.balanceOf(alice)
	now := b.head().Time
	// ask makes alice's own request for her balance, which is granted unless
	// something is changed before or after she signs.
	ask := func(before, after func(*sdk.Decryption)) *sdk.Decryption {
		d := b.permit(alice, tokenAddress, balance)
		if before != nil {
			before(d)
			d.Sign(secretOf(alice))
		}
		if after != nil {
			after(d)
		}
		return d
	}
	valid := func(from, until uint64) func(*sdk.Decryption) {
		return func(d *sdk.Decryption) { d.Request.Permit.ValidFrom, d.Request.Permit.ValidUntil = from, until }
	}
	of := func(h fhe.Handle) func(*sdk.Decryption) {
		return func(d *sdk.Decryption) { d.Request.Handles = []fhe.Handle{h} }
	}
	unknown := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, contracts.DevChainID, fhe.Uint64, fhe.Version)
	foreign := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, 1, fhe.Uint64, fhe.Version)
	untyped, retyped := balance, balance
	untyped[30], retyped[30] = 99, byte(fhe.Uint8)
	for name, c := range map[string]struct {
		request *sdk.Decryption
		code    threshold.Code
		want    string
	}{
		"expired":             {ask(valid(now-100, now-1), nil), threshold.PermitExpired, "sign a new permit"},
		"not yet valid":       {ask(valid(now+3600, now+7200), nil), threshold.PermitNotYetValid, "sign a permit that begins now"},
		"longer than a year":  {ask(valid(now, now+2*permit.MaxLifetime), nil), threshold.BadRequest, "permit lasts"},
		"stretched":           {ask(nil, valid(now, now+7200)), threshold.PermitBadSigner, "permit is signed by"},
		"another chain":       {ask(func(d *sdk.Decryption) { d.Request.Domain.ChainID = 1 }, nil), threshold.PermitWrongChain, "permit is for chain 1"},
		"another verifier":    {ask(func(d *sdk.Decryption) { d.Request.Domain.Verifier[0]++ }, nil), threshold.PermitWrongChain, "want chain 31337"},
		"signed by another":   {ask(nil, func(d *sdk.Decryption) { d.Sign(secretOf(eve)) }), threshold.PermitBadSigner, "permit is signed by " + fhe.Address(eve.Address).String()},
		"not signed":          {ask(nil, func(d *sdk.Decryption) { clear(d.Request.Signature[:]) }), threshold.PermitBadSigner, "permit"},
		"another user":        {ask(nil, func(d *sdk.Decryption) { d.Request.User = fhe.Address(eve.Address) }), threshold.PermitBadSigner, "not by user " + fhe.Address(eve.Address).String()},
		"another key":         {ask(nil, func(d *sdk.Decryption) { d.Request.TransportKey[5]++ }), threshold.PermitWrongKey, "transport key"},
		"a stranger":          {b.permit(eve, tokenAddress, balance), threshold.NotAllowed, "may not read handle " + balance.String()},
		"another contract":    {b.permit(alice, bob.Address, balance), threshold.NotAllowed, "no contract of the permit may use handle"},
		"user as contract":    {b.permit(alice, alice.Address, balance), threshold.UserIsContract, "as a contract"},
		"nobody's handle":     {ask(nil, of(unknown)), threshold.NotAllowed, "may not read handle " + unknown.String()},
		"a foreign handle":    {ask(nil, of(foreign)), threshold.UnknownHandle, "is of chain 1"},
		"the zero handle":     {ask(nil, of(fhe.Handle{})), threshold.UnknownHandle, "handle 0x00"},
		"a handle of no type": {ask(nil, of(untyped)), threshold.UnknownHandle, "is of unknown"},
		"type byte changed":   {ask(nil, of(retyped)), threshold.NotAllowed, "may not read handle"},
		"no handle":           {ask(nil, func(d *sdk.Decryption) { d.Request.Handles = nil }), threshold.BadRequest, "0 handles, want 1 to 32"},
		"one handle twice":    {ask(nil, func(d *sdk.Decryption) { d.Request.Handles = []fhe.Handle{balance, balance} }), threshold.BadRequest, "twice"},
	} {
		_, err := b.wallet.UserDecrypt(b.ctx, c.request)
		if codeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s: %q", name, err, c.code, c.want)
		}
	}
	if s := b.status(unknown, time.Second); s.State != "unknown" || s.Error == "" || s.Digest != nil {
		t.Errorf("status of nobody's handle: %+v", s)
	}
	b.refusePublic(balance, threshold.NotPublic, "the contract has to call FHE.makePubliclyDecryptable")
	b.refusePublic(unknown, threshold.NotPublic, "is not public")
	b.refusePublic(foreign, threshold.UnknownHandle, "is of chain 1")
	b.works("refusals")
	b.check(b.books)
}

func (b *bench) refusePublic(h fhe.Handle, code threshold.Code, want string) {
	b.t.Helper()
	if _, err := b.wallet.PublicDecrypt(b.ctx, h); codeOf(err) != code || !strings.Contains(err.Error(), want) {
		b.t.Errorf("public decryption of %s: got %v, want %s: %q", h, err, code, want)
	}
}

// TestGarbage throws what is no request at the wallet API and at JSON-RPC.
func TestGarbage(t *testing.T) {
	b := newBench(t)
	request, err := json.Marshal(b.permit(alice, tokenAddress, b.balanceOf(alice)).Request)
	b.must(err)
	unsigned := bytes.Replace(request, []byte(`"domain"`), []byte(`"domian"`), 1)
	for name, c := range map[string]struct {
		method, route, body string
		status              int
		want                string
	}{
		"nothing":          {"POST", sdk.RouteUserDecryptions, "", 400, "request body: EOF"},
		"no JSON":          {"POST", sdk.RouteUserDecryptions, "\x00\xff\xfe", 400, "request body: invalid character"},
		"another value":    {"POST", sdk.RouteUserDecryptions, `["a"]`, 400, "request body"},
		"null":             {"POST", sdk.RouteUserDecryptions, "null", 400, "permit statement has 0 bytes"},
		"unknown field":    {"POST", sdk.RouteUserDecryptions, string(unsigned), 400, `unknown field \"domian\"`},
		"cut off":          {"POST", sdk.RouteUserDecryptions, string(request[:len(request)-1]), 400, "unexpected EOF"},
		"something after":  {"POST", sdk.RouteUserDecryptions, string(request) + "{}", 400, "goes on after its JSON value"},
		"endless":          {"POST", sdk.RouteUserDecryptions, `{"user":"` + strings.Repeat("a", 1<<20), 400, "too large"},
		"deep":             {"POST", sdk.RoutePublicDecryptions, strings.Repeat("[", 60_000), 400, "request body"},
		"no handles":       {"POST", sdk.RoutePublicDecryptions, `{"handles":[]}`, 400, "0 handles"},
		"too many handles": {"POST", sdk.RoutePublicDecryptions, manyHandles(33), 400, "33 handles"},
		"half a handle":    {"POST", sdk.RoutePublicDecryptions, `{"handles":["0x1234"]}`, 400, "request body"},
		"squash for all":   {"POST", "/v1/squashed", `{"handle":"` + b.balanceOf(alice).String() + `","party":1,"signature":"0x` + strings.Repeat("00", 65) + `"}`, 403, "is not signed by it"},
		"no handle at all": {"GET", "/v1/handles/hello", "", 400, "handle"},
		"eternal wait":     {"GET", "/v1/handles/" + b.balanceOf(alice).String() + "?wait=9999h", "", 400, "want a duration up to"},
		"input to keep":    {"POST", sdk.RouteInputs, `{"list":"0x00"}`, 400, "takes the whole list in the transaction"},
		"another method":   {"DELETE", sdk.RouteParameters, "", 405, ""},
		"another route":    {"GET", "/v1/keys", "", 404, ""},
	} {
		status, body := b.http(c.method, b.info.API+c.route, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %s, want %d %q", name, status, body, c.status, c.want)
		}
	}
	for name, body := range map[string]string{
		"no JSON": "\x00", "no method": `{}`, "no such method": `{"jsonrpc":"2.0","id":1,"method":"fhe_key"}`,
		"deep": strings.Repeat("[", 100_000), "bad transaction": `{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x02c0"]}`,
	} {
		if _, answer := b.http("POST", b.info.RPC, body); !strings.Contains(answer, `"error"`) {
			t.Errorf("JSON-RPC, %s: got %s", name, answer)
		}
	}
	b.works("garbage")
	b.check(b.books)
}

func manyHandles(n int) string {
	var r sdk.PublicRequest
	for i := range n {
		r.Handles = append(r.Handles, fhe.NewHandle(fhe.Digest{byte(i)}, fhe.Computed, contracts.DevChainID, fhe.Bool, fhe.Version))
	}
	b, _ := json.Marshal(r)
	return string(b)
}

// http sends a request as it stands.
func (n *node) http(method, url, body string) (status int, answer string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.ctx, method, url, strings.NewReader(body))
	n.must(err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	n.must(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	n.must(err)
	return resp.StatusCode, string(raw)
}
