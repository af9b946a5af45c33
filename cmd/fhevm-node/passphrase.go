package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"fhevm/node/records"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// passphraseFlag names where a passphrase is read from: never an argument, which
// everybody on the machine sees.
func passphraseFlag(name, what string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: "`FILE` whose first line is the passphrase that " + what + "; /dev/fd/N for a descriptor, - for a prompt"}
}

const maxPassphrase = 1 << 10

// newPassphrase is what something is to be encrypted with, "" without the flag. At a
// prompt it is asked for twice.
func newPassphrase(c *cli.Context, flag string) (string, error) {
	source := c.String(flag)
	if source == "" {
		return "", nil
	}
	first, err := readPassphrase(source, "new passphrase: ")
	if err != nil || source != "-" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return first, err
	}
	again, err := readPassphrase(source, "again: ")
	if err == nil && again != first {
		err = errors.New("the two passphrases differ")
	}
	return first, err
}

// passphraseFor is that of a file of keys: "" where it has none. Without the flag it
// is asked for at the terminal, if there is one.
func passphraseFor(c *cli.Context, flag, path string) (string, error) {
	locked, err := records.Locked(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no %s: fhevm-node party init makes a party's identity, party key a custodian's", path)
	}
	if err != nil || !locked {
		return "", err
	}
	source := c.String(flag)
	if source == "" {
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", fmt.Errorf("%s is encrypted with a passphrase: give it by --%s", path, flag)
		}
		source = "-"
	}
	return readPassphrase(source, "passphrase of "+path+": ")
}

// readPassphrase reads a first line, without echo where a person types it.
func readPassphrase(source, prompt string) (string, error) {
	if source == "-" && term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprint(os.Stderr, prompt)
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return checkPassphrase(b, err)
	}
	in := os.Stdin
	if source != "-" {
		f, err := os.Open(source)
		if err != nil {
			return "", fmt.Errorf("passphrase: %w", err)
		}
		defer f.Close()
		in = f
	}
	return checkPassphrase(io.ReadAll(io.LimitReader(in, maxPassphrase+1)))
}

func checkPassphrase(b []byte, err error) (string, error) {
	defer clear(b)
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case err != nil:
		return "", fmt.Errorf("passphrase: %w", err)
	case len(line) == 0:
		return "", errors.New("the passphrase is empty")
	case len(line) > maxPassphrase:
		return "", fmt.Errorf("the passphrase has more than %d bytes", maxPassphrase)
	}
	return string(line), nil
}
