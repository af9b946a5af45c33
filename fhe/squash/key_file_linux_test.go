package squash

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// residentOf is how much of a mapped file is in memory, in KiB.
func residentOf(t *testing.T, path string) (kib int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(maps), path)
	if !found {
		t.Fatalf("%s is not mapped", path)
	}
	for line := range strings.Lines(after) {
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no size of what is in memory")
	return 0
}

// TestUnusedKeyTakesNoMemory: checking a key reads all of it, and keeps nothing.
func TestUnusedKeyTakesNoMemory(t *testing.T) {
	f, path, _ := writeKey(t)
	k, err := OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if kib := residentOf(t, path); kib != 0 {
		t.Errorf("%d KiB of an unused key are in memory", kib)
	}
	if k.row(2, 1)[0] != f.key.row(2, 1)[0] {
		t.Error("the file holds another key")
	}
	if residentOf(t, path) == 0 {
		t.Error("what was read is not counted")
	}
}
