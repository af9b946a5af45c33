package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"fhevm/node/network"
)

// comparison is a figure of ours beside the peer's, medians of one run.
type comparison struct {
	Name   string  `json:"name"`
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
	Unit   string  `json:"unit"`
	Ratio  float64 `json:"ratio"` // above 1: ours is better
	Target float64 `json:"target,omitempty"`
	Rounds int     `json:"rounds"`
	Peer   string  `json:"peer"`
	origin
}

// The measurement of a row ends after so many rounds, or so much time and leastRounds.
// That of a row whose ratio is within close of its target goes on for longer.
const (
	leastRounds = 3
	close       = 0.1
)

type patience struct {
	rounds int
	time   time.Duration
}

var (
	usual = patience{5, 12 * time.Second}
	more  = patience{9, 45 * time.Second}
)

// isDone reports whether so many rounds that took so long are enough.
func (p patience) isDone(rounds int, took time.Duration) bool {
	return rounds >= p.rounds || rounds >= leastRounds && took >= p.time
}

// patience is how long c deserves to be measured.
func (c comparison) patience() patience {
	if c.Target > 0 && math.Abs(c.Ratio/c.Target-1) < close {
		return more
	}
	return usual
}

// compare measures our figures and the peer's in turn.
func (o *options) compare(ctx context.Context, f network.Folder) error {
	m, err := newMachine(f)
	if err != nil {
		return err
	}
	defer m.engine.Close()
	p, err := startPeer(ctx, o.peer)
	if err != nil {
		return err
	}
	defer p.stop()
	file, err := openResults(o.path("peers"), len(o.only) > 0, func(c comparison) string { return c.Name })
	if err != nil {
		return err
	}
	var failed []error
	for _, fig := range append(m.figures(), m.batchInterface()) {
		if !o.only.has(fig.name) || !slices.Contains(p.rows, fig.name) {
			continue
		}
		c, err := fig.compare(ctx, p)
		if err == nil {
			fmt.Println(c)
			err = file.put(c)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", fig.name, err))
		}
	}
	fmt.Println(verdict(file.rows))
	return errors.Join(failed...)
}

// compare measures the figure of both in turn, until the row is done.
func (fig figure) compare(ctx context.Context, p *peer) (c comparison, err error) {
	var ours, theirs []float64
	for start := time.Now(); !c.patience().isDone(len(ours), time.Since(start)); {
		o, err := fig.measure(ctx)
		if err != nil {
			return c, err
		}
		t, err := p.measure(fig.name)
		if err != nil {
			return c, err
		}
		ours, theirs = append(ours, o), append(theirs, t)
		c = fig.comparison(ours, theirs)
		c.Peer = p.name
	}
	return c, nil
}

// comparison is the row of some rounds, which it sorts.
func (fig figure) comparison(ours, theirs []float64) comparison {
	c := comparison{
		Name: fig.name, Ours: median(ours), Theirs: median(theirs), Unit: fig.unit,
		Target: target(fig.name), Rounds: len(ours), origin: here(),
	}
	c.Ratio = c.Theirs / c.Ours
	if fig.unit == "op/s" {
		c.Ratio = c.Ours / c.Theirs
	}
	return c
}

// String is c as a line of a table.
func (c comparison) String() string {
	line := fmt.Sprintf("%-56s %10.2f %10.2f %-5s x %5.2f", c.Name, c.Ours, c.Theirs, c.Unit, c.Ratio)
	switch {
	case c.Target == 0:
		return line
	case c.Ratio >= c.Target:
		return fmt.Sprintf("%s  met     %.1f", line, c.Target)
	}
	return fmt.Sprintf("%s  MISSED  %.1f", line, c.Target)
}

// peer is the running program of a peer: it reads names of rows and answers
// each with a line of JSON.
type peer struct {
	name    string
	rows    []string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// startPeer starts a program, named with its arguments. It makes its keys
// before it answers.
func startPeer(ctx context.Context, program string) (*peer, error) {
	with := func(more ...string) *exec.Cmd {
		args := append(strings.Fields(program), more...)
		return exec.CommandContext(ctx, args[0], args[1:]...)
	}
	list, err := with("-list").Output()
	if err != nil {
		return nil, fmt.Errorf("list the rows of %s: %w", program, err)
	}
	version, err := with("-version").Output()
	if err != nil {
		return nil, fmt.Errorf("version of %s: %w", program, err)
	}
	p := &peer{name: strings.TrimSpace(string(version)), rows: strings.Split(string(list), "\n"), command: with()}
	p.command.Stderr = os.Stderr
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.command.Start()
}

// measure asks for one row.
func (p *peer) measure(name string) (float64, error) {
	if _, err := fmt.Fprintln(p.in, name); err != nil {
		return 0, fmt.Errorf("ask %s: %w", p.name, err)
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("%s ended", p.name)
	}
	var answer struct{ Value float64 }
	err := json.Unmarshal(p.out.Bytes(), &answer)
	return answer.Value, err
}

func (p *peer) stop() error {
	p.in.Close()
	return p.command.Wait()
}
