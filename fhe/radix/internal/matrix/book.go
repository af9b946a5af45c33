package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"fhevm/fhe"
)

// book is the file of lines.
type book struct {
	path  string
	lines map[string]line // by cell
}

type line struct{ circuit, digest string }

func read(path string) (*book, error) {
	b := &book{path, make(map[string]line)}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for l := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(l), "  ", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: malformed line %q", path, l)
		}
		b.lines[fields[2]] = line{fields[0], fields[1]}
	}
	return b, nil
}

// short is how a digest is written: 64 bits tell honest mistakes apart.
func short(d fhe.Digest) string { return d.String()[2:18] }

// has reports whether there is a line for c with the given circuit.
func (b *book) has(c cell, circuit fhe.Digest) bool {
	return b.lines[c.String()].circuit == short(circuit)
}

// enter adds or replaces a line and writes the file, without cells that are no
// more.
func (b *book) enter(c cell, circuit, digest fhe.Digest) error {
	b.lines[c.String()] = line{short(circuit), short(digest)}
	var out strings.Builder
	for _, c := range cells() {
		if l, ok := b.lines[c.String()]; ok {
			fmt.Fprintf(&out, "%s  %s  %v\n", l.circuit, l.digest, c)
		}
	}
	temporary := b.path + ".new"
	if err := os.WriteFile(temporary, []byte(out.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, b.path)
}
