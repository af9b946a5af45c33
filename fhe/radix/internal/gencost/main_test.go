package main

import (
	"bytes"
	"os"
	"testing"
)

// The committed files must be those that the present circuits give.
func TestCurrent(t *testing.T) {
	table, page, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{tablePath: table, pagePath: page} {
		got, err := os.ReadFile("../../" + path) // this folder is two below fhe/radix
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./fhe/radix", path)
		}
	}
}
