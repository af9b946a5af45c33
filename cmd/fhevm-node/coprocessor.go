package main

import (
	"errors"
	"fmt"

	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func coprocessorCommand() *cli.Command {
	return &cli.Command{
		Name:  "coprocessor",
		Usage: "print the address by which a node signs what it computes",
		Description: `A network's digest policy names coprocessors by these addresses, and so does a
party that recomputes. A folder without node.identity gets one, so this is how
another node than the network's first is made:

  fhevm-node coprocessor --network own
  fhevm-node attach --rpc URL --network own --data data --api 127.0.0.1:8556

once "own" has the network's public keys and network.json too. It follows the chain
at URL, and computes everything that is asked for there by itself.`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with node.identity, which is made if it is missing"}},
		Action: func(c *cli.Context) error {
			address, err := network.Folder(c.String("network")).Coprocessor()
			if err == nil {
				fmt.Fprintln(c.App.Writer, address)
			}
			return err
		},
	}
}

func coprocessorFlag(whose string) cli.Flag {
	return &cli.StringSliceFlag{Name: "coprocessor", Usage: "`ADDRESS` of " + whose + "; may be repeated"}
}

var (
	needFlag      = &cli.IntFlag{Name: "need", Usage: "`N` of the coprocessors must agree (default: more than half of them)"}
	recomputeFlag = &cli.BoolFlag{Name: "parties-recompute", Usage: "each party runs a node of its own and takes its word alone (party run --own-coprocessor)"}
)

// wordsOf is whose word the flags have parties take.
func wordsOf(c *cli.Context) (w network.Words, err error) {
	w.Need, w.Recompute = c.Int("need"), c.Bool("parties-recompute")
	if c.IsSet("need") && (w.Need < 1 || !c.IsSet("coprocessor")) {
		return w, errors.New("--need says how many, 1 or more, of those that --coprocessor names must agree")
	}
	w.Coprocessors, err = network.ParseCoprocessors(c.StringSlice("coprocessor"))
	return w, err
}
