package contracts

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestArtifactsAreCurrent hashes the compiler's inputs as build.mjs does.
func TestArtifactsAreCurrent(t *testing.T) {
	raw, err := artifacts.ReadFile("artifacts/build.json")
	if err != nil {
		t.Fatal(err)
	}
	var build struct{ Sources string }
	if err := json.Unmarshal(raw, &build); err != nil {
		t.Fatal(err)
	}
	inputs := []string{"build.mjs", "layout.mjs", "package-lock.json"}
	for _, folder := range []string{"config", "examples", "lib", "system", "test", "twin"} {
		files, err := filepath.Glob(folder + "/*.sol")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no sources, %v", folder, err)
		}
		inputs = append(inputs, files...)
	}
	slices.Sort(inputs)
	var list strings.Builder
	for _, path := range inputs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s %x\n", filepath.ToSlash(path), sha256.Sum256(data))
	}
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(list.String()))); got != build.Sources {
		t.Errorf("sources hash to %s, the artifacts were built from %s: run go generate ./contracts", got, build.Sources)
	}
}

// TestCodeSize keeps every contract deployable on any chain (EIP-170).
func TestCodeSize(t *testing.T) {
	for _, a := range []*Artifact{
		ACL, FHEVMExecutor, InputVerifier, DecryptionVerifier, KeyRegistry, SystemProxy, ConfidentialToken,
		OperationTwin, InputTwin, AttestedInputTwin, AttachedExecutor, AttachedInputVerifier,
	} {
		if n := len(a.DeployedBytecode); n == 0 || n > 24576 {
			t.Errorf("%s has %d bytes of code", a.Name, n)
		}
	}
}
