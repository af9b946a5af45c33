package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fhevm/node"
	"fhevm/node/demo"
	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "run a confidential transfer end to end and check every value",
		Description: `Boots a fresh network with a committee of four in a temporary folder, deploys
a token with encrypted balances, mints 1000, transfers 300, tries to transfer
10000 (moves zero), re-encrypts each balance to its owner, shows that a stranger
is refused, and opens the total supply publicly. Exits with status 1 if any
value is wrong. The cryptography is real.`,
		Flags: []cli.Flag{
			keysFlag,
			&cli.BoolFlag{Name: "dkg", Usage: "have processes make the keys without a dealer, and serve as committee (2 to 4 minutes)"},
			&cli.IntFlag{Name: "parties", Value: network.DevParties, Usage: "with --dkg, have `N` such processes: 4, or 7, which take 2 GB of memory each"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object per step on standard output, all else on standard error"},
			&cli.IntFlag{Name: "workers", Usage: "run `N` bootstraps at a time (default: one per processor)"},
		},
		Action: runDemo,
	}
}

func runDemo(c *cli.Context) error {
	if c.IsSet("parties") && !c.Bool("dkg") {
		return errors.New("demo: --parties says how many make the keys with --dkg; without it four play in one process")
	}
	start := time.Now()
	report := &demo.Report{Text: os.Stdout}
	if c.Bool("json") {
		report.Text, report.JSON = os.Stderr, os.Stdout
	}
	err := bootAndRun(c, report)
	report.Done(time.Since(start))
	if err == nil && !report.OK() {
		err = errors.New("demo: a value is wrong")
	}
	return err
}

func bootAndRun(c *cli.Context, report *demo.Report) (err error) {
	dir, err := os.MkdirTemp("", "fhevm-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if c.Bool("dkg") {
		return demoGenerated(c, dir, report)
	}
	var n *node.Node
	err = report.Step("boot", "boot a network with a committee of four", func(*demo.Step) error {
		keys, err := devKeys(c)
		if err != nil {
			return err
		}
		n, err = openDemo(c, keys, dir, false)
		return err
	})
	if err != nil {
		return err
	}
	report.Bootstraps = n.Bootstraps
	return demoOn(c.Context, n, report, func(context.Context) error { return nil })
}

func openDemo(c *cli.Context, keys network.Folder, dir string, remote bool) (*node.Node, error) {
	return node.New(c.Context, node.Config{
		Network: keys, DataDir: filepath.Join(dir, "data"), RPC: "127.0.0.1:0", API: "127.0.0.1:0", Remote: remote,
		Workers: c.Int("workers"), Version: version, Logger: slog.Default(),
	})
}

// demoGenerated runs the demo on keys that processes make together. They are the
// committee, and nothing else has a share.
func demoGenerated(c *cli.Context, dir string, report *demo.Report) error {
	parties, err := newLocalCommittee(dir, c.Int("parties"))
	if err != nil {
		return err
	}
	var keys network.Folder
	if err := report.Step("keygen", fmt.Sprintf("%d processes make the keys, without a dealer", parties.size), func(*demo.Step) (err error) {
		keys, err = parties.generate(c.Context)
		return err
	}); err != nil {
		return err
	}
	var n *node.Node
	if err := report.Step("boot", "boot a network whose committee they are", func(*demo.Step) (err error) {
		n, err = openDemo(c, keys, dir, true)
		return err
	}); err != nil {
		return err
	}
	report.Bootstraps = n.Bootstraps
	err = demoOn(c.Context, n, report, func(context.Context) error { return parties.serve(c.Context, n.RPC(), n.API()) })
	return errors.Join(err, parties.stop())
}

// demoOn runs the demo on a node that runs until the demo is over. ready is called
// when the node runs.
func demoOn(ctx context.Context, n *node.Node, report *demo.Report, ready func(context.Context) error) error {
	printWarnings(report.Text, n)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		err := n.Run(ctx)
		cancel()
		stopped <- err
	}()
	err := ready(ctx)
	if err == nil {
		err = demo.Run(ctx, n.RPC(), n.API(), report)
	}
	cancel()
	return errors.Join(err, <-stopped, n.Close())
}

func printWarnings(w io.Writer, n *node.Node) {
	for _, warning := range n.Parameters().Warnings {
		fmt.Fprintf(w, "! %s\n", warning)
	}
}
