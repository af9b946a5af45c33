package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
)

// maxBehind is the number of final blocks that a ready node may not have read.
const maxBehind = 16

// health knows which of a node's loops run.
type health struct {
	mu    sync.Mutex
	loops map[string]bool
}

// track runs a loop that lives as long as the node.
func (h *health) track(name string, run func() error) func() error {
	h.set(name, true)
	return func() error {
		defer h.set(name, false)
		return run()
	}
}

func (h *health) set(name string, runs bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loops == nil {
		h.loops = make(map[string]bool)
	}
	h.loops[name] = runs
}

// liveness is the answer of GET /healthz: the process answers, and no loop has
// ended.
type liveness struct {
	OK    bool            `json:"ok"`
	Loops map[string]bool `json:"loops"`
}

func (h *health) live() liveness {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := liveness{OK: len(h.loops) > 0, Loops: maps.Clone(h.loops)}
	for _, runs := range h.loops {
		l.OK = l.OK && runs
	}
	return l
}

// readiness is the answer of GET /readyz: each check, "ok" or what is wrong.
type readiness struct {
	OK     bool              `json:"ok"`
	Checks map[string]string `json:"checks"`
	Status *Status           `json:"status,omitempty"`
}

func (n *Node) readiness(r *http.Request) (out readiness) {
	out = readiness{OK: true, Checks: make(map[string]string)}
	check := func(name string, err error) {
		out.Checks[name] = "ok"
		if err != nil {
			out.OK, out.Checks[name] = false, err.Error()
		}
	}
	if live := n.health.live(); !live.OK {
		check("loops", fmt.Errorf("not all run: %v", live.Loops))
	}
	check("keys", n.keysLoaded())
	check("store", n.coprocessor.Writable())
	var err error
	out.Status, err = n.Status(r.Context())
	if err == nil && out.Status.Behind() > maxBehind {
		err = fmt.Errorf("the coprocessor is %d blocks behind, at most %d are normal", out.Status.Behind(), maxBehind)
	}
	check("chain", err)
	return out
}

func (n *Node) keysLoaded() error {
	if n.compute == nil {
		return fmt.Errorf("the network's keys are not loaded")
	}
	return nil
}

// serveHealth adds the routes that orchestrators ask.
func (n *Node) serveHealth(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		l := n.health.live()
		writeCheck(w, l.OK, l)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ready := n.readiness(r)
		writeCheck(w, ready.OK, ready)
	})
}

func writeCheck(w http.ResponseWriter, ok bool, detail any) {
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(detail)
}
