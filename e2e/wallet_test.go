package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestJavaScriptWallet runs transfer.mjs: ethers and the wasm wallet core
// against a node, through JSON-RPC and the wallet API alone.
func TestJavaScriptWallet(t *testing.T) {
	for _, needed := range []string{"../sdk/wasm/dist/fhevm.wasm", "node_modules/ethers"} {
		if _, err := os.Stat(needed); err != nil {
			t.Fatalf("%v: run make e2e, which builds the wasm core and installs ethers", err)
		}
	}
	n := startDev(t)
	info, err := json.Marshal(n.info)
	n.must(err)
	file := filepath.Join(t.TempDir(), "dev.json")
	n.must(os.WriteFile(file, info, 0o600))
	out, err := exec.CommandContext(n.ctx, "node", "transfer.mjs", file).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(out), "all values are right\n") {
		t.Error("the script did not reach its end")
	}
}
