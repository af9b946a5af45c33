package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// book is the file of lines: what a cell cost when it came out right.
type book struct {
	path  string
	lines map[string]string // by cell
}

func read(path string) (*book, error) {
	b := &book{path, make(map[string]string)}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for l := range strings.Lines(string(text)) {
		cost, cell, ok := strings.Cut(strings.TrimSpace(l), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: malformed line %q", path, l)
		}
		b.lines[cell] = cost
	}
	return b, nil
}

func costOf(c cell) string { return fmt.Sprintf("%d/%d", c.Cost().Bootstraps, c.Cost().Depth) }

func (b *book) has(c cell) bool { return b.lines[c.String()] == costOf(c) }

// enter adds lines and writes the file, without cells that are no more.
func (b *book) enter(done []cell) error {
	for _, c := range done {
		b.lines[c.String()] = costOf(c)
	}
	var out strings.Builder
	for _, c := range cells() {
		if cost, ok := b.lines[c.String()]; ok {
			fmt.Fprintf(&out, "%s  %v\n", cost, c)
		}
	}
	temporary := b.path + ".new"
	if err := os.WriteFile(temporary, []byte(out.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, b.path)
}
