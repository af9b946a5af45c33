package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// middle is what stands between a node and whoever follows it: it can change
// answers, and refuse to give any.
type middle struct {
	*httptest.Server
	down   atomic.Bool
	change atomic.Pointer[func(request, answer string) string]
}

// serveRemote serves the JSON-RPC of a node through a middle.
func serveRemote(t *testing.T, n *Node) *middle {
	t.Helper()
	m := new(middle)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.down.Load() {
			http.Error(w, "gone", http.StatusBadGateway)
			return
		}
		request, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(request))
		answer := httptest.NewRecorder()
		n.rpc.server.ServeHTTP(answer, r)
		body := answer.Body.String()
		if change := m.change.Load(); change != nil {
			body = (*change)(string(request), body)
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}))
	t.Cleanup(m.Close)
	return m
}

// once changes the next answer.
func (m *middle) once(change func(answer string) string) {
	f := func(_, answer string) string {
		m.change.Store(nil)
		return change(answer)
	}
	m.change.Store(&f)
}

func dial(t *testing.T, url string, depth Depth) *Remote {
	t.Helper()
	r, err := Dial(t.Context(), RemoteConfig{URL: url, Depth: depth})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// readAll reads blocks up to the last with the batches and parents of each.
func readAll(t *testing.T, b Blocks) (out []fhe.Batch) {
	t.Helper()
	last, err := b.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var before fhe.Digest
	for number := range last + 1 {
		batch, parent, err := b.Batch(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := b.Hash(t.Context(), number)
		if err != nil || hash != batch.Hash || parent != before {
			t.Errorf("block %d is %s above %s, read again %s: %v", number, batch.Hash, parent, hash, err)
		}
		before, out = batch.Hash, append(out, batch)
	}
	return out
}

func entriesOf(batches []fhe.Batch) string {
	b, _ := json.Marshal(batches)
	return string(b)
}

// TestRemoteReadsTheSame: a chain gives the same log by JSON-RPC as in process,
// also where its nodes give receipts one by one, at every depth.
func TestRemoteReadsTheSame(t *testing.T) {
	n := open(t, "")
	ordering(t, n)
	for range 2 * maxWindow {
		rpcCall[any](t, n, "evm_mine")
	}
	ordering(t, n)
	want := readAll(t, n.Feed().blocks)
	if !strings.Contains(entriesOf(want), `"Operation":{`) {
		t.Fatal("nothing is in the log")
	}
	m := serveRemote(t, n)
	for depth := Finalized; depth <= 2; depth++ {
		got := readAll(t, dial(t, m.URL, depth).Feed(contracts.Established, testGenesis().Domain()).blocks)
		if entriesOf(got) != entriesOf(want[:len(want)-max(int(depth), 0)]) {
			t.Errorf("depth %d: %d blocks differ from %d", depth, len(got), len(want))
		}
	}
	for _, code := range noSuchMethod {
		singly := func(request, answer string) string {
			if strings.Contains(request, "eth_getBlockReceipts") {
				var call struct{ ID json.RawMessage }
				if err := json.Unmarshal([]byte(request), &call); err != nil {
					t.Error(err)
				}
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":"no such method"}}`, call.ID, code)
			}
			return answer
		}
		m.change.Store(&singly)
		if got := readAll(t, dial(t, m.URL, 0).Feed(contracts.Established, testGenesis().Domain()).blocks); entriesOf(got) != entriesOf(want) {
			t.Errorf("receipts that come one by one, after code %d, give another log", code)
		}
	}
}

// ordering mines transactions that order operations.
func ordering(t *testing.T, n *Node) {
	t.Helper()
	w := newWallet(t, n, 0)
	w.mint(w.deployToken(), common.Address{1})
}

// TestRemoteChecksAnswers mixes up what a chain answers: nothing of that gets
// through, and when it answers right again reading goes on.
func TestRemoteChecksAnswers(t *testing.T) {
	n := open(t, "")
	ordering(t, n)
	m := serveRemote(t, n)
	blocks := dial(t, m.URL, 0).Feed(contracts.Established, testGenesis().Domain()).blocks
	want := readAll(t, blocks)
	last := want[len(want)-1]
	for name, change := range map[string]func(string) string{
		"another header field": func(s string) string { return strings.ReplaceAll(s, `"gasUsed":"0x`, `"gasUsed":"0x1`) },
		"another hash":         func(s string) string { return strings.ReplaceAll(s, last.Hash.String(), want[0].Hash.String()) },
		"no blocks":            func(string) string { return `{"jsonrpc":"2.0","id":1,"result":[]}` },
		"garbage":              func(string) string { return "{" },
		"another number":       func(s string) string { return strings.ReplaceAll(s, `"number":"0x1"`, `"number":"0x2"`) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := blocks.Last(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.once(change)
			b, _, err := blocks.Batch(t.Context(), last.Number)
			if errors.Is(err, ErrUndone) { // to be read again
				b, _, err = blocks.Batch(t.Context(), last.Number)
			}
			if err != nil || entriesOf([]fhe.Batch{b}) != entriesOf([]fhe.Batch{last}) {
				t.Errorf("read %v, %v", b, err)
			}
		})
	}
}

// TestRemoteIsAnotherChain: a chain that took the place of the one that was dialled
// is not followed.
func TestRemoteIsAnotherChain(t *testing.T) {
	n := open(t, "")
	m := serveRemote(t, n)
	blocks := dial(t, m.URL, 0).Feed(contracts.Established, testGenesis().Domain()).blocks
	g := testGenesis()
	g.KeyID[0]++
	other, err := Open(Config{Genesis: g})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	m.Config.Handler = other.rpc.server
	if _, err := blocks.Last(t.Context()); !errors.Is(err, errAnotherChain) {
		t.Errorf("got %v", err)
	}
}

// overdue is a context whose deadline has passed as soon as something was written to it.
type overdue struct {
	context.Context
	bytes.Buffer
	passed chan struct{}
}

func (o *overdue) Done() <-chan struct{} { return o.passed }

func (o *overdue) Err() error {
	select {
	case <-o.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func (o *overdue) Write(b []byte) (int, error) {
	if o.Err() == nil {
		close(o.passed)
	}
	return o.Buffer.Write(b)
}

// TestErrorsHideThePath: it may be somebody's key.
func TestErrorsHideThePath(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	said := &overdue{Context: t.Context(), passed: make(chan struct{})}
	_, err := Dial(said, RemoteConfig{URL: gone.URL + "/v3/secret?key=secret", Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err == nil || strings.Contains(err.Error()+said.Buffer.String(), "secret") || !strings.Contains(said.Buffer.String(), gone.URL) {
		t.Errorf("%v, said %s", err, said.Buffer.String())
	}
}

// TestNoJSONRPC: a server of other things is named for what it is, without its page.
func TestNoJSONRPC(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	said := &overdue{Context: t.Context(), passed: make(chan struct{})}
	_, err := Dial(said, RemoteConfig{URL: web.URL, Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err == nil || !strings.HasSuffix(err.Error(), "404 Not Found: is JSON-RPC served at this URL?") {
		t.Error(err)
	}
}

// TestRemoteWaits for a chain that is down, and says so.
func TestRemoteWaits(t *testing.T) {
	n := open(t, "")
	m := serveRemote(t, n)
	r := dial(t, m.URL, 0)
	m.down.Store(true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Feed(contracts.Established, testGenesis().Domain()).blocks.Last(gone); err == nil {
		t.Error("a chain that is down answers")
	}
	m.down.Store(false)
	if _, err := r.Feed(contracts.Established, testGenesis().Domain()).blocks.Last(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRemoteNeverUnfinalizes: what was finalized stays so, though a machine behind
// the endpoint has not heard of it.
func TestRemoteNeverUnfinalizes(t *testing.T) {
	n := open(t, "")
	m := serveRemote(t, n)
	blocks := dial(t, m.URL, Finalized).Feed(contracts.Established, testGenesis().Domain()).blocks
	id := takeSnapshot(t, n)
	rpcCall[any](t, n, "evm_mine")
	if last, err := blocks.Last(t.Context()); err != nil || last != 1 {
		t.Fatalf("block %d is the last, %v", last, err)
	}
	rpcCall[bool](t, n, "evm_revert", id)
	if last, err := blocks.Last(t.Context()); err != nil || last != 1 {
		t.Errorf("block %d is the last, %v", last, err)
	}
}

// TestFind finds the contracts from the registry, and since when they are there.
func TestFind(t *testing.T) {
	n := open(t, "")
	r := dial(t, serveRemote(t, n).URL, 0)
	at, err := Find(t.Context(), r.Client(), contracts.KeyRegistryAddress, 0)
	if err != nil || at != contracts.Established {
		t.Errorf("%+v, %v", at, err)
	}
	rpcCall[any](t, n, "evm_mine")
	if since, there, err := r.Since(t.Context(), contracts.KeyRegistryAddress); err != nil || !there || since != 0 {
		t.Errorf("there since %d, %v, %v", since, there, err)
	}
	if _, there, err := r.Since(t.Context(), fhe.Address{1}); err != nil || there {
		t.Errorf("a contract that is not there: %v, %v", there, err)
	}
	if _, err := Find(t.Context(), r.Client(), contracts.ACLAddress, 0); err == nil || !strings.Contains(err.Error(), "find the system contracts from key registry") {
		t.Errorf("a registry that is none: %v", err)
	}
}

// TestPlaceNeedsADevelopmentNode: a chain that does not let its state be written
// needs transactions.
func TestPlaceNeedsADevelopmentNode(t *testing.T) {
	r := dial(t, serveRemote(t, open(t, "")).URL, 0)
	for want, coprocessor := range map[string]fhe.Address{"construct AttestedInputTwin": {}, "contracts/script/deploy.mjs": {1}} {
		if err := r.Place(t.Context(), testGenesis(), coprocessor); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestReceiptsAreChecked: those of another block are not taken.
func TestReceiptsAreChecked(t *testing.T) {
	n := open(t, "")
	ordering(t, n)
	m := serveRemote(t, n)
	r := dial(t, m.URL, 0)
	b, err := r.block(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.receipts(t.Context(), b)
	if err != nil || len(want) != 1 {
		t.Fatalf("%d receipts, %v", len(want), err)
	}
	for name, change := range map[string]func(string) string{
		"none": func(s string) string { return regexp.MustCompile(`"result":\[.*\]`).ReplaceAllString(s, `"result":[]`) },
		"null": func(s string) string {
			return regexp.MustCompile(`"result":\[.*\]`).ReplaceAllString(s, `"result":[null]`)
		},
		"another topic": func(s string) string { return strings.Replace(s, `"topics":["0x`, `"topics":["0x1`, 1) },
		"another data":  func(s string) string { return strings.Replace(s, `"data":"0x0`, `"data":"0x1`, 1) },
		"another state": func(s string) string { return strings.Replace(s, `"status":"0x1"`, `"status":"0x0"`, 1) },
	} {
		m.once(change)
		if got, err := r.receipts(t.Context(), b); err == nil {
			t.Errorf("%s: accepted %v", name, got)
		}
	}
}

// FuzzBlock: whatever a chain answers, it is a block with the stated hash or an
// error.
func FuzzBlock(f *testing.F) {
	h := &types.Header{Number: big.NewInt(1), Difficulty: new(big.Int), BaseFee: big.NewInt(7)}
	raw, err := json.Marshal(h)
	if err != nil {
		f.Fatal(err)
	}
	raw = append(bytes.TrimSuffix(raw, []byte("}")), []byte(`,"transactions":["`+common.Hash{1}.Hex()+`"]}`)...)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var b *block
		if json.Unmarshal(raw, &b) != nil {
			return
		}
		if b.check(1) == nil && (b.header.Hash() != b.hash || b.header.Number.Uint64() != 1) {
			t.Errorf("accepted %s", raw)
		}
	})
}
