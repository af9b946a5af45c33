package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"
)

// fakeNode computes a handle only after it was asked for it some times, and
// keeps a record of requests.
type fakeNode struct {
	mu       sync.Mutex
	pending  map[fhe.Handle]int // further times that it is not ready yet
	states   map[fhe.Handle]string
	requests []string
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = append(n.requests, r.URL.Path)
	name, isHandle := strings.CutPrefix(r.URL.Path, "/v1/handles/")
	if !isHandle {
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(sdk.ErrorBody{Problem: sdk.Problem{Code: threshold.NotAllowed, Message: "no"}})
		return
	}
	var h fhe.Handle
	if err := h.UnmarshalText([]byte(name)); err != nil || r.URL.Query().Get("wait") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s := sdk.HandleStatus{Handle: h, State: n.states[h]}
	if n.pending[h] > 0 {
		n.pending[h]--
		s.State = "pending"
	}
	json.NewEncoder(w).Encode(s)
}

// TestDecryptWaits: both kinds of decryption ask for values only when none of
// them is being computed any more, and leave it to the parties to judge the
// rest.
func TestDecryptWaits(t *testing.T) {
	slow, failed := fhe.Handle{1}, fhe.Handle{2}
	handles := []fhe.Handle{slow, failed}
	path := func(h fhe.Handle) string { return "/v1/handles/" + h.String() }
	for route, decrypt := range map[string]func(*Client) error{
		sdk.RoutePublicDecryptions: func(c *Client) error {
			_, err := c.PublicDecrypt(t.Context(), handles...)
			return err
		},
		sdk.RouteUserDecryptions: func(c *Client) error {
			d := new(sdk.Decryption)
			d.Request.Handles = handles
			_, err := c.UserDecrypt(t.Context(), d)
			return err
		},
	} {
		n := &fakeNode{pending: map[fhe.Handle]int{slow: 2}, states: map[fhe.Handle]string{slow: "ready", failed: "failed"}}
		server := httptest.NewServer(n)
		defer server.Close()
		err := decrypt(&Client{base: server.URL})
		if p := new(sdk.Problem); !errors.As(err, &p) || p.Code != threshold.NotAllowed {
			t.Errorf("%s: the parties' word is lost: %v", route, err)
		}
		if want := []string{path(slow), path(slow), path(slow), path(failed), route}; !slices.Equal(n.requests, want) {
			t.Errorf("requests %v, want %v", n.requests, want)
		}
	}
}

// TestPublicDecryptBelievesNoNode: the values are those of the parties'
// signatures, whatever the node says beside them, and none without.
func TestPublicDecryptBelievesNoNode(t *testing.T) {
	handles := []fhe.Handle{{30: byte(fhe.Int8)}}
	p := new(sdk.Parameters)
	r := &permit.Result{Handles: handles, Values: []*uint256.Int{uint256.NewInt(0xfe)}}
	var signatures []eip712.Signature
	for i := range 4 {
		key := secp256k1.PrivKeyFromBytes([]byte{byte(i + 1)})
		p.Committee.Members = append(p.Committee.Members, threshold.Member{Party: threshold.PartyID(i + 1), Signer: eip712.AddressOf(key.PubKey())})
		signatures = append(signatures, eip712.Sign(key, r.Digest(p.SigningDomain())))
	}
	for proof, want := range map[string][]string{string(r.Proof(signatures)): {"-2"}, string(r.Proof(signatures[:2])): nil, "": nil} {
		answer := sdk.PublicResult{Handles: []fhe.Handle{{1}}, Values: []string{"8"}, Result: r.Encoding(), Proof: []byte(proof)}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == sdk.RoutePublicDecryptions {
				json.NewEncoder(w).Encode(answer)
			} else {
				json.NewEncoder(w).Encode(sdk.HandleStatus{State: "ready"})
			}
		}))
		defer server.Close()
		got, err := (&Client{base: server.URL, parameters: p}).PublicDecrypt(t.Context(), handles...)
		if (err == nil) != (want != nil) {
			t.Errorf("proof of %d bytes: %v", len(proof), err)
		}
		if err == nil && (!slices.Equal(got.Values, want) || !slices.Equal(got.Handles, handles)) {
			t.Errorf("proof of %d bytes: %v are %v, want %v", len(proof), got.Handles, got.Values, want)
		}
	}
}
