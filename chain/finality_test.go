package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/ethclient"
)

// unfinal are the ways in which a chain says that it calls no block finalized: that of
// go-ethereum, and answers to the tag that other clients give.
var unfinal = map[string]string{
	"go-ethereum":   "",
	"unknown block": `"error":{"code":-39001,"message":"Unknown block"}`,
	"unknown tag":   `"error":{"code":-32602,"message":"invalid argument 0: hex string without 0x prefix"}`,
	"nothing":       `"result":null`,
}

// withoutFinality serves a chain that calls no block finalized from now on.
func withoutFinality(t *testing.T, n *Node, m *middle, answer string) {
	t.Helper()
	if answer == "" {
		n.eth.BlockChain().SetFinalized(nil)
		return
	}
	change := func(request, was string) string {
		var call struct{ ID json.RawMessage }
		if !strings.Contains(request, `"finalized"`) {
			return was
		}
		if err := json.Unmarshal([]byte(request), &call); err != nil {
			t.Error(err)
		}
		return `{"jsonrpc":"2.0","id":` + string(call.ID) + `,` + answer + `}`
	}
	m.change.Store(&change)
}

// TestNoFinality: a chain that calls no block finalized is refused, with words that say
// so, wherever only finalized blocks count: no other block stands in for them.
func TestNoFinality(t *testing.T) {
	for name, answer := range unfinal {
		t.Run(name, func(t *testing.T) {
			n := open(t, "")
			ordering(t, n)
			m := serveRemote(t, n)
			withoutFinality(t, n, m, answer)
			refused := func(what string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), "calls no block finalized") {
					t.Errorf("%s: %v", what, err)
				}
			}
			said := &overdue{Context: t.Context(), passed: make(chan struct{})}
			_, err := Dial(said, RemoteConfig{URL: m.URL, Depth: Finalized, Logger: slog.New(slog.NewTextHandler(said, nil))})
			refused("dial", err)
			client, err := ethclient.Dial(m.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = NewView(client, contracts.Established, Finalized).Finalized(t.Context())
			refused("view", err)
			_, err = Find(t.Context(), client, contracts.KeyRegistryAddress, Finalized)
			refused("find", err)
			if got := readAll(t, dial(t, m.URL, 0).Feed(contracts.Established, testGenesis().Domain()).blocks); len(got) != 3 {
				t.Errorf("%d blocks where the newest count", len(got))
			}
		})
	}
}

// TestFinalityIsLost: while a chain does not say any more what is finalized, nothing new counts,
// and what was final stays so.
func TestFinalityIsLost(t *testing.T) {
	n := open(t, "")
	ordering(t, n)
	m := serveRemote(t, n)
	said := new(stopping)
	said.Context, said.stop = context.WithCancel(t.Context())
	r, err := Dial(t.Context(), RemoteConfig{URL: m.URL, Depth: Finalized, Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	blocks := r.Feed(contracts.Established, testGenesis().Domain()).blocks
	before, err := blocks.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rpcCall[any](t, n, "evm_mine")
	withoutFinality(t, n, m, unfinal["nothing"])
	if last, err := blocks.Last(said); !errors.Is(err, context.Canceled) || last > before {
		t.Errorf("block %d is the last, %v; it was block %d", last, err, before)
	}
	if !strings.Contains(said.String(), "calls no block finalized") {
		t.Errorf("the log says %q", said)
	}
	if _, _, err := blocks.Batch(t.Context(), before); err != nil {
		t.Errorf("what was final: %v", err)
	}
	m.change.Store(nil)
	if last, err := blocks.Last(t.Context()); err != nil || last != before+1 {
		t.Errorf("block %d is the last again, %v", last, err)
	}
}

// stopping is a context that ends when something is written to it.
type stopping struct {
	context.Context
	bytes.Buffer
	stop context.CancelFunc
}

func (s *stopping) Write(b []byte) (int, error) {
	s.stop()
	return s.Buffer.Write(b)
}

// TestFinalityIsOfTheChain: a view of finalized blocks reads the rights there, though the
// chain has newer ones.
func TestFinalityIsOfTheChain(t *testing.T) {
	n := open(t, "")
	m := serveRemote(t, n)
	final := n.eth.BlockChain().CurrentFinalBlock()
	ordering(t, n)
	n.eth.BlockChain().SetFinalized(final)
	client, err := ethclient.Dial(m.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	b, err := NewView(client, contracts.Established, Finalized).Finalized(t.Context())
	if err != nil || b.Number != final.Number.Uint64() || b.Hash != fhe.Digest(final.Hash()) {
		t.Errorf("%+v, %v", b, err)
	}
}
