// Package fhevm_test checks the structure of the module itself.
package fhevm_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "fhevm/"

// layers lists, for each top-level folder, the folders of this module that it
// may import. Data flows one way: precompiles, coprocessor and threshold never
// meet except in node.
var layers = map[string][]string{
	"accel":       {"accel"},
	"disk":        {},
	"fhe":         {"fhe", "accel"},
	"contracts":   {"contracts", "fhe"},
	"precompiles": {"precompiles", "fhe"},
	"coprocessor": {"coprocessor", "disk", "fhe", "accel"},
	"threshold":   {"threshold", "disk", "fhe", "accel"},
	"sdk":         {"sdk", "threshold", "fhe"},
	"chain":       {"chain", "precompiles", "contracts", "fhe"},
	"node":        {"node", "disk", "chain", "sdk", "precompiles", "coprocessor", "threshold", "contracts", "fhe", "accel"},
	"cmd":         {"node"},
	"e2e":         {"e2e", "node", "chain", "sdk", "precompiles", "coprocessor", "threshold", "contracts", "fhe", "accel"},
	"bench":       {"bench", "node", "chain", "sdk", "precompiles", "coprocessor", "threshold", "contracts", "fhe", "accel"},
}

// testLayers are what test files may import beyond their folder's layers: the
// contracts run against the real precompiles, commands on stores that tests fill.
var testLayers = map[string][]string{
	"contracts": {"precompiles"},
	"cmd":       {"coprocessor", "fhe"},
}

// foreign lists modules that a folder must stay free of: the scheme and the
// wallet know no chain, several machines are the coprocessor's business, and geth's
// commands are nobody's library.
var foreign = map[string][]string{
	"accel":       {"github.com/ethereum/", "github.com/cockroachdb/", "github.com/nats-io/"},
	"fhe":         {"github.com/ethereum/", "github.com/cockroachdb/", "github.com/nats-io/"},
	"coprocessor": {"github.com/ethereum/"},
	"threshold":   {"github.com/ethereum/", "github.com/nats-io/"},
	"sdk":         {"github.com/ethereum/", "github.com/cockroachdb/", "google.golang.org/grpc", "github.com/nats-io/"},
	"precompiles": {"github.com/cockroachdb/", "github.com/nats-io/"},
}

func TestLayers(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "_asm" || d.Name() == "tools" || d.Name() == ".git"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			checkFile(t, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, path string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	folder, _, nested := strings.Cut(path, "/")
	if !nested {
		return
	}
	allowed, known := layers[folder]
	if !known {
		t.Errorf("%s: folder %q has no row in layers", path, folder)
	}
	test := strings.HasSuffix(path, "_test.go")
	if test {
		allowed = append(testLayers[folder], allowed...)
	}
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if why := forbidden(name, folder, allowed, test); why != "" {
			t.Errorf("%s imports %s: %s", path, name, why)
		}
	}
}

func forbidden(name, folder string, allowed []string, test bool) string {
	if strings.HasPrefix(name, "github.com/ethereum/go-ethereum/cmd/") {
		return "geth's commands are not a library"
	}
	if rest, own := strings.CutPrefix(name, module); own {
		target, _, _ := strings.Cut(rest, "/")
		for _, a := range allowed {
			if a == target {
				return ""
			}
		}
		return folder + " may not import " + target
	}
	for _, prefix := range foreign[folder] {
		if !test && strings.HasPrefix(name, prefix) {
			return folder + " stays free of " + prefix
		}
	}
	return ""
}

// TestForbidden shows that the rules can fail.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		name, folder string
		want         bool
	}{
		{"fhevm/coprocessor/store", "threshold", true},
		{"fhevm/precompiles", "coprocessor", true},
		{"fhevm/node", "sdk", true},
		{"fhevm/fhe/radix", "coprocessor", false},
		{"github.com/ethereum/go-ethereum/core", "fhe", true},
		{"github.com/ethereum/go-ethereum/cmd/utils", "chain", true},
	} {
		if got := forbidden(c.name, c.folder, layers[c.folder], false) != ""; got != c.want {
			t.Errorf("%s in %s: forbidden = %v, want %v", c.name, c.folder, got, c.want)
		}
	}
}
