package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFilesAreCurrent compares the committed files with the operator table.
func TestFilesAreCurrent(t *testing.T) {
	for path, want := range files() {
		got, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale: run go generate ./contracts", path)
		}
	}
}
