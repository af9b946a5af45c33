package node

import (
	"log/slog"
	"strings"
	"testing"

	"fhevm/fhe"
)

// TestClusterNeedsTheServersToken: a token made up here opens no server elsewhere.
func TestClusterNeedsTheServersToken(t *testing.T) {
	_, err := openCluster(ClusterConfig{URL: "nats://127.0.0.1:1"}, t.TempDir(), fhe.Domain{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "--cluster-token") {
		t.Error(err)
	}
}

// TestWorkerRefusesNegativeNumbers before it looks for anything else.
func TestWorkerRefusesNegativeNumbers(t *testing.T) {
	for _, cfg := range []WorkerConfig{{Tasks: -5}, {Workers: -1}} {
		if err := RunWorker(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "want positive numbers") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
