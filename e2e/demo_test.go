package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDemo: the first thing that anyone runs.
func TestDemo(t *testing.T) { checkDemo(t, []string{"boot"}) }

// TestDemoWithoutDealer has four processes make the keys, and be the committee.
func TestDemoWithoutDealer(t *testing.T) { checkDemo(t, []string{"keygen", "boot"}, "--dkg") }

// checkDemo runs the demo, which begins with the given steps.
func checkDemo(t *testing.T, first []string, args ...string) {
	t.Helper()
	type step struct {
		Step, Value string
		OK          bool
		Bootstraps  uint64
	}
	var names []string
	values, bootstraps := map[string]string{}, uint64(0)
	for line := range strings.Lines(mustRun(t, append([]string{"demo", "--json"}, args...)...)) {
		var s step
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if !s.OK {
			t.Errorf("step is not right: %s", line)
		}
		names, values[s.Step] = append(names, s.Step), s.Value
		bootstraps += s.Bootstraps
	}
	want := append(first, "deploy", "mint", "transfer", "overdraw", "balance-alice", "balance-bob", "stranger", "total-supply", "done")
	if !slices.Equal(names, want) {
		t.Errorf("steps %v, want %v", names, want)
	}
	for name, want := range map[string]string{"balance-alice": "700", "balance-bob": "300", "stranger": "not_allowed", "total-supply": "1000"} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
	if bootstraps == 0 {
		t.Error("no bootstrap was done")
	}
}
