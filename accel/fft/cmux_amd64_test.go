//go:build !purego

package fft

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"fhevm/accel"
)

// TestHiddenFeatures runs itself where GODEBUG hides features of the CPU: the
// next implementation must take over.
func TestHiddenFeatures(t *testing.T) {
	const child = "PRINT_IMPLEMENTATIONS"
	if os.Getenv(child) != "" {
		fmt.Println(strings.Join(accel.Implementations("fft"), " "))
		os.Exit(0)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for hidden, names := range map[string][]string{
		"cpu.avx512f=off":              {"avx512"},
		"cpu.avx512f=off,cpu.avx2=off": {"avx512", "avx2"},
	} {
		cmd := exec.Command(self, "-test.run=^TestHiddenFeatures$")
		cmd.Env = append(os.Environ(), child+"=1", "GODEBUG="+strings.Trim(os.Getenv("GODEBUG")+","+hidden, ","))
		got, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(accel.Implementations("fft"), func(name string) bool { return slices.Contains(names, name) })
		if !slices.Equal(strings.Fields(string(got)), want) {
			t.Errorf("%s: implementations %s, want %v", hidden, got, want)
		}
	}
}
