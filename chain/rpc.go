package chain

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/eth/tracers"
	_ "github.com/ethereum/go-ethereum/eth/tracers/js"     // named tracers of debug_traceTransaction
	_ "github.com/ethereum/go-ethereum/eth/tracers/native" // likewise
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/rpc"
)

// endpoint is the node's JSON-RPC, over HTTP and WebSocket on one port.
//
// The node package's own endpoints serve whole namespaces, and its debug
// namespace writes files where the caller says. Only what is listed here is
// served.
type endpoint struct {
	server *rpc.Server
	base   *rpc.Server // go-ethereum's own methods, for those that replace them
	client *rpc.Client // of server, within the process
	http   []*http.Server
}

// localOrigins are the web pages that may call a node: those that the same
// machine serves.
var localOrigins = []string{"http://localhost", "https://localhost", "http://127.0.0.1", "https://127.0.0.1"}

func newEndpoint(n *Node, cfg Config) (*endpoint, error) {
	e := &endpoint{server: rpc.NewServer(), base: rpc.NewServer()}
	original := gethAPIs(n)
	if err := register(e.base, original); err != nil {
		return nil, err
	}
	signer := newDevSigner(n.genesis.ChainID)
	base := rpc.DialInProc(e.base)
	replaced := []rpc.API{
		{Namespace: "eth", Service: &ethAPI{sealer: n.sealer, signer: signer, base: base, admission: newAdmission(cfg, base)}},
		{Namespace: "personal", Service: &personalAPI{signer: signer}},
		{Namespace: "web3", Service: &web3API{version: cfg.Version}},
	}
	replaced = append(replaced, drivingAPIs(n.sealer, signer)...)
	e.client = rpc.DialInProc(e.server)
	return e, register(e.server, append(original, replaced...))
}

func gethAPIs(n *Node) (apis []rpc.API) {
	for _, a := range n.eth.APIs() {
		switch a.Namespace {
		case "eth", "net", "txpool":
			apis = append(apis, a)
		}
	}
	logs := filters.NewFilterSystem(n.eth.APIBackend, filters.Config{})
	apis = append(apis, rpc.API{Namespace: "eth", Service: filters.NewFilterAPI(logs)})
	for _, a := range tracers.APIs(n.eth.APIBackend) {
		if t, ok := a.Service.(*tracers.API); ok {
			a.Service = &traceAPI{t}
		}
		apis = append(apis, a)
	}
	return apis
}

// register adds methods; one of the same name replaces an earlier one.
func register(s *rpc.Server, apis []rpc.API) error {
	for _, a := range apis {
		if err := s.RegisterName(a.Namespace, a.Service); err != nil {
			return fmt.Errorf("register namespace %s: %w", a.Namespace, err)
		}
	}
	return nil
}

// Register serves further JSON-RPC methods, such as those of another namespace.
func (n *Node) Register(apis ...rpc.API) error { return register(n.rpc.server, apis) }

// Listen serves JSON-RPC over HTTP and WebSocket at a loopback address, such as
// "127.0.0.1:8545"; port 0 takes a free one. Web pages of other origins than
// the local machine must be named. It returns the address in use. It is not for
// concurrent use with itself or Close.
func (n *Node) Listen(addr string, origins ...string) (string, error) {
	return n.rpc.listen(addr, origins)
}

func (e *endpoint) listen(addr string, origins []string) (string, error) {
	listener, err := ListenLoopback(addr)
	if err != nil {
		return "", err
	}
	web := &http.Server{Handler: Handler(e.server, origins...), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	e.http = append(e.http, web)
	go web.Serve(listener)
	return listener.Addr().String(), nil
}

// ListenLoopback listens at a loopback address and refuses any other: what a
// development node serves is for its own machine.
func ListenLoopback(addr string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: a development node serves loopback addresses only", addr)
	}
	listener, err := net.ListenTCP("tcp", resolved)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: another program does: stop it, or choose another address (port 0 is one that is free)", addr)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return listener, nil
}

// Handler serves JSON-RPC over HTTP and WebSocket, to programs and to web pages of the
// local machine and of the given origins.
func Handler(s *rpc.Server, origins ...string) http.Handler {
	origins = append(origins, localOrigins...)
	web := node.NewHTTPHandlerStack(s, anyPort(origins), []string{"localhost"}, nil, false)
	socket := s.WebsocketHandler(origins)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			socket.ServeHTTP(w, r)
			return
		}
		web.ServeHTTP(w, r)
	})
}

// anyPort adds the pattern that lets CORS match every port of an origin, as
// the WebSocket check does by itself.
func anyPort(origins []string) (out []string) {
	for _, o := range origins {
		out = append(out, o, o+":*")
	}
	return out
}

func (e *endpoint) close() {
	for _, web := range e.http {
		web.Close()
	}
	e.client.Close()
	e.server.Stop()
	e.base.Stop()
}

type web3API struct{ version string }

// ClientVersion names the program. Development tools use the methods by which
// they drive a chain where the name begins with that of a node which has them.
func (a *web3API) ClientVersion() string { return "anvil-compatible/fhevm-node/" + a.version }

// Sha3 is Keccak-256.
func (a *web3API) Sha3(input hexutil.Bytes) hexutil.Bytes { return crypto.Keccak256(input) }
