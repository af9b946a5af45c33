package contracts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fhevm/fhe"
)

// layout is what layout.mjs writes: contract, then namespace, struct or
// "state variables", then the members "slot+offset type name".
type layout map[string]map[string][]string

func readLayout(t *testing.T, path string) (l layout) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return l
}

const namespace = "erc7201:"

// breaks lists where storage that l left behind would be misread. A namespace
// may grow at its end; a struct may not, since another can lie behind it.
func (l layout) breaks(next layout) (out []string) {
	for name, parts := range l {
		for part, members := range parts {
			now := next[name][part]
			if strings.HasPrefix(part, namespace) && len(now) > len(members) {
				now = now[:len(members)]
			}
			if !slices.Equal(now, members) {
				out = append(out, fmt.Sprintf("%s: %s was %q, is %q", name, part, members, now))
			}
		}
	}
	return out
}

// TestUpgradesKeepTheLayout compares the contracts with every released version,
// whose layouts stand in layouts/.
func TestUpgradesKeepTheLayout(t *testing.T) {
	released, err := filepath.Glob("layouts/*.json")
	if err != nil || len(released) == 0 {
		t.Fatalf("no released layouts, %v", err)
	}
	now := readLayout(t, "artifacts/layout.json")
	for _, path := range released {
		for _, b := range readLayout(t, path).breaks(now) {
			t.Errorf("%s: %s: append to a namespace, or begin another", path, b)
		}
	}
}

// TestNoStateOutsideNamespaces: a base that an upgrade adds would move it. The
// executor and the input verifier of attached networks, and the proxy, have none
// either.
func TestNoStateOutsideNamespaces(t *testing.T) {
	l := readLayout(t, "artifacts/layout.json")
	checked := []*Artifact{AttachedExecutor, AttachedInputVerifier, SystemProxy}
	for _, s := range Systems() {
		checked = append(checked, s.Artifact)
	}
	for _, a := range checked {
		if variables, ok := l[a.Name]["state variables"]; !ok || len(variables) != 0 {
			t.Errorf("%s: state variables %q, known %v", a.Name, variables, ok)
		}
	}
}

// TestEveryVersionHasItsLayout: a release cannot leave its file out, and a change
// of the layout is one of the version.
func TestEveryVersionHasItsLayout(t *testing.T) {
	path := "layouts/" + readManifest(t, ".").Version + ".json"
	if now := readLayout(t, "artifacts/layout.json"); !reflect.DeepEqual(readLayout(t, path), now) {
		t.Errorf("%s differs from artifacts/layout.json: begin another version, with a copy of that as its layout", path)
	}
}

func TestLayoutBreaks(t *testing.T) {
	old := layout{"A": {"erc7201:n": {"0+0 uint8 a", "0+1 uint8 b"}, "struct S": {"0+0 uint8 c"}}}
	for name, c := range map[string]struct {
		namespace, structure []string
		want                 int
	}{
		"same":          {[]string{"0+0 uint8 a", "0+1 uint8 b"}, []string{"0+0 uint8 c"}, 0},
		"appended":      {[]string{"0+0 uint8 a", "0+1 uint8 b", "1+0 uint256 d"}, []string{"0+0 uint8 c"}, 0},
		"removed":       {[]string{"0+0 uint8 a"}, []string{"0+0 uint8 c"}, 1},
		"gone":          {nil, nil, 2},
		"swapped":       {[]string{"0+0 uint8 b", "0+1 uint8 a"}, []string{"0+0 uint8 c"}, 1},
		"retyped":       {[]string{"0+0 bool a", "0+1 uint8 b"}, []string{"0+0 uint8 c"}, 1},
		"inserted":      {[]string{"0+0 uint8 z", "0+1 uint8 a", "0+2 uint8 b"}, []string{"0+0 uint8 c"}, 1},
		"struct longer": {[]string{"0+0 uint8 a", "0+1 uint8 b"}, []string{"0+0 uint8 c", "0+1 uint8 d"}, 1},
	} {
		next := layout{"A": {"erc7201:n": c.namespace, "struct S": c.structure}}
		if got := old.breaks(next); len(got) != c.want {
			t.Errorf("%s: %q, want %d", name, got, c.want)
		}
	}
}

// TestNamespacesAreWhereTheirNamesSay: each contract's code holds the ERC-7201
// location of each of its namespaces.
func TestNamespacesAreWhereTheirNamesSay(t *testing.T) {
	l := readLayout(t, "artifacts/layout.json")
	for _, s := range Systems() {
		checked := 0
		for part := range l[s.Name] {
			id, ok := strings.CutPrefix(part, namespace)
			if !ok {
				continue
			}
			hash := fhe.Keccak([]byte(id))
			before := word(0)
			new(big.Int).Sub(new(big.Int).SetBytes(hash[:]), big.NewInt(1)).FillBytes(before[:])
			slot := fhe.Keccak(before[:])
			slot[31] = 0
			if !bytes.Contains(s.DeployedBytecode, slot[:31]) {
				t.Errorf("%s does not use %s, the location of %s", s.Name, slot, id)
			}
			checked++
		}
		if checked == 0 {
			t.Errorf("%s has no namespace", s.Name)
		}
	}
}
