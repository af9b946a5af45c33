package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProductionRefused: no role serves a network that calls itself more than
// this program can keep.
func TestProductionRefused(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "own")
	mustRun(t, "party", "init", "--out", own, "--address", "127.0.0.1:1")
	folder := production(t, dir)
	for name, args := range map[string][]string{
		"node":           {"dev", "--network", folder, "--rpc", "127.0.0.1:0", "--api", "127.0.0.1:0"},
		"node and party": {"dev", "--keys", folder, "--rpc", "127.0.0.1:0", "--api", "127.0.0.1:0"},
		"demo":           {"demo", "--keys", folder},
		"party": {"party", "run", "--identity", filepath.Join(own, "party.identity"), "--network", folder,
			"--data", filepath.Join(dir, "data")},
	} {
		_, stderr, err := run(t, args...)
		if err == nil {
			t.Errorf("%s runs a production network", name)
		}
		for _, missing := range []string{"production", "input proofs", "committee key generation", "BFT consensus"} {
			if !strings.Contains(stderr, missing) {
				t.Errorf("%s does not name %q: %s", name, missing, stderr)
			}
		}
	}
}

// production is a folder with the description of a development network that
// was renamed.
func production(t *testing.T, dir string) string {
	t.Helper()
	info := startDev(t).info
	p := info.Parameters
	b, err := json.Marshal(map[string]any{
		"format": 1, "network": "production", "chainId": p.ChainID, "parameterSet": p.Set, "keyId": p.KeyID,
		"coprocessor": p.Committee.Members[0].Signer, "committee": p.Committee,
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "production")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "network.json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}
