package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"fhevm/chain"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operations is the listener for whoever runs a node or a party: /metrics, /healthz
// and /readyz. Nothing there is secret, and nothing there changes anything.
type operations struct {
	listener net.Listener
	server   *http.Server
}

// openOperations listens at an address, whose host is the loopback one if it has
// none.
func openOperations(address string, registry *prometheus.Registry, routes func(*http.ServeMux)) (*operations, error) {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	listener, err := chain.ListenLoopback(address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	routes(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return &operations{listener, &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: readTimeout, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}}, nil
}

// serve answers until ctx ends.
func (o *operations) serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { o.server.Close() })()
	if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// Close stops serving.
func (o *operations) Close() error {
	err := o.server.Close()
	o.listener.Close() // Serve closed it already where it ran
	return err
}

// Metrics is the URL of the node's metrics, "" if it serves none.
func (n *Node) Metrics() string {
	if n.operations == nil {
		return ""
	}
	return n.operations.url()
}

func (o *operations) url() string { return "http://" + o.listener.Addr().String() + "/metrics" }
