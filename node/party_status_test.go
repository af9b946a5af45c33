package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"

	"github.com/cockroachdb/pebble/v2/vfs"
	dto "github.com/prometheus/client_model/go"
)

// watched is party 1 of a committee on a chain of its own, with its operator's view.
// Nobody is at its peers' addresses.
type watched struct {
	serving *served
	records *committee.Records
	*partyWatch
	metrics *partyMetrics
	chain   *chain.Node
	log     *slog.Logger
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	d := testNetwork()
	margin, err := prss.NewMargin(d.Committee.Quorum(), squash.NoiseBound().Uint64())
	if err != nil {
		t.Fatal(err)
	}
	d.Committee.Noise, d.Committee.Stat = margin.Noise, margin.Stat
	var own *identity.Identity
	for i := range d.Committee.Members {
		keys, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			own = keys
		}
		d.Committee.Members[i] = keys.Member(threshold.PartyID(i+1), "127.0.0.1:1")
	}
	secrets, err := dealer.Deal(make([]uint8, squash.Dim), &d.Committee, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{metrics: newPartyMetrics(), chain: openChain(t, d.Genesis())}
	recent := keepErrors(slog.DiscardHandler)
	w.log = slog.New(recent)
	w.records, err = committee.OpenRecords(committee.RecordsConfig{
		Dir: "party", FS: vfs.NewMem(), Signer: own.Signer, SquashKey: d.Committee.Epoch.SquashKey, Log: w.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.records.Close() })
	party, err := committee.Open(committee.Config{
		Identity: own, Secret: secrets[0], Domain: d.Domain(), Chain: chainView{chain.NewView(w.chain.Client(), d.Contracts, chain.Finalized)},
		Squashers: []committee.Squasher{&remoteSquasher{}}, Development: true, Records: w.records, Observe: w.metrics.observe, Blame: w.metrics.blamed, Log: w.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	peers, hangUp, err := committee.DialPeers(&d.Committee, own, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hangUp)
	w.serving = &served{party: party, committee: &d.Committee, peers: peers}
	w.partyWatch = &partyWatch{version: "test", started: time.Now(), network: d, head: w.chain.Client().BlockNumber, errors: recent,
		of: func() *served { return w.serving }}
	if err := w.metrics.watch(w.partyWatch); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watched) families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := w.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]*dto.MetricFamily)
	for _, f := range all {
		out[f.GetName()] = f
	}
	return out
}

// problems are the checks of a status that something is wrong with.
func problems(s *PartyStatus) (out string) {
	for _, p := range s.Problems {
		if out += " " + p.Check; p.Fatal {
			out += "!"
		}
		if p.What == "" || p.Advice == "" {
			out += "?"
		}
	}
	return strings.TrimSpace(out)
}

// TestPartyStatus: what is wrong with a party is said, and whether it can answer.
func TestPartyStatus(t *testing.T) {
	w := newWatched(t)
	s := w.status()
	if !s.OK || problems(s) != "peers" || s.Party != 1 || s.Parties != 4 || s.Epoch != 1 || s.ChainID != w.network.ChainID ||
		s.Limit != 1<<46 || len(s.Peers) != 3 || s.Peers[2] || s.Audit.Seq != 3 || s.Head < s.Final {
		t.Errorf("%+v", s)
	}
	for i := range maxErrors + 2 {
		w.log.With("a", 1).Error("something", "number", i)
		w.log.Warn("nothing")
	}
	if s := w.status(); len(s.LastError) != maxErrors || s.LastError[maxErrors-1].Message != fmt.Sprintf("something number=%d", maxErrors+1) {
		t.Errorf("%+v", s.LastError)
	}
	w.head = func(context.Context) (uint64, error) { return 0, errors.New("gone") }
	if s := w.status(); !s.OK || problems(s) != "chain peers" {
		t.Errorf("no newest block: %+v", s.Problems)
	}
	w.records.Close()
	if s := w.status(); s.OK || !strings.HasPrefix(problems(s), "chain records!") {
		t.Errorf("closed: %+v", s.Problems)
	}
	w.chain.Close()
	if s := w.status(); s.OK || !strings.HasPrefix(problems(s), "chain! records!") {
		t.Errorf("without a chain: %+v", s.Problems)
	}
}

// TestPartyOperations: the operator's routes are served, and party status reads them.
func TestPartyOperations(t *testing.T) {
	w := newWatched(t)
	o, err := openOperations(":0", w.metrics.registry, w.serve)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- o.serve(t.Context()) }()
	get := func(route string) int {
		t.Helper()
		r, err := http.Get(strings.Replace(o.url(), "/metrics", route, 1))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	for route, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/status": 200, "/debug/pprof/": 404} {
		if got := get(route); got != want {
			t.Errorf("%s: %d, want %d", route, got, want)
		}
	}
	for _, address := range []string{o.url(), strings.TrimSuffix(o.url(), "/metrics"), o.listener.Addr().String()} {
		if s, err := FetchPartyStatus(t.Context(), address); err != nil || s.Party != 1 || !s.OK {
			t.Errorf("%s: %+v, %v", address, s, err)
		}
	}
	w.records.Close()
	if got := get("/readyz"); got != 503 {
		t.Errorf("readyz of a closed party is %d", got)
	}
	if err := errors.Join(o.Close(), <-served); err != nil {
		t.Error(err)
	}
	if _, err := FetchPartyStatus(t.Context(), o.url()); err == nil || !strings.Contains(err.Error(), "does it run") {
		t.Errorf("nobody answers: %v", err)
	}
}

// TestPartyMetrics: what happens is counted, as what it is, and the table of
// docs/metrics.md has all of it.
func TestPartyMetrics(t *testing.T) {
	w := newWatched(t)
	for _, e := range []committee.Event{
		{Decision: audit.Decision{Method: audit.User, Fresh: 16}}, {Decision: audit.Decision{Method: audit.User, Refusal: threshold.QuotaExceeded}},
		{Decision: audit.Decision{Method: audit.Share, Refusal: "a coprocessor's own"}},
	} {
		w.metrics.observe(e)
	}
	w.metrics.blamed(3)
	all := w.families(t)
	for _, c := range []struct {
		want   float64
		name   string
		labels string
	}{
		{1, "fhevm_party_requests_total", "user ok"},
		{1, "fhevm_party_requests_total", "user quota_exceeded"},
		{1, "fhevm_party_requests_total", "share other"},
		{0, "fhevm_party_requests_total", "public ok"},
		{1, "fhevm_party_blames_total", "3"},
		{16, "fhevm_party_opened_blocks_total", ""},
		{3, "fhevm_party_audit_records_total", ""},
		{0, "fhevm_party_openings_total", ""},
		{1 << 46, "fhevm_party_openings_limit", ""},
		{1, "fhevm_party_ready", ""},
		{0, "fhevm_party_peer_connected", "2"},
	} {
		if got := series(all[c.name], c.labels); got != c.want {
			t.Errorf("%s %s is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	b, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := page(all); !strings.Contains(string(b), want) {
		t.Errorf("docs/metrics.md does not hold this table:\n%s", want)
	}
}

// series is the counter or gauge of a family with these labels' values; -1 if there is
// none.
func series(f *dto.MetricFamily, labels string) float64 {
	for _, m := range f.GetMetric() {
		var values []string
		for _, l := range m.Label {
			values = append(values, l.GetValue())
		}
		if strings.Join(values, " ") == labels {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return -1
}
