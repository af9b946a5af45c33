package node

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, m *machine, route string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	m.api.server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", route, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatal(route, err)
	}
	return w.Code
}

// TestHealthz: a node lives while all of its loops do.
func TestHealthz(t *testing.T) {
	m := newMachine(t, Config{})
	check := func(when string, want int) {
		t.Helper()
		var l liveness
		if got := get(t, m, "/healthz", &l); got != want || l.OK != (want == http.StatusOK) {
			t.Errorf("%s: %d %+v", when, got, l)
		}
	}
	check("before Run", http.StatusServiceUnavailable)
	one := m.health.track("one", func() error { check("with both", http.StatusOK); return nil })
	two := m.health.track("two", func() error { return errors.New("broken") })
	if err := one(); err != nil {
		t.Error(err)
	}
	if err := two(); err == nil {
		t.Error("a loop's error is lost")
	}
	check("after the end", http.StatusServiceUnavailable)
}

// TestReadyz: what is wrong is named, each by itself.
func TestReadyz(t *testing.T) {
	m := newMachine(t, Config{})
	check := func(when string, wrong ...string) {
		t.Helper()
		var r readiness
		code := get(t, m, "/readyz", &r)
		if (code == http.StatusOK) != (len(wrong) == 0) || r.OK != (len(wrong) == 0) {
			t.Errorf("%s: %d", when, code)
		}
		for name, result := range r.Checks {
			if strings.Contains(strings.Join(wrong, " "), name) == (result == "ok") {
				t.Errorf("%s: %s is %s", when, name, result)
			}
		}
	}
	m.health.set("all", true)
	check("without keys", "keys")
	m.compute = new(compute)
	check("in the beginning")
	for range maxBehind {
		var done string
		if err := m.chain.Client().Client().CallContext(t.Context(), &done, "evm_mine"); err != nil {
			t.Fatal(err)
		}
	}
	check("far behind", "chain")
	m.seal(t)
	check("not so far behind")
	m.health.set("all", false)
	check("with a loop that ended", "loops")
	m.health.set("all", true)
	if err := m.coprocessor.Close(); err != nil {
		t.Fatal(err)
	}
	check("without a store", "store chain")
}

// TestReadyzOnALiveChain: blocks that do not count yet are not behind.
func TestReadyzOnALiveChain(t *testing.T) {
	m := newMachine(t, Config{})
	m.health.set("all", true)
	m.compute, m.depth = new(compute), 2*maxBehind
	for range 2*maxBehind + 3 {
		m.own.Client().Client().CallContext(t.Context(), new(string), "evm_mine")
	}
	var r readiness
	if code := get(t, m, "/readyz", &r); code != http.StatusOK || r.Status == nil || r.Status.Head != 3 {
		t.Errorf("%d %+v, status %+v", code, r, r.Status)
	}
}

// TestOperations: the listener serves the three, and stays on the machine.
func TestOperations(t *testing.T) {
	m := newMachine(t, Config{})
	for _, address := range []string{"0.0.0.0:0", "192.0.2.1:0", "nonsense"} {
		if _, err := openOperations(address, m.metrics.registry, m.serveHealth); err == nil {
			t.Errorf("listens at %s", address)
		}
	}
	o, err := openOperations(":0", m.metrics.registry, m.serveHealth)
	if err != nil {
		t.Fatal(err)
	}
	m.operations = o
	served := make(chan error, 1)
	go func() { served <- o.serve(t.Context()) }()
	m.seal(t, m.number(1))
	for route, want := range map[string]int{"/metrics": 200, "/healthz": 503, "/readyz": 503, "/debug/pprof/": 404} {
		r, err := http.Get(strings.Replace(m.Metrics(), "/metrics", route, 1))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", route, r.StatusCode, want)
		}
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
