package node

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"fhevm/chain"

	"github.com/ethereum/go-ethereum/ethclient"
)

// outside serves a development chain as one whose key registry states that it is for
// production, and which says what is finalized only if it is to.
func outside(t *testing.T, own *chain.Node, final *atomic.Bool) *ethclient.Client {
	t.Helper()
	address, err := own.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	word := func(s string) string {
		return fmt.Sprintf("%064x%s", len(s), hex.EncodeToString([]byte(s+strings.Repeat("\x00", 32-len(s)))))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if bytes.Contains(request, []byte(`"finalized"`)) && !final.Load() {
			var call struct{ ID json.RawMessage }
			if err := json.Unmarshal(request, &call); err != nil {
				t.Error(err)
			}
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"finalized block not found"}}`, call.ID)
			return
		}
		resp, err := http.Post("http://"+address, "application/json", bytes.NewReader(request))
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, strings.ReplaceAll(string(answer), word(chain.Dev), word(chain.Production)))
	}))
	t.Cleanup(s.Close)
	client, err := ethclient.Dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestPartyNeedsFinality: outside of development a party serves a chain that says what
// is finalized, and no other, whatever its operator says of confirmations.
func TestPartyNeedsFinality(t *testing.T) {
	var final atomic.Bool
	d := testNetwork()
	client := outside(t, openChain(t, d.Genesis()), &final)
	d.Network = chain.Production
	for _, c := range []struct {
		final         bool
		confirmations int64
		want          string // of the error
	}{
		{true, -1, ""}, {false, -1, "calls no block finalized"},
		{true, 0, "only finalized blocks count"}, {false, 0, "only finalized blocks count"},
		{true, 12, "only finalized blocks count"}, {false, 12, "only finalized blocks count"},
	} {
		final.Store(c.final)
		cfg := PartyConfig{Confirmations: c.confirmations}
		view, err := cfg.view(t.Context(), client, d)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("finality %v, %d confirmations: %v", c.final, c.confirmations, err)
		}
		if err != nil {
			continue
		}
		final.Store(false) // it is lost: the party decides nothing then
		if b, err := (chainView{view}).Finalized(t.Context()); err == nil {
			t.Errorf("block %d counts, which the chain does not call finalized", b.Number)
		}
	}
}
