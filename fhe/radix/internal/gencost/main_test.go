package main

import (
	"bytes"
	"os"
	"runtime/debug"
	"testing"
)

// Circuits are built and thrown away: with the usual percentage the collector takes
// a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

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
