package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPassphrase: a party's keys are encrypted with the first line of a file or
// descriptor, and are made with no passphrase that nobody meant.
func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	at := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, content := range map[string]string{"secret": "secret\nsecond line", "with space ": "with space \r\n", "bare": "bare"} {
		if got, err := readPassphrase(at("good", content), ""); err != nil || got != want {
			t.Errorf("%q reads as %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"", "\nlater", strings.Repeat("x", maxPassphrase+1)} {
		if _, err := readPassphrase(at("bad", content), ""); err == nil {
			t.Errorf("%.20q is a passphrase", content)
		}
	}
	app := newApp()
	var out bytes.Buffer
	app.Writer = &out
	key := filepath.Join(dir, "key")
	if err := app.Run([]string{"fhevm-node", "party", "key", "--out", key, "--passphrase-file", at("secret", "open\n")}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(key)
	if err != nil || bytes.Contains(file, []byte("AGE-SECRET-KEY")) || !strings.HasPrefix(out.String(), "age1pq1") {
		t.Errorf("%v: printed %.20s", err, out.String())
	}
	forward := []string{"fhevm-node", "party", "restore", "--share", key, "--identity", key, "--to", strings.TrimSpace(out.String()), "--out", filepath.Join(dir, "x")}
	for want, more := range map[string][]string{
		"give it by --passphrase-file": nil, "the passphrase does not open it": {"--passphrase-file", at("wrong", "shut")},
		"it is encrypted to another key, or damaged": {"--passphrase-file", at("right", "open")},
	} {
		if err := newApp().Run(append(forward, more...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
