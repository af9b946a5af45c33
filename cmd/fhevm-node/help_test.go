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
