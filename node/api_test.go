package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// stuck is a party that answers nothing until the test lets it go.
type stuck struct{ released chan struct{} }

func (s stuck) UserDecrypt(context.Context, *permit.Request) (*seal.Answer, error) {
	<-s.released
	return nil, errors.New("late")
}

func (s stuck) PublicDecrypt(context.Context, *committee.PublicRequest) (*permit.PublicAnswer, error) {
	<-s.released
	return nil, errors.New("late")
}

func (s stuck) Share(context.Context, *committee.ShareRequest) (*opening.Answer, error) {
	return nil, errors.New("not asked for here")
}

// stuckNode is a node whose parties answer nothing until release is called.
func stuckNode() (a *api, release func()) {
	party := stuck{make(chan struct{})}
	n := newNode(Config{})
	n.network = testNetwork()
	n.epochs = newEpochs("", n.network, nil)
	n.parties = &parties{description: n.network, epochs: n.epochs, relays: map[uint64]*committee.Relay{1: {
		Quorum: n.network.Committee.Quorum(), Parties: map[threshold.PartyID]committee.Service{1: party},
	}}}
	return newAPI(n, nil), func() { close(party.released) }
}

// call sends a request with a body and returns the response's status and code.
func (a *api) call(ctx context.Context, method, route string, body any) string {
	b, _ := json.Marshal(body)
	w := httptest.NewRecorder()
	a.server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, route, bytes.NewReader(b)))
	var e sdk.ErrorBody
	json.Unmarshal(w.Body.Bytes(), &e)
	return fmt.Sprint(w.Code, " ", e.Problem.Code)
}

const (
	isBusy = "429 busy"
	isOpen = "200 unavailable" // the parties' late answer, in the stream
)

// request is a request of the user with a small number as key, properly signed.
func (a *api) request(t *testing.T, user byte) *permit.Request {
	t.Helper()
	key := secp256k1.PrivKeyFromBytes([]byte{31: user})
	h := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, a.node.network.ChainID, fhe.Uint8, fhe.Version)
	d, err := a.node.Parameters().NewDecryption(sdk.Reading{
		Origin: "a test", User: eip712.AddressOf(key.PubKey()), Contracts: []fhe.Address{{1}}, Handles: []fhe.Handle{h}, From: 1, Until: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Sign(key)
	return &d.Request
}

// TestUserLimits: while the parties work, one user gets some places and no
// more, others still get theirs, and all together have an end.
func TestUserLimits(t *testing.T) {
	a, release := stuckNode()
	answers := make(chan string, maxUsers+1)
	ask := func(user byte) {
		q := a.request(t, user)
		go func() { answers <- a.call(t.Context(), "POST", sdk.RouteUserDecryptions, q) }()
	}
	for range maxPerUser + 1 {
		ask(1)
	}
	if got := <-answers; got != isBusy {
		t.Errorf("one request too many of one user: %s", got)
	}
	for i := range byte(maxUsers - maxPerUser + 1) {
		ask(2 + i)
	}
	if got := <-answers; got != isBusy {
		t.Errorf("one request too many of all users: %s", got)
	}
	forged := a.request(t, 1)
	forged.Signature[0]++
	if got := a.call(t.Context(), "POST", sdk.RouteUserDecryptions, forged); got == isBusy || !strings.HasPrefix(got, "400") {
		t.Errorf("a forged request: %s", got)
	}
	release()
	for range maxUsers {
		if got := <-answers; got != isOpen {
			t.Errorf("a request within the limits: %s", got)
		}
	}
	ask(1)
	if got := <-answers; got != isOpen {
		t.Errorf("when all is done: %s", got)
	}
}

func TestPublicLimit(t *testing.T) {
	a, release := stuckNode()
	q := sdk.PublicRequest{Handles: a.request(t, 1).Handles}
	answers := make(chan string, maxPublic+1)
	for range maxPublic + 1 {
		go func() { answers <- a.call(t.Context(), "POST", sdk.RoutePublicDecryptions, q) }()
	}
	if got := <-answers; got != isBusy {
		t.Errorf("one request too many: %s", got)
	}
	release()
	for range maxPublic {
		if got := <-answers; got != "503 unavailable" {
			t.Errorf("a request within the limit: %s", got)
		}
	}
}

// TestAPILoopback: the API is for its own machine.
func TestAPILoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		n := &Node{config: Config{API: address}}
		if err := newAPI(n, nil).listen(); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: %v", address, err)
		}
	}
	a := newAPI(&Node{config: Config{API: "127.0.0.1:0"}}, nil)
	if err := a.listen(); err != nil || !strings.HasPrefix(a.address, "127.0.0.1:") {
		t.Fatalf("%s, %v", a.address, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// pipes is a listener whose one connection is in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestStalledBody: a request whose body never ends does not stay.
func TestStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, release := stuckNode()
		defer release()
		here, there := net.Pipe()
		l := pipes{make(chan net.Conn, 1), make(chan struct{})}
		l.conns <- there
		served := make(chan struct{})
		go func() { a.server.Serve(l); close(served) }()
		io.WriteString(here, "POST "+sdk.RouteUserDecryptions+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		answer, err := io.ReadAll(here)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("got %q, %v", answer, err)
		}
		a.server.Close()
		<-served
	})
}

// TestWaitLimit: waiting for handles is bounded, and so is what it may cost.
func TestWaitLimit(t *testing.T) {
	n, h := pendingNode(t)
	a := newAPI(n, nil)
	a.waits.All = 2
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan string, 3)
	for range 3 {
		go func() { answers <- a.call(ctx, "GET", "/v1/handles/"+h.String()+"?wait=10m", nil) }()
	}
	if got := <-answers; got != isBusy {
		t.Errorf("one request too many: %s", got)
	}
	if got := a.call(ctx, "GET", "/v1/handles/"+h.String(), nil); !strings.HasPrefix(got, "200") {
		t.Errorf("without waiting: %s", got)
	}
	cancel()
	for range 2 {
		<-answers
	}
	if newAPI(n, nil).waits.All == 0 {
		t.Error("waits are not bounded")
	}
}

// TestRetryAfter: who is told to come again is told when, in the body and in the
// header; who is not gets neither.
func TestRetryAfter(t *testing.T) {
	n := &Node{config: Config{Logger: slog.New(slog.DiscardHandler)}}
	later := threshold.Faultf(threshold.QuotaExceeded, "later")
	later.Retry = 90 * time.Second
	for want, err := range map[string]error{"90": later, "": threshold.Faultf(threshold.Busy, "busy")} {
		w := httptest.NewRecorder()
		n.refuse(w, err)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != want || strings.Contains(w.Body.String(), `"retryAfter":90`) != (want != "") {
			t.Errorf("%v: %d, %v, %s", err, w.Code, w.Header(), w.Body)
		}
	}
}

// TestOwnTroubleIsLogged: what went wrong within a node is in its log, and wallets
// are told that something did.
func TestOwnTroubleIsLogged(t *testing.T) {
	var log strings.Builder
	n := &Node{config: Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
	w := httptest.NewRecorder()
	n.refuse(w, errors.New("read /secret/place: disk on fire"))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "fire") || !strings.Contains(w.Body.String(), `"internal"`) {
		t.Errorf("a wallet is told %d, %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("the log has %q", log.String())
	}
}

// hungUp is a connection whose other end is gone.
type hungUp struct{ header http.Header }

func (h hungUp) Header() http.Header     { return h.header }
func (hungUp) WriteHeader(int)           {}
func (hungUp) Write([]byte) (int, error) { return 0, net.ErrClosed }

// TestHangingUpIsNoTrouble: a client that is gone is not the node's fault, and fills no
// log.
func TestHangingUpIsNoTrouble(t *testing.T) {
	n, h := pendingNode(t)
	var log strings.Builder
	n.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	a := newAPI(n, []byte("key"))
	for _, route := range []string{sdk.RoutePublicKey, sdk.RouteHealth, "/v1/handles/" + h.String()} {
		a.server.Handler.ServeHTTP(hungUp{http.Header{}}, httptest.NewRequestWithContext(t.Context(), "GET", route, nil))
	}
	if log.Len() > 0 {
		t.Errorf("the log has %s", log.String())
	}
}
