package chain

import (
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// TestTraceFiles asks for every trace that would touch a file.
func TestTraceFiles(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	n := open(t, "")
	for method, arg := range map[string]any{
		"debug_standardTraceBlockToFile":    common.Hash{1},
		"debug_standardTraceBadBlockToFile": common.Hash{1},
		"debug_traceBlockFromFile":          "/etc/hostname",
	} {
		if err := n.Client().Client().CallContext(t.Context(), nil, method, arg); err == nil || !strings.Contains(err.Error(), "too many arguments") {
			t.Errorf("%s: error %v", method, err)
		}
		if err := n.Client().Client().CallContext(t.Context(), nil, method); err == nil || !strings.Contains(err.Error(), "no files") {
			t.Errorf("%s: error %v", method, err)
		}
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("files were written: %v", left)
	}
}
