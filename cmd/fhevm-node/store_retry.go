package main

import (
	"fmt"
	"log/slog"

	"fhevm/node/storage"

	"github.com/urfave/cli/v2"
)

func retryCommand() *cli.Command {
	return &cli.Command{
		Name:  "retry",
		Usage: "have failed computations attempted again",
		Description: `A computation that failed is kept as failed, and so is all that needs it: fhevm_handle
and the log say which one it was, the culprit, and why. Mend the cause first, as a
worker that died or lied, or a posted input list that came too late. Then name a
handle that failed: its failure is forgotten with that of its culprit and of all
that failed by it, and nothing else. When the node starts, it computes them again.
A handle without a failure is refused, and nothing is forgotten then. --all is for a
cause that was behind every failure.`,
		Flags: []cli.Flag{storedFlag, jsonFlag,
			&cli.StringSliceFlag{Name: "handle", Usage: "`HANDLE` that failed; may be repeated"},
			&cli.BoolFlag{Name: "all", Usage: "forget every failure"},
		},
		Action: runRetry,
	}
}

func runRetry(c *cli.Context) error {
	which, err := storage.ParseRetrying(c.StringSlice("handle"), c.Bool("all"))
	if err != nil {
		return err
	}
	r, err := storage.Retry(c.String("data"), which, slog.Default())
	if err != nil || c.Bool("json") {
		return printJSON(c, r, err)
	}
	for i, x := range r.Culprits {
		if i == shownProblems {
			break
		}
		fmt.Fprintf(c.App.Writer, "%s: %s\n    with what needs it: %d\n", x.Handle, x.Reason, x.Forgotten)
	}
	fmt.Fprintf(c.App.Writer, "forgot %d failures; %d handles are computed when the node starts\n", r.Forgotten, r.Missing)
	return nil
}
