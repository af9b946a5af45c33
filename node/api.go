package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/permit"
)

// api is the wallet-facing HTTP API (SPEC 9), and the route by which parties
// fetch squashed ciphertexts.
type api struct {
	node     *Node
	listener net.Listener
	server   *http.Server
	address  string
	key      []byte       // encoded public key
	methods  http.Handler // JSON-RPC of the node

	users     committee.Gate[fhe.Address] // decryptions, by the user who signed
	contracts committee.Gate[struct{}]    // questions to contracts about signatures
	public    committee.Gate[struct{}]    // public decryptions
	waits     committee.Gate[struct{}]    // for handles to be computed
}

const (
	maxBody    = 1 << 16
	maxWait    = 10 * time.Minute
	routeParty = "/v1/squashed"
	routeRPC   = "/rpc"
)

// Bounds of requests in progress. What goes on to the parties stays below what
// a party takes from one caller, so that no user keeps the others waiting.
const (
	maxPerUser   = 4
	maxUsers     = 12
	maxContracts = 8
	maxPublic    = 4
	maxWaits     = 256
)

// Time limits of a connection.
const (
	readTimeout  = 30 * time.Second      // for a whole request
	replyTimeout = 30 * time.Second      // for a wallet to take a party's reply
	writeTimeout = maxWait + time.Minute // for a whole response
)

func (n *Node) openAPI() (*api, error) {
	key, err := n.compute.publicKey.MarshalBinary()
	if err != nil {
		return nil, err
	}
	a := newAPI(n, key)
	methods, err := n.methodServer()
	if err != nil {
		return nil, err
	}
	a.methods = chain.Handler(methods, n.config.Origins...)
	if err := a.listen(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *api) listen() (err error) {
	if a.listener, err = chain.ListenLoopback(cmp.Or(a.node.config.API, DefaultAPI)); err != nil {
		return fmt.Errorf("wallet API: %w", err)
	}
	a.address = a.listener.Addr().String()
	return nil
}

// newAPI is the API before it listens.
func newAPI(n *Node, key []byte) *api {
	a := &api{
		node: n, key: key,
		users:     committee.Gate[fhe.Address]{Each: maxPerUser, All: maxUsers, Spare: maxUsers / 2},
		contracts: committee.Gate[struct{}]{All: maxContracts},
		public:    committee.Gate[struct{}]{All: maxPublic},
		waits:     committee.Gate[struct{}]{All: maxWaits},
	}
	a.server = &http.Server{
		Handler:           a.crossOrigin(a.routes()),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: 2 * time.Minute,
	}
	return a
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(method, route string, f func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(method+" "+route, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			if err := f(w, r); err != nil {
				a.node.refuse(w, err)
			}
		})
	}
	handle("GET", sdk.RouteParameters, a.parameters)
	handle("GET", sdk.RoutePublicKey, a.publicKey)
	handle("GET", sdk.RouteHandle, a.handle)
	handle("GET", sdk.RouteCiphertext, a.ciphertext)
	handle("GET", sdk.RouteHealth, a.health)
	handle("POST", sdk.RouteUserDecryptions, a.userDecrypt)
	handle("POST", sdk.RoutePublicDecryptions, a.publicDecrypt)
	handle("POST", sdk.RouteInputs, a.inputs)
	handle("POST", routeParty, a.squashed)
	mux.HandleFunc(routeRPC, func(w http.ResponseWriter, r *http.Request) { a.methods.ServeHTTP(w, r) })
	a.node.serveHealth(mux)
	return mux
}

// serve answers until ctx ends.
func (a *api) serve(ctx context.Context) error {
	a.server.BaseContext = func(net.Listener) context.Context { return ctx }
	stop := context.AfterFunc(ctx, func() { a.server.Close() })
	defer stop()
	if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve wallets: %w", err)
	}
	return nil
}

// Close stops serving.
func (a *api) Close() error {
	err := a.server.Close()
	a.listener.Close() // Serve closed it already where it ran
	return err
}

// crossOrigin lets web pages of the local machine and of the configured
// origins call the API.
func (a *api) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin != "" && (isLocal(origin) || slices.Contains(a.node.config.Origins, origin)) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			w.Header().Set("Vary", "Origin")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *api) parameters(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, a.node.Parameters())
}

func (a *api) publicKey(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+a.node.network.KeyID.String()+`"`)
	_, _ = w.Write(a.key) // who has hung up wants nothing
	return nil
}

func (a *api) health(w http.ResponseWriter, _ *http.Request) error {
	s := a.node.Stats()
	return writeJSON(w, map[string]any{"ok": true, "missing": s.Missing, "running": s.Running, "bootstraps": s.Bootstraps})
}

// handle reports on a handle; with ?wait=DURATION it first waits for the
// block being processed and the ciphertext.
func (a *api) handle(w http.ResponseWriter, r *http.Request) error {
	var h fhe.Handle
	if err := h.UnmarshalText([]byte(r.PathValue("handle"))); err != nil {
		return threshold.Faultf(threshold.BadRequest, "handle: %v", err)
	}
	if s := r.URL.Query().Get("wait"); s != "" {
		wait, err := time.ParseDuration(s)
		if err != nil || wait < 0 || wait > maxWait {
			return threshold.Faultf(threshold.BadRequest, "wait is %q, want a duration up to %v such as 30s", s, maxWait)
		}
		if err := a.wait(r.Context(), h, wait); err != nil {
			return err
		}
	}
	status, err := a.node.status(h)
	if err != nil {
		return err
	}
	return writeJSON(w, status)
}

// wait waits for a handle to be computed, for some time. That it is not, or
// cannot be, is no error.
func (a *api) wait(ctx context.Context, h fhe.Handle, limit time.Duration) error {
	leave, err := a.waits.Enter(struct{}{})
	if err != nil {
		return err
	}
	defer leave()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := a.node.await(limited, h); err != nil {
		return ctx.Err()
	}
	return nil
}

func (a *api) userDecrypt(w http.ResponseWriter, r *http.Request) (err error) {
	var relayed error // the response has begun, and tells it as its last line
	defer func() { a.node.metrics.decrypted(userDecryption, errors.Join(err, relayed)) }()
	req := new(permit.Request)
	if err := readJSON(r, req); err != nil {
		return err
	}
	if err := a.checkRequest(r.Context(), req); err != nil {
		return err
	}
	leave, err := a.users.Enter(req.User)
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "application/x-ndjson")
	connection := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	hurry := func() { connection.SetWriteDeadline(time.Now().Add(replyTimeout)) }
	forward := func(reply sdk.Reply) {
		hurry()
		encoder.Encode(reply)
		connection.Flush()
	}
	if relayed = a.node.parties.userDecrypt(r.Context(), req, forward); relayed != nil {
		problem := a.node.problem(relayed)
		forward(sdk.Reply{Problem: &problem})
	}
	hurry() // for the end of the response
	return nil
}

// checkRequest keeps those from a user's share of requests who are not the user. The
// parties check all of it themselves.
func (a *api) checkRequest(ctx context.Context, req *permit.Request) error {
	domain := a.node.network.SigningDomain()
	if err := req.Check(domain); err != nil {
		return err
	}
	if !req.Permit.OfContract() {
		return req.CheckKey(domain)
	}
	leave, err := a.contracts.Enter(struct{}{}) // each runs code of somebody's choice
	if err != nil {
		return err
	}
	defer leave()
	b, err := chainView{a.node.view()}.Finalized(ctx)
	if err != nil {
		return err
	}
	return committee.CheckSigned(ctx, b, domain, req)
}

func (a *api) publicDecrypt(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() { a.node.metrics.decrypted(publicDecryption, err) }()
	var req sdk.PublicRequest
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := permit.CheckHandles(req.Handles); err != nil {
		return err
	}
	leave, err := a.public.Enter(struct{}{})
	if err != nil {
		return err
	}
	defer leave()
	result, err := a.node.parties.publicDecrypt(r.Context(), req.Handles)
	if err != nil {
		return err
	}
	return writeJSON(w, result)
}

// await waits until the chain's present blocks have reached the coprocessor and
// the handle is computed.
func (n *Node) await(ctx context.Context, h fhe.Handle) error {
	if err := n.feed.Reach(ctx); err != nil {
		return err
	}
	return n.coprocessor.Wait(ctx, h)
}

// Drain waits until everything is computed, or has failed, that the chain asks for
// in its present blocks.
func (n *Node) Drain(ctx context.Context) error {
	if err := n.feed.Reach(ctx); err != nil {
		return err
	}
	return n.coprocessor.Drain(ctx)
}

func (n *Node) status(h fhe.Handle) (*sdk.HandleStatus, error) {
	s, err := n.coprocessor.Status(h)
	if err != nil {
		return nil, err
	}
	out := &sdk.HandleStatus{Handle: h, Type: h.Type().String(), State: s.State.String(), Operation: s.Kind, Operands: s.Operands}
	if s.State == coprocessor.Ready {
		out.Digest = &s.Digest
	}
	if s.State != coprocessor.Ready {
		out.Error = s.Err().Error()
	}
	return out, nil
}

func readJSON(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return threshold.Faultf(threshold.BadRequest, "request body: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return threshold.Faultf(threshold.BadRequest, "request body goes on after its JSON value")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // who has hung up wants nothing
	return nil
}

// refuse reports an error to a wallet.
func (n *Node) refuse(w http.ResponseWriter, err error) {
	problem := n.problem(err)
	w.Header().Set("Content-Type", "application/json")
	if problem.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(problem.RetryAfter))
	}
	w.WriteHeader(httpStatus(problem.Code))
	json.NewEncoder(w).Encode(sdk.ErrorBody{Problem: problem})
}

// problem is an error as the API reports it: a refusal with its code. The node's own
// trouble is for its log.
func (n *Node) problem(err error) sdk.Problem {
	f := threshold.FaultOf("node", err)
	if f.Code == threshold.Internal {
		n.config.Logger.Error("request failed", "error", err)
	}
	return sdk.Problem{Code: f.Code, Message: f.Message, RetryAfter: int(f.Retry / time.Second)}
}

func httpStatus(c threshold.Code) int {
	switch c {
	case threshold.Internal:
		return http.StatusInternalServerError
	case threshold.Busy, threshold.QuotaExceeded:
		return http.StatusTooManyRequests
	case threshold.Unavailable, threshold.NotReady, threshold.Paused:
		return http.StatusServiceUnavailable
	case threshold.NotAllowed, threshold.NotDelegated, threshold.Denied, threshold.NotPublic, threshold.NotMember:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}
