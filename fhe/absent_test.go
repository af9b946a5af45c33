package fhe

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// absentPage says why types lack the operations that they lack.
const absentPage = "../docs/decisions/0013-operations-that-types-lack.md"

// What the page lists is what the table lacks, for every type of a kind.
func TestAbsentOperations(t *testing.T) {
	b, err := os.ReadFile(absentPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range Types() {
		kind := absentKind(typ)
		var lacks []string
		for _, row := range operators {
			if !row.On(typ) {
				lacks = append(lacks, "`"+row.Name+"`")
			}
		}
		if line := fmt.Sprintf("\n| %s | %s |\n", kind, strings.Join(lacks, " ")); kind != "" && !strings.Contains(string(b), line) {
			t.Errorf("%s has no line%s", absentPage, line)
		} else if kind == "" && len(lacks) > 0 {
			t.Errorf("%s lacks %v", typ, lacks)
		}
	}
}

// absentKind is the page's name for types like t, none for those that have all
// operations.
func absentKind(t Type) string {
	switch {
	case t.Kind() == Bools:
		return "`bool`"
	case t.Kind() == Addresses:
		return "address"
	case t.Signed():
		return "signed"
	case t.Bits() > 16:
		return "unsigned of more than 16 bits"
	}
	return ""
}

// The page's examples call functions that the Solidity library has.
func TestAbsentOperationsInSolidity(t *testing.T) {
	page, err := os.ReadFile(absentPage)
	if err != nil {
		t.Fatal(err)
	}
	library, err := os.ReadFile("../contracts/lib/FHE.sol")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`FHE\.(\w+)\(`).FindAllStringSubmatch(string(page), -1)
	if len(calls) < 10 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, call := range calls {
		if !strings.Contains(string(library), "function "+call[1]+"(") {
			t.Errorf("the library has no function %s", call[1])
		}
	}
}
