package contracts

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manifest is what the tests read of a package.json.
type manifest struct {
	Version          string
	Private          bool
	Files            []string
	Dependencies     map[string]string
	PeerDependencies map[string]string
}

func readManifest(t *testing.T, folder string) (m manifest) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// packed lists the files of a package, as npm does from the manifest's list.
func (m manifest) packed(t *testing.T, folder string) (out []string) {
	t.Helper()
	for _, name := range m.Files {
		err := fs.WalkDir(os.DirFS(folder), name, func(file string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				out = append(out, file)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s lists %s: %v", folder, name, err)
		}
	}
	return out
}

// imported finds what Solidity, JavaScript or TypeScript imports: after from, as the
// argument of import or require, or alone after import.
var imported = regexp.MustCompile(`(?m)(?:^\s*import\s+|\bfrom\s+|\bimport\(|\brequire\()"([^"]+)"`)

// resolves says whether an import of file leads to a file of the package, a
// declared dependency or Node.js itself.
func (m manifest) resolves(files []string, file, target string) bool {
	if strings.HasPrefix(target, ".") {
		at := path.Join(path.Dir(file), target)
		return slices.ContainsFunc([]string{at, at + ".ts", at + "/index.ts"}, func(f string) bool { return slices.Contains(files, f) })
	}
	declared := slices.Concat(slices.Collect(maps.Keys(m.Dependencies)), slices.Collect(maps.Keys(m.PeerDependencies)))
	return strings.HasPrefix(target, "node:") ||
		slices.ContainsFunc(declared, func(d string) bool { return target == d || strings.HasPrefix(target, d+"/") })
}

// TestPackagesImportWhatTheyHave: whoever installs a package can use each file of
// it. What is packed of the plugin is compiled from its sources, file by file.
func TestPackagesImportWhatTheyHave(t *testing.T) {
	for folder, sources := range map[string][]string{".": nil, "../hardhat": {"src"}} {
		m := readManifest(t, folder)
		from := m
		if sources != nil {
			from.Files = sources
		}
		files, found := from.packed(t, folder), 0
		for _, file := range files {
			if !slices.Contains([]string{".sol", ".mjs", ".ts"}, path.Ext(file)) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range imported.FindAllStringSubmatch(string(text), -1) {
				found++
				if !m.resolves(files, file, match[1]) {
					t.Errorf("%s/%s imports %s, which is neither packed nor a dependency", folder, file, match[1])
				}
			}
		}
		if found < 10 {
			t.Errorf("%s: found %d imports only", folder, found)
		}
	}
}

// TestPackagesAreComplete: npm adds README and LICENSE by itself, of the package's
// own folder only.
func TestPackagesAreComplete(t *testing.T) {
	license, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "../hardhat"} {
		if m := readManifest(t, folder); m.Private {
			t.Errorf("%s cannot be published", folder)
		}
		if got, err := os.ReadFile(filepath.Join(folder, "LICENSE")); err != nil || string(got) != string(license) {
			t.Errorf("%s: the licence is not the repository's, %v", folder, err)
		}
		if _, err := os.Stat(filepath.Join(folder, "README.md")); err != nil {
			t.Error(err)
		}
	}
	for _, part := range []string{"lib", "config", "artifacts", "layouts", "script/deploy.mjs"} {
		if !slices.Contains(readManifest(t, ".").Files, part) {
			t.Errorf("the contracts' package lacks %s", part)
		}
	}
}
