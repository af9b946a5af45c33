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
	before := files(t)
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
	if after := files(t); after != before {
		t.Errorf("%d files were written", after-before)
	}
}

func files(t *testing.T) int {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
