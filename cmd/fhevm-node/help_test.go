package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestStrayArguments: no command ignores an argument, and none acts before it refuses.
func TestStrayArguments(t *testing.T) {
	var try func(path []string, commands []*cli.Command)
	try = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			words := append(path[:len(path):len(path)], c.Name)
			try(words, c.Subcommands)
			if c.ArgsUsage != "" {
				continue
			}
			for _, f := range c.Flags {
				if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() {
					words = append(words, "--"+f.Names()[0], "1")
				}
			}
			err := newApp().Run(append(words, "dry-run"))
			if err == nil || !strings.Contains(err.Error(), `"dry-run"`) || !strings.Contains(err.Error(), "--help") {
				t.Errorf("%v dry-run: %v", words, err)
			}
		}
	}
	try([]string{"fhevm-node"}, newApp().Commands)
}

// TestAdvice: mistakes at the command line are answered with what to do.
func TestAdvice(t *testing.T) {
	dir := t.TempDir()
	for line, want := range map[string]string{
		"dev --network " + dir:                                      "make one with fhevm-node keygen --out " + dir,
		"store stat --data " + dir:                                  "is no data folder of a node",
		"party run --network x --data x --identity " + dir + "/x":   "fhevm-node party init makes",
		"worker --cluster nats://127.0.0.1:1 --token " + dir + "/x": "copy it from the node with --cluster",
	} {
		err := newApp().Run(append([]string{"fhevm-node"}, strings.Fields(line)...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
