package main

import (
	"fmt"
	"os"

	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func keygenCommand() *cli.Command {
	return &cli.Command{
		Name:  "keygen",
		Usage: "deal a network's keys to a committee (offline dealer ceremony), or plan their generation without a dealer",
		Description: `Draws the network's FHE keys, splits the secret among the parties, writes one
share file per party encrypted to that party, and forgets the secret. While it
runs, this process holds the whole key: run it on a machine without a network
and destroy what it leaves in memory.

Each party makes its keys with "party init" and hands over its party.json. The
order of --party is the order of the parties. The folder then holds the public
keys for everybody, network.json, node.identity for the node, and
party-N.share for party N.

The parties decrypt what coprocessors have computed, and take the word of as many
of them as --need says. The first is that of the node of this folder; name others
by the address that "fhevm-node coprocessor" prints. On another chain than the
development chain it takes two of three or more, or --parties-recompute.

With --plan no keys are made here: the parties make them together, and nobody
ever holds the whole key.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Required: true, Usage: "`FOLDER` to write, new or empty"},
			&cli.StringSliceFlag{Name: "party", Required: true, Usage: "`FILE` that describes a party; 4, 7, 10 or 13 times"},
			&cli.BoolFlag{Name: "plan", Usage: "make no keys: write plan.json, with which the parties make them without a dealer (fhevm-node party keygen)"},
			&cli.Uint64Flag{Name: "chain-id", Usage: "`ID` of the chain (default: the development chain, 31337)"},
			coprocessorFlag("another coprocessor, beside that of the node of this folder"), needFlag, recomputeFlag,
		},
		Action: runKeygen,
	}
}

func runKeygen(c *cli.Context) error {
	members, err := network.ReadMembers(c.StringSlice("party"))
	if err != nil {
		return err
	}
	words, err := wordsOf(c)
	if err != nil {
		return err
	}
	folder, plan := network.Folder(c.String("out")), network.Plan{ChainID: c.Uint64("chain-id"), Members: members, Words: words}
	if c.Bool("plan") {
		return runPlan(c, folder, plan)
	}
	bar := newBar(os.Stderr)
	d, err := folder.Deal(plan, bar.update)
	bar.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "network %s dealt to %d parties in %s\n", d.KeyID, len(members), folder)
	for _, m := range members {
		fmt.Fprintf(c.App.Writer, "  give %s to party %d\n", folder.ShareFile(m.Party), m.Party)
	}
	return nil
}
