package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/threshold"

	dto "github.com/prometheus/client_model/go"
)

// families are all metrics of a node on which everything has happened.
func families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	m := newMachine(t, Config{Version: "test"})
	m.computed(coprocessor.Trace{Kind: "add"})
	m.squashDone(coprocessor.SquashTrace{})
	m.metrics.decrypted(userDecryption, nil)
	m.seal(t, m.number(1))
	m.drain(t)
	all, err := m.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]*dto.MetricFamily)
	for _, f := range all {
		out[f.GetName()] = f
	}
	return out
}

// page is the table of docs/metrics.md.
func page(all map[string]*dto.MetricFamily) string {
	var rows []string
	for name, f := range all {
		if !strings.HasPrefix(name, "fhevm_") {
			continue
		}
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), strings.Join(labels, " "), f.GetHelp()))
	}
	slices.Sort(rows)
	return "| metric | type | labels | meaning |\n|---|---|---|---|\n" + strings.Join(rows, "")
}

// TestMetricsPage: docs/metrics.md lists what a node has, no more and no less.
func TestMetricsPage(t *testing.T) {
	b, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := page(families(t)); !strings.Contains(string(b), want) {
		t.Errorf("docs/metrics.md does not hold this table:\n%s", want)
	}
}

var metricName = regexp.MustCompile(`\b(fhevm|go|process)_[a-z0-9_]+`)

// TestDashboard: every metric that the dashboard draws exists, and all of its
// queries have some.
func TestDashboard(t *testing.T) {
	b, err := os.ReadFile("../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &dashboard); err != nil {
		t.Fatal(err)
	}
	all, drawn := families(t), map[string]bool{}
	maps.Copy(all, newWatched(t).families(t))
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			names := metricName.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s: %q draws no metric", p.Title, target.Expr)
			}
			for _, name := range names {
				f := family(all, name)
				if f == nil {
					t.Errorf("%s: there is no metric %s", p.Title, name)
					continue
				}
				drawn[f.GetName()] = true
			}
		}
	}
	for name := range all {
		if strings.HasPrefix(name, "fhevm_") && !drawn[name] {
			t.Errorf("nothing draws %s", name)
		}
	}
}

// family finds a metric by the name of one of its series.
func family(all map[string]*dto.MetricFamily, series string) *dto.MetricFamily {
	if f := all[series]; f != nil && f.GetType() != dto.MetricType_HISTOGRAM {
		return f
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, cut := strings.CutSuffix(series, suffix); cut && all[name].GetType() == dto.MetricType_HISTOGRAM {
			return all[name]
		}
	}
	return nil
}

// value is the metric with these labels, of a counter or gauge, or the number of a
// histogram's samples.
func value(t *testing.T, m *machine, name string, labels ...string) float64 {
	t.Helper()
	all, err := m.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, x := range f.Metric {
			var got []string
			for _, l := range x.Label {
				got = append(got, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(got, labels) {
				return x.GetCounter().GetValue() + x.GetGauge().GetValue() + float64(x.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Errorf("there is no %s %v", name, labels)
	return -1
}

// TestMetricsCount: what happens is counted, as what it is.
func TestMetricsCount(t *testing.T) {
	m := newMachine(t, Config{})
	if got := value(t, m, "fhevm_cursor_block"); got != -1 {
		t.Errorf("cursor %v before the first block", got)
	}
	good, slow := m.number(1), m.product(2)
	bad := m.order(fhe.Neg, fhe.Uint64, stored(good))
	m.seal(t, good, bad, slow)
	m.until(t, 1)
	if got := value(t, m, "fhevm_missing_ciphertexts"); got != 1 {
		t.Errorf("%v are missing while the gate is closed", got)
	}
	if got := value(t, m, "fhevm_queued_bootstraps"); got != float64(fhe.Form{Op: fhe.Mul, Type: fhe.Uint64}.Cost().Bootstraps+64) {
		t.Errorf("%v bootstraps are queued", got)
	}
	close(m.evaluator.gate)
	m.drain(t)
	for _, err := range []error{nil, threshold.Faultf(threshold.Denied, ""), threshold.Faultf("a party's own invention", ""), errors.New("x")} {
		m.metrics.decrypted(publicDecryption, err)
	}
	m.squashDone(coprocessor.SquashTrace{Kept: true})
	m.squashDone(coprocessor.SquashTrace{Err: errors.New("x")})
	for _, c := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{2, "fhevm_computations_total", []string{"trivialEncrypt", "ok"}},
		{1, "fhevm_computations_total", []string{"neg", "failed"}},
		{1, "fhevm_computations_total", []string{"mul", "ok"}},
		{4, "fhevm_computation_duration_seconds", nil},
		{2, "fhevm_ciphertext_latency_seconds", nil},
		{2, "fhevm_block_to_ciphertext_seconds", nil},
		{1, "fhevm_decryptions_total", []string{"public", "ok"}}, // labels are sorted by name: kind, outcome
		{1, "fhevm_decryptions_total", []string{"public", "not_allowed"}},
		{1, "fhevm_decryptions_total", []string{"public", "bad_request"}},
		{1, "fhevm_decryptions_total", []string{"public", "internal"}},
		{1, "fhevm_squashes_total", []string{"kept"}},
		{1, "fhevm_squashes_total", []string{"failed"}},
		{0, "fhevm_squash_duration_seconds", nil},
		{0, "fhevm_cursor_block", nil},
		{0, "fhevm_missing_ciphertexts", nil},
		{0, "fhevm_queued_bootstraps", nil},
		{1, "fhevm_accepting_transactions", nil},
	} {
		if got := value(t, m, c.name, c.labels...); got != c.want {
			t.Errorf("%s %v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

// TestBatchSizes: the histogram's sum counts bootstraps.
func TestBatchSizes(t *testing.T) {
	g := newGauges(newMachine(t, Config{}).Node)
	var x dto.Metric
	if err := batchSizes(g.batches, [16]uint64{0: 3, 15: 2}).Write(&x); err != nil {
		t.Fatal(err)
	}
	h := x.GetHistogram()
	if h.GetSampleCount() != 5 || h.GetSampleSum() != 35 || h.Bucket[0].GetCumulativeCount() != 3 || h.Bucket[15].GetCumulativeCount() != 5 {
		t.Errorf("%v", h)
	}
}
